/* SPDX-License-Identifier: MIT */
#include "host/vpci/machine_function.h"

#include <stddef.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/platform/acpi.h"
#include "host/platform/pci_resets.h"
#include "host/vdev/config_trap.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "lib/bits.h"
#include "lib/string.h"

#define CONFIG_BARS_END (CONFIG_BAR0 + 4 * VPCI_BARS)
#define COMMAND_GUEST   (UINT16_MAX & ~COMMAND_IO) /* ports are not used */

static struct machine_function *functions;

/* Value of a BAR after a write of all ones; with memory decoding off. */
static uint32_t probe(uint64_t bar)
{
    uint32_t old = (uint32_t)machine_in(bar, 4), mask;

    machine_out(bar, 4, UINT32_MAX);
    mask = (uint32_t)machine_in(bar, 4);
    machine_out(bar, 4, old);
    return mask;
}

/* BARs that are smaller than a page share it with others, and ports are not translated: the guest
 * gets neither. False when nothing is left. */
static bool find_bars(struct machine_function *machine)
{
    bool found = false;

    for (unsigned i = 0, words; i < VPCI_BARS; i += words) {
        struct machine_bar *bar = &machine->bar[i];
        uint64_t at = machine->config + CONFIG_BAR0 + 4 * i, mask = probe(at);

        words = vpci_bar_is_wide((uint32_t)mask) && i + 1 < VPCI_BARS ? 2 : 1;
        mask |= words == 2 ? (uint64_t)probe(at + 4) << 32 : BITS(63, 32);
        bar->address = machine_in(at, 4) & ~BAR_FLAGS;
        if (words == 2)
            bar->address |= machine_in(at + 4, 4) << 32;
        bar->length = ~(mask & ~BAR_FLAGS) + 1;
        if ((mask & BAR_IO) != 0 || (uint32_t)mask == 0 || bar->address == 0 ||
            bar->length % PAGE_SIZE != 0) {
            bar->length = 0;
            continue;
        }
        found = true;
        guest_protect(bar->address, bar->length, "registers of a function on a vPCI bus");
        memcpy(&machine->function->bar_mask[i], &mask, words * sizeof(uint32_t));
    }
    return found;
}

static void show(const struct machine_function *machine, unsigned index, bool shown)
{
    const struct machine_bar *bar = &machine->bar[index];

    for (uint64_t at = 0; bar->shown != 0 && at < bar->length; at += PAGE_SIZE)
        if (!machine_table_has_page(machine, index, at))
            vpci_hooks.map_page(bar->shown + at,
                                shown ? (void *)(uintptr_t)(bar->address + at) : NULL);
}

/* A BAR that the guest put outside of VMBus's address space is not decoded, as below a bridge. */
static uint64_t place_of(const struct machine_function *machine, unsigned index)
{
    bool wide = vpci_bar_is_wide(machine->function->bar_mask[index]),
         on = (config_read(&machine->shown, CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0;
    uint64_t place =
        config_read(&machine->shown, CONFIG_BAR0 + 4 * index, wide ? 8 : 4) & ~BAR_FLAGS;

    return on && vpci_memory_contains(place, machine->bar[index].length) ? place : 0;
}

/* Brings the device to what the guest wrote. The real BARs are always decoded, as the host uses
 * them; pins are not used. After a write to the command register, even of the value that is there,
 * QEMU lays out its memory again, which takes up to a millisecond. */
static void update(struct machine_function *machine)
{
    uint64_t at = machine->config + CONFIG_COMMAND,
             command = config_read(&machine->shown, CONFIG_COMMAND, 2) | COMMAND_MEMORY |
                       COMMAND_INTX_DISABLE;

    if (machine_in(at, 2) != command)
        machine_out(at, 2, command);
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        struct machine_bar *bar = &machine->bar[i];
        uint64_t place = place_of(machine, i);

        if (place == bar->shown)
            continue;
        show(machine, i, false);
        bar->shown = place;
        show(machine, i, true);
    }
}

void machine_keep(struct machine_function *machine, unsigned offset, unsigned size, uint32_t value,
                  uint32_t writable)
{
    config_set(&machine->shown, offset, size, value);
    config_allow(&machine->shown, offset, size, writable);
    memset(&machine->kept[offset], true, size);
}

static void keep_header(struct machine_function *machine)
{
    uint32_t line = (uint32_t)machine_in(machine->config + CONFIG_LINE, 4);
    struct pci_reset_word reset = {0};

    machine_keep(machine, CONFIG_COMMAND, 2, 0, COMMAND_GUEST);
    machine_keep(machine, CONFIG_ROM, 4, 0, 0);
    machine_keep(machine, CONFIG_LINE, 4, line & ~LINE_AND_PIN, 0);
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        uint32_t mask = machine->function->bar_mask[i],
                 flags = vpci_bar_is_upper(machine->function, i) ? 0 : (uint32_t)BAR_FLAGS;

        machine_keep(machine, CONFIG_BAR0 + 4 * i, 4, mask & flags, mask & ~flags);
    }
    while (pci_next_reset(machine->function->bdf, &reset))
        machine_keep(machine, reset.at, 4, machine_in(machine->config + reset.at, 4) & reset.shown,
                     reset.writable);
}

