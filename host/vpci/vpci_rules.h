/* SPDX-License-Identifier: MIT */
/* The steps by which functions leave a bus that is taken away, as data. Written before launch only.
 */
#ifndef PVT_HOST_VPCI_VPCI_RULES_H
#define PVT_HOST_VPCI_VPCI_RULES_H

#include <stdint.h>

struct vpci_function;

struct vpci_rules {
    void (*leave_domain)(
        uint64_t device_id); /* no domain, and the translation before the first ATTACH */
    void (*power_off)(struct vpci_function *function); /* as at power-on */
};
extern struct vpci_rules vpci_rules;

#endif
