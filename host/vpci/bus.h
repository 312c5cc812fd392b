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

struct vpci_function *vpci_bus_function(struct vpci_bus *bus, uint32_t slot);
/* Of any bus; NULL: there is none of this id. */
struct vpci_function *vpci_function_find(uint64_t device_id);

/* Sends BUS_RELATIONS in the form of the version that was agreed on: at most VPCI_RELATIONS_BYTES.
 */
#define VPCI_RELATIONS_BYTES                                                                       \
    (sizeof(struct vpci_relations) + VPCI_FUNCTIONS_PER_BUS * sizeof(struct vpci_relation_2))
void vpci_send_relations(struct vpci_bus *bus);
/* An NT_STATUS_* value. */
uint32_t vpci_d0_entry(struct vpci_bus *bus, uint64_t window);
/* Resets all functions; the window is gone. */
void vpci_power_off(struct vpci_bus *bus);

/* Service of a vPCI channel (requests.c). The owner is the bus. Written before launch only. */
extern struct vmbus_service vpci_service;

/* The bus in D0 whose window has this address; NULL: there is none. */
struct vpci_bus *vpci_bus_of_window(uint64_t gpa);
/* The guest may put windows and BARs here: both ends in one range that the host gave to VMBus. */
bool vpci_memory_contains(uint64_t gpa, uint64_t length);
/* Takes the ranges out of the nested tables and answers accesses to them. Before launch. */
bool vpci_memory_init(void);

#endif
