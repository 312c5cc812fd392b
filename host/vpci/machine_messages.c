/* SPDX-License-Identifier: MIT */
/* MSI and MSI-X of a passed-through function: the device gets real messages, the guest sees those
 * that it was given. */
#include <stddef.h>

#include "host/base/memory.h"
#include "host/vdev/config_space.h"
#include "host/vmbus/synic.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/machine_function.h"
#include "lib/bits.h"

#define CAPABILITIES_MAX 48u
#define CAPABILITY_MSI   0x05u
#define CAPABILITY_MSIX  0x11u

#define CONTROL         2u /* in both capabilities */
#define MSI_ENABLE      (1u << 0)
#define MSI_MULTIPLE    (0x3Fu << 1) /* how many messages the device can send, and may */
#define MSI_64_BIT      (1u << 7)
#define MSIX_ENABLE     (1u << 15)
#define MSIX_ENTRIES(c) (((c)&0x7FFu) + 1)
#define MSIX_TABLE      4u
#define MSIX_BAR(t)     ((t)&7u)
#define MSIX_OFFSET(t)  ((t) & ~7u)

#define REAL_ADDRESS     0xFEE00000u
#define REAL_DESTINATION 12
/* A message that the host does not know goes to an APIC that does not exist. */
#define NO_APIC (REAL_ADDRESS | 0xFEu << REAL_DESTINATION)

static uint32_t config_in(const struct machine_function *machine, unsigned offset, unsigned size)
{
    return (uint32_t)machine_in(machine->config + offset, size);
}

static unsigned find_capability(const struct machine_function *machine, unsigned id)
{
    unsigned at = config_in(machine, CONFIG_CAPABILITIES, 1) & 0xFCu;

    if ((config_in(machine, CONFIG_STATUS, 2) & STATUS_CAPABILITIES) == 0)
        return 0;
    for (unsigned i = 0; at != 0 && i < CAPABILITIES_MAX; i++) {
        if (config_in(machine, at, 1) == id)
            return at;
        at = config_in(machine, at + 1, 1) & 0xFCu;
    }
    return 0;
}

