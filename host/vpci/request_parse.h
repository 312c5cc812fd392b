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
    bool names_function;
    uint32_t slot; /* of that function */
    union {
        uint32_t version;
        uint64_t window;
        uint32_t power_state;
        struct {
            struct vpci_assigned_bar bar[VPCI_BARS];
            struct vpci_resource raw[VPCI_BARS]; /* as they came, for the reply */
        } resources;
        struct {
            uint32_t vector, count;
            uint64_t vps; /* of VPs 0 to 63 */
        } create;
        struct vpci_interrupt interrupt; /* DELETE_INTERRUPT */
    };
};

enum vpci_parse {
    VPCI_PARSED,
    VPCI_UNKNOWN,   /* no request that this host knows; the type is valid */
    VPCI_MALFORMED, /* too short, or its fields contradict each other */
};

/* `size` may be up to 7 bytes more than the guest meant. */
enum vpci_parse vpci_request_parse(const void *payload, size_t size, struct vpci_request *request);

#endif
