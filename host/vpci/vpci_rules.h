/* SPDX-License-Identifier: MIT */
/* The choices of a host in the vPCI protocol, and the steps by which functions leave a bus that is
 * taken away, as data. Written before launch only. */
#ifndef PVT_HOST_VPCI_VPCI_RULES_H
#define PVT_HOST_VPCI_VPCI_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct vpci_function;

struct vpci_rules {
    /* The latest version, and the number of the device of each bus. */
    uint32_t last_version, device;
    /* In the reply to a version that is agreed on, instead of that one; BUS_RELATIONS come before
     * the completion of BUS_D0ENTRY, too. */
    bool names_last_version, relations_at_d0;
    /* Of a window: an aligned access of 1, 2 or 4 bytes. */
    uint32_t (*config_read)(struct vpci_function *function, unsigned offset, unsigned size);
    void (*leave_domain)(
        uint64_t device_id); /* no domain, and the translation before the first ATTACH */
    void (*power_off)(struct vpci_function *function); /* as at power-on */
};
extern struct vpci_rules vpci_rules;

#endif