/* Functions that a guest makes by SR-IOV would have requester ids of which the host knows nothing:
 * on such a bus the host alone offers functions. A null capability stands in its place. */
static void hide_sriov(struct machine_function *machine)
{
    unsigned at = EXTENDED_FIRST;

    for (unsigned i = 0; i < EXTENDED_MAX && at >= EXTENDED_FIRST; i++) {
        uint32_t word = (uint32_t)machine_in(machine->config + at, 4);

        if (word == 0 || word == UINT32_MAX)
            return;
        for (unsigned b = 0;
             EXTENDED_ID(word) == EXTENDED_SRIOV && b < SRIOV_BYTES && at + b < CONFIG_SPACE_SIZE;
             b += 4)
            machine_keep(machine, at + b, 4, b == 0 ? word & EXTENDED_NEXT : 0, 0);
        at = (word & EXTENDED_NEXT) >> 20 & ~3u;
    }
}

static uint32_t read(struct vpci_function *function, unsigned offset, unsigned size)
{
    const struct machine_function *machine = function->machine;
    uint32_t value;

    if (!machine->kept[offset])
        return (uint32_t)machine_in(machine->config + offset, size);
    value = (uint32_t)config_read(&machine->shown, offset, size);
    if (offset == CONFIG_COMMAND && size == 4)
        value |= (uint32_t)machine_in(machine->config + CONFIG_STATUS, 2) << 16;
    return value;
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    struct machine_function *machine = function->machine;

    if (!machine->kept[offset]) {
        machine_out(machine->config + offset, size, value);
        return;
    }
    config_write(&machine->shown, offset, size, value);
    if (offset == CONFIG_COMMAND && size == 4)
        machine_out(machine->config + CONFIG_STATUS, 2, value >> 16);
    if (offset < CONFIG_BARS_END)
        update(machine);
    else if (machine->msi != 0)
        machine_msi_apply(machine);
}

static void reset(struct vpci_function *function)
{
    config_clear(&function->machine->shown);
    update(function->machine);
    interrupts_delete_all(function);
    machine_messages_reset(function->machine);
}

static const struct vpci_function_ops ops = {read, write, reset, machine_messages_apply};

bool machine_access(uint64_t gpa, unsigned size, uint64_t *value, bool write)
{
    for (struct machine_function *machine = functions; machine; machine = machine->next)
        if (machine_table_access(machine, gpa, size, value, write))
            return true;
    return false;
}

bool machine_function_init(struct vpci_function *function)
{
    struct machine_function *machine = host_pages_for(sizeof(*machine));
    uint64_t command;

    machine->function = function;
    machine->config = acpi_config_address(function->bdf);
    if (machine->config == 0)
        return false;
    vpci_hooks.reach(machine->config, CONFIG_SPACE_SIZE);
    command = machine_in(machine->config + CONFIG_COMMAND, 2);
    machine_out(machine->config + CONFIG_COMMAND, 2, 0);
    if (!find_bars(machine) || !machine_messages_init(machine)) {
        machine_out(machine->config + CONFIG_COMMAND, 2, command);
        host_log(LOG_INFO, "vpci: %04x stays on the PCI bus: no BAR of pages, or none with MSI-X\n",
                 function->bdf);
        return false;
    }
    keep_header(machine);
    hide_sriov(machine);
    function->ops = &ops;
    function->machine = machine;
    machine->next = functions;
    functions = machine;
    config_trap_remove(function->bdf);
    return true;
}
