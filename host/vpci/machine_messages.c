/* SPDX-License-Identifier: MIT */
/* MSI and MSI-X of a passed-through function: the device gets real messages, the guest sees those
 * that it was given. */
#include <stddef.h>

#include "host/base/memory.h"
#include "host/platform/pci_config.h"
#include "host/vmbus/synic.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/machine_function.h"
#include "lib/bits.h"
#include "lib/string.h"

/* A message that the host does not know goes to an APIC that does not exist. */
#define NO_APIC 0xFEu

static uint64_t table_bytes(const struct machine_function *machine)
{
    return machine->entries * sizeof(*machine->table);
}

/* Control word, address, with MSI_CONTROL_64_BIT its upper half, and data. */
static void init_msi(struct machine_function *machine)
{
    uint32_t word = (uint32_t)machine_in(machine->config + machine->msi, 4);

    machine->msi_data = machine->msi + ((word >> 16 & MSI_CONTROL_64_BIT) != 0 ? 12 : 8);
    machine_keep(machine, machine->msi, 4,
                 word & ~((MSI_CONTROL_MULTIPLE | MSI_CONTROL_ENABLE) << 16),
                 MSI_CONTROL_ENABLE << 16);
    for (unsigned at = machine->msi + 4; at <= machine->msi_data; at += 4)
        machine_keep(machine, at, 4, 0, UINT32_MAX);
}

/* False when the table lies in no BAR of the guest. */
static bool init_msix(struct machine_function *machine)
{
    uint32_t control =
                 (uint32_t)machine_in(machine->config + machine->msix + CAPABILITY_CONTROL, 2),
             table =
                 (uint32_t)machine_in(machine->config + machine->msix + CAPABILITY_MSIX_TABLE, 4);
    const struct machine_bar *bar = &machine->bar[MSIX_TABLE_BAR(table) % VPCI_BARS];

    machine->table_bar = MSIX_TABLE_BAR(table);
    machine->table_offset = MSIX_TABLE_OFFSET(table);
    machine->entries = MSIX_CONTROL_ENTRIES(control);
    machine->table = host_pages_for(table_bytes(machine));
    vpci_hooks.reach(bar->address + machine->table_offset, table_bytes(machine));
    return machine->table_bar < VPCI_BARS &&
           machine->table_offset + table_bytes(machine) <= bar->length;
}

bool machine_messages_init(struct machine_function *machine)
{
    machine->msi = pci_find_capability(machine->function->bdf, PCI_CAPABILITY_MSI);
    machine->msix = pci_find_capability(machine->function->bdf, PCI_CAPABILITY_MSIX);
    if (machine->msi != 0)
        init_msi(machine);
    return machine->msix == 0 || init_msix(machine);
}

static uint32_t real_address(const struct interrupt_message *message)
{
    return MESSAGE_TO(message ? synic_apic_id(message->vp) : NO_APIC);
}

void machine_msi_apply(struct machine_function *machine)
{
    const struct config_space *shown = &machine->shown;
    unsigned control = machine->msi + CAPABILITY_CONTROL, first = machine->msi + 4,
             data = machine->msi_data;
    const struct interrupt_message *message =
        interrupts_find(machine->function, config_read(shown, first, data - first),
                        (uint32_t)config_read(shown, data, 2));

    machine_out(machine->config + first, 4, real_address(message));
    for (unsigned at = first + 4; at < data; at += 4)
        machine_out(machine->config + at, 4, 0);
    machine_out(machine->config + data, 2, message ? message->vector : UINT8_MAX);
    machine_out(machine->config + control, 2, config_read(shown, control, 2) & MSI_CONTROL_ENABLE);
}

static void apply_entry(struct machine_function *machine, unsigned index)
{
    const struct msix_entry *guest = &machine->table[index];
    const struct interrupt_message *message =
        interrupts_find(machine->function, guest->address, guest->data);
    uint64_t real =
        machine->bar[machine->table_bar].address + machine->table_offset + index * sizeof(*guest);
    uint64_t control = real + offsetof(struct msix_entry, control);

    machine_out(control, 4, MSIX_ENTRY_MASKED);
    if (!message)
        return;
    machine_out(real, 4, real_address(message));
    machine_out(real + 4, 4, 0);
    machine_out(real + offsetof(struct msix_entry, data), 4, message->vector);
    machine_out(control, 4, guest->control);
}

void machine_messages_apply(struct vpci_function *function)
{
    struct machine_function *machine = function->machine;

    if (machine->msi != 0)
        machine_msi_apply(machine);
    for (unsigned i = 0; i < machine->entries; i++)
        apply_entry(machine, i);
}

void machine_messages_reset(struct machine_function *machine)
{
    if (machine->msix != 0)
        machine_out(machine->config + machine->msix + CAPABILITY_CONTROL, 2, 0);
    for (unsigned i = 0; i < machine->entries; i++)
        machine->table[i] = (struct msix_entry){.control = MSIX_ENTRY_MASKED};
    machine_messages_apply(machine->function);
}

bool machine_table_has_page(const struct machine_function *machine, unsigned bar, uint64_t offset)
{
    uint64_t end = machine->table_offset + table_bytes(machine);

    return machine->msix != 0 && bar == machine->table_bar &&
           offset >= align_down(machine->table_offset, PAGE_SIZE) &&
           offset < align_up(end, PAGE_SIZE);
}

/* An entry takes words and pairs of words. */
static void access_entry(struct machine_function *machine, uint64_t at, unsigned size,
                         uint64_t *value, bool write)
{
    uint8_t *bytes = (uint8_t *)machine->table + at;
    bool valid = (size == 4 || size == 8) && at % size == 0;

    if (write && valid) {
        memcpy(bytes, value, size);
        apply_entry(machine, (unsigned)(at / sizeof(*machine->table)));
    } else if (!write) {
        *value = valid ? 0 : UINT64_MAX;
        memcpy(value, bytes, valid ? size : 0);
    }
}

bool machine_table_access(struct machine_function *machine, uint64_t gpa, unsigned size,
                          uint64_t *value, bool write)
{
    const struct machine_bar *bar = &machine->bar[machine->table_bar];
    uint64_t offset = gpa - bar->shown, at = offset - machine->table_offset;

    if (bar->shown == 0 || offset >= bar->length ||
        !machine_table_has_page(machine, machine->table_bar, offset))
        return false;
    if (at < table_bytes(machine))
        access_entry(machine, at, size, value, write);
    else if (write) /* other registers in the pages of the table */
        machine_out(bar->address + offset, size, *value);
    else
        *value = machine_in(bar->address + offset, size);
    return true;
}
