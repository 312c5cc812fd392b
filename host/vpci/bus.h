/* SPDX-License-Identifier: MIT */
/* vPCI buses, for the files of host/vpci only. */
#ifndef PVT_HOST_VPCI_BUS_H
#define PVT_HOST_VPCI_BUS_H

#include "host/vmbus/vmbus.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci.h"

#define VPCI_FUNCTIONS_PER_BUS 8u

struct vpci_bus {
    struct vmbus_channel *channel;
    struct vpci_function function[VPCI_FUNCTIONS_PER_BUS];
    unsigned functions;
    uint32_t version;  /* 0: not agreed on */
    bool powered;      /* between D0 entry and D0 exit */
    uint64_t window;   /* of configuration space, while powered */
    uint32_t selected; /* slot word */
};

extern struct vpci_hooks vpci_hooks;

struct vpci_bus *vpci_buses(unsigned *count);
struct vpci_function *vpci_bus_function(struct vpci_bus *bus, uint32_t slot);

/* What a channel of this kind does (requests.c). The owner is the bus. */
extern const struct vmbus_service vpci_service;

/* The guest may put windows and BARs here: both ends in one range that the host gave to VMBus. */
bool vpci_memory_contains(uint64_t gpa, uint64_t length);
/* Takes the ranges out of the nested tables and answers accesses to them. Before launch. */
bool vpci_memory_init(void);

#endif
