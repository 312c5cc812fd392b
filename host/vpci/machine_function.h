/* SPDX-License-Identifier: MIT */
/*
 * A function of the machine that is passed through, for the two files machine_*.c. The guest sees
 * its configuration space except for what the host has to keep for itself: BARs, of which the real
 * ones stay where the firmware put them, the command register, and interrupt messages.
 */
#ifndef PVT_HOST_VPCI_MACHINE_FUNCTION_H
#define PVT_HOST_VPCI_MACHINE_FUNCTION_H

#include "host/base/machine_access.h"
#include "host/vpci/function.h"

struct machine_bar {
    uint64_t address, length; /* the real one; length 0: none that the guest gets */
    uint64_t shown;           /* GPA at which the guest has it; 0: not mapped */
};

/* An entry of an MSI-X table (PCI Local Bus 3.0, 6.8.2.6). */
struct machine_msix_entry {
    uint32_t address_low, address_high, data, control;
};
#define MSIX_ENTRY_MASKED 1u

struct machine_function {
    struct vpci_function *function;
    uint64_t config; /* address of the configuration space */
    struct machine_bar bar[VPCI_BARS];
    uint32_t bar_value[VPCI_BARS]; /* what the guest reads */
    uint16_t command;              /* likewise */

    unsigned sriov; /* offset of the SR-IOV capability, which the guest does not get; 0: none */

    /* MSI registers as the guest wrote them, with messages of the host (interrupts.h). */
    unsigned msi; /* offset of the capability; 0: none */
    uint32_t msi_register[3];
    unsigned msix;
    unsigned table_bar, entries;
    uint64_t table_offset; /* in that BAR */
    struct machine_msix_entry *table;
};

/* Finds the capabilities. False when the host cannot translate the messages of this function. */
bool machine_messages_init(struct machine_function *machine);
void machine_messages_reset(struct machine_function *machine);
/* Writes what the guest's messages mean now into the device. */
void machine_messages_apply(struct machine_function *machine);

/* Registers of the MSI capability, in configuration space: `*value` is a whole word at `offset`.
 * False: not one that the host keeps. */
bool machine_msi_read(const struct machine_function *machine, unsigned offset, uint32_t *value);
bool machine_msi_write(struct machine_function *machine, unsigned offset, uint32_t value);

/* Pages of the MSI-X table: the guest does not reach them directly. */
bool machine_table_has_page(const struct machine_function *machine, unsigned bar, uint64_t offset);
/* False: not in the table. */
bool machine_table_access(struct machine_function *machine, unsigned bar, uint64_t offset,
                          unsigned size, uint64_t *value, bool write);

#endif
