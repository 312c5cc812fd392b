/* SPDX-License-Identifier: MIT */
/*
 * A function of the machine that is passed through, for the two files machine_*.c. The guest sees
 * its configuration space except for what the host has to keep for itself: BARs, of which the real
 * ones stay where the firmware put them, the command register, and interrupt messages.
 */
#ifndef PVT_HOST_VPCI_MACHINE_FUNCTION_H
#define PVT_HOST_VPCI_MACHINE_FUNCTION_H

#include "host/base/machine_access.h"
#include "host/vdev/config_space.h"
#include "host/vdev/msi.h"
#include "host/vpci/function.h"

struct machine_bar {
    uint64_t address, length; /* the real one; length 0: none that the guest gets */
    uint64_t shown;           /* GPA at which the guest has it; 0: not mapped */
};

struct machine_function {
    struct vpci_function *function;
    struct machine_function *next;
    uint64_t config; /* address of the configuration space */
    /* The bytes of it that the host keeps, as the guest sees them. */
    bool kept[CONFIG_SPACE_SIZE];
    struct config_space shown;
    struct machine_bar bar[VPCI_BARS];

    /* Messages are those of the host (interrupts.h), as the guest wrote them. */
    unsigned msi;      /* offset of the capability; 0: none */
    unsigned msi_data; /* of its last register */
    unsigned msix, table_bar, entries;
    uint64_t table_offset; /* in that BAR */
    struct msix_entry *table;
};

/* The host keeps the bytes: the guest reads `value` and can change the bits of `writable`. */
void machine_keep(struct machine_function *machine, unsigned offset, unsigned size, uint32_t value,
                  uint32_t writable);

/* Finds the capabilities. False when the host cannot translate the messages of this function. */
bool machine_messages_init(struct machine_function *machine);
void machine_messages_reset(struct machine_function *machine);
/* Writes what the guest's messages mean now into the device; of MSI alone. */
void machine_messages_apply(struct vpci_function *function);
void machine_msi_apply(struct machine_function *machine);

/* Pages of the MSI-X table: the guest does not reach them directly. */
bool machine_table_has_page(const struct machine_function *machine, unsigned bar, uint64_t offset);
/* False: not in these pages. */
bool machine_table_access(struct machine_function *machine, uint64_t gpa, unsigned size,
                          uint64_t *value, bool write);

#endif
