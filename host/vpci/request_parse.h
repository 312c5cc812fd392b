/* SPDX-License-Identifier: MIT */
/* Requests of a guest on a vPCI channel, taken apart. No dependence on the rest of the host. */
#ifndef PVT_HOST_VPCI_REQUEST_PARSE_H
#define PVT_HOST_VPCI_REQUEST_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vpci.h"

struct vpci_assigned_bar {
    uint64_t start, length; /* 0, 0: not described */
};

struct vpci_request {
    enum vpci_message_type type;
    bool names_function; /* by message.slot */
    /* The message; 0 after its end. */
    union {
        struct vpci_message any;
        struct vpci_slot_message slot;
        struct vpci_version_query version;
        struct vpci_d0_entry d0_entry;
        struct vpci_power_state_change power;
        struct vpci_resources_assigned resources;
        struct vpci_create_interrupt create_1;
        struct vpci_create_interrupt_2 create_2;
        struct vpci_create_interrupt_3 create_3;
        struct vpci_delete_interrupt deleted;
    } message;
    /* The same in all forms of a request. */
    struct vpci_assigned_bar bar[VPCI_BARS];
    struct vpci_create {
        uint32_t vector, count;
        uint64_t vps; /* of VPs 0 to 63 */
    } create;
};

/* NT_STATUS_SUCCESS; NOT_SUPPORTED: no request that this host knows; BAD_DATA: too short, or its
 * fields contradict each other. `size` may be up to 7 bytes more than the guest meant. */
uint32_t vpci_request_parse(const void *payload, size_t size, struct vpci_request *request);

#endif
