/* SPDX-License-Identifier: MIT */
/* The choices of a host in the vPCI protocol, and the steps by which functions leave a bus that is
 * taken away, as data. Written before launch only. */
#ifndef PVT_HOST_VPCI_VPCI_RULES_H
#define PVT_HOST_VPCI_VPCI_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct vpci_function;

/* BUS_RELATIONS are sent */
enum vpci_relations_at {
    VPCI_RELATIONS_ON_QUERY,        /* when the guest asks */
    VPCI_RELATIONS_ON_QUERY_AND_D0, /* and in D0 entry, before its completion */
    VPCI_RELATIONS_TWICE,           /* twice each time, and once when a version is agreed on */
};

struct vpci_rules {
    uint32_t last_version;
    bool names_last_version; /* in the reply to a version that is agreed on, instead of that one */
    enum vpci_relations_at relations_at;
    /* Of a window: an aligned access of 1, 2 or 4 bytes. */
    uint32_t (*config_read)(struct vpci_function *function, unsigned offset, unsigned size);
    void (*leave_domain)(
        uint64_t device_id); /* no domain, and the translation before the first ATTACH */
    void (*power_off)(struct vpci_function *function); /* as at power-on */
};
extern struct vpci_rules vpci_rules;

#endif