bool machine_messages_init(struct machine_function *machine)
{
    uint32_t table;
    uint64_t bytes;

    machine->msi = find_capability(machine, CAPABILITY_MSI);
    machine->msix = find_capability(machine, CAPABILITY_MSIX);
    if (machine->msix == 0)
        return true;
    table = config_in(machine, machine->msix + MSIX_TABLE, 4);
    machine->table_bar = MSIX_BAR(table);
    machine->table_offset = MSIX_OFFSET(table);
    machine->entries = MSIX_ENTRIES(config_in(machine, machine->msix + CONTROL, 2));
    bytes = machine->entries * sizeof(struct machine_msix_entry);
    if (machine->table_bar >= VPCI_BARS ||
        machine->bar[machine->table_bar].length < machine->table_offset + bytes)
        return false;
    machine->table = host_pages((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    vpci_hooks.reach(machine->bar[machine->table_bar].address + machine->table_offset, bytes);
    return true;
}

/* The registers after the control word: address, its upper half, data. Without the upper half, data
 * is the second. */
static unsigned msi_registers(const struct machine_function *machine)
{
    return (config_in(machine, machine->msi + CONTROL, 2) & MSI_64_BIT) != 0 ? 3 : 2;
}

static void apply_msi(struct machine_function *machine)
{
    const uint32_t *guest = machine->msi_register;
    bool wide = msi_registers(machine) == 3;
    uint64_t real = machine->config + machine->msi + 4,
             address = guest[0] | (wide ? (uint64_t)guest[1] << 32 : 0);
    uint32_t vp;
    uint8_t vector = UINT8_MAX;
    bool known =
        interrupts_find(machine->function, address, guest[wide ? 2 : 1] & 0xFFFFu, &vp, &vector);

    machine_out(real, 4, known ? REAL_ADDRESS | synic_apic_id(vp) << REAL_DESTINATION : NO_APIC);
    if (wide)
        machine_out(real + 4, 4, 0);
    machine_out(real + (wide ? 8 : 4), 2, vector);
}

static void apply_entry(struct machine_function *machine, unsigned index)
{
    const struct machine_msix_entry *guest = &machine->table[index];
    uint64_t real =
        machine->bar[machine->table_bar].address + machine->table_offset + index * sizeof(*guest);
    uint64_t address = guest->address_low | (uint64_t)guest->address_high << 32;
    uint32_t vp;
    uint8_t vector;

    machine_out(real + offsetof(struct machine_msix_entry, control), 4, MSIX_ENTRY_MASKED);
    if (!interrupts_find(machine->function, address, guest->data, &vp, &vector))
        return;
    machine_out(real + offsetof(struct machine_msix_entry, address_low), 4,
                REAL_ADDRESS | synic_apic_id(vp) << REAL_DESTINATION);
    machine_out(real + offsetof(struct machine_msix_entry, address_high), 4, 0);
    machine_out(real + offsetof(struct machine_msix_entry, data), 4, vector);
    machine_out(real + offsetof(struct machine_msix_entry, control), 4, guest->control);
}

void machine_messages_apply(struct machine_function *machine)
{
    if (machine->msi != 0)
        apply_msi(machine);
    for (unsigned i = 0; machine->msix != 0 && i < machine->entries; i++)
        apply_entry(machine, i);
}

void machine_messages_reset(struct machine_function *machine)
{
    if (machine->msi != 0)
        machine_out(machine->config + machine->msi + CONTROL, 2, 0);
    if (machine->msix != 0)
        machine_out(machine->config + machine->msix + CONTROL, 2, 0);
    for (unsigned i = 0; i < 3; i++)
        machine->msi_register[i] = 0;
    for (unsigned i = 0; machine->msix != 0 && i < machine->entries; i++)
        machine->table[i] = (struct machine_msix_entry){.control = MSIX_ENTRY_MASKED};
    machine_messages_apply(machine);
}

static bool is_message_register(const struct machine_function *machine, unsigned offset)
{
    return machine->msi != 0 && offset >= machine->msi + 4 &&
           offset < machine->msi + 4 + 4 * msi_registers(machine);
}

bool machine_msi_read(const struct machine_function *machine, unsigned offset, uint32_t *value)
{
    if (machine->msi != 0 && offset == machine->msi) {
        *value = config_in(machine, offset, 4) & ~(MSI_MULTIPLE << 16);
        return true;
    }
    if (!is_message_register(machine, offset))
        return false;
    *value = machine->msi_register[(offset - machine->msi - 4) / 4];
    return true;
}

bool machine_msi_write(struct machine_function *machine, unsigned offset, uint32_t value)
{
    if (machine->msi != 0 && offset == machine->msi) {
        machine_out(machine->config + offset + CONTROL, 2, value >> 16 & MSI_ENABLE);
        return true;
    }
    if (!is_message_register(machine, offset))
        return false;
    machine->msi_register[(offset - machine->msi - 4) / 4] = value;
    apply_msi(machine);
    return true;
}

bool machine_table_has_page(const struct machine_function *machine, unsigned bar, uint64_t offset)
{
    uint64_t first = machine->table_offset / PAGE_SIZE;
    uint64_t last =
        (machine->table_offset + machine->entries * sizeof(struct machine_msix_entry) - 1) /
        PAGE_SIZE;

    return machine->msix != 0 && bar == machine->table_bar && offset / PAGE_SIZE >= first &&
           offset / PAGE_SIZE <= last;
}

bool machine_table_access(struct machine_function *machine, unsigned bar, uint64_t offset,
                          unsigned size, uint64_t *value, bool write)
{
    uint64_t at = offset - machine->table_offset;
    uint32_t *word;

    if (machine->msix == 0 || bar != machine->table_bar ||
        at >= machine->entries * sizeof(struct machine_msix_entry))
        return false;
    if (!write)
        *value = UINT64_MAX;
    if ((size != 4 && size != 8) || at % size != 0)
        return true;
    word = (uint32_t *)(void *)machine->table + at / 4;
    if (!write) {
        *value = size == 4 ? word[0] : word[0] | (uint64_t)word[1] << 32;
        return true;
    }
    word[0] = (uint32_t)*value;
    if (size == 8)
        word[1] = (uint32_t)(*value >> 32);
    apply_entry(machine, (unsigned)(at / sizeof(struct machine_msix_entry)));
    return true;
}
