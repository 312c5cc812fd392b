/* SPDX-License-Identifier: MIT */
#include "host/vpci/machine_function.h"

#include <stddef.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/platform/acpi.h"
#include "host/vdev/config_space.h"
#include "host/vdev/config_trap.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "lib/bits.h"

#define BAR_IO          (1u << 0)
#define CONFIG_BARS_END (CONFIG_BAR0 + 4 * VPCI_BARS)
#define CONFIG_ROM      0x30u
#define CONFIG_LINE     0x3Cu
#define LINE_AND_PIN    0xFFFFu
#define COMMAND_IO      (1u << 0)

/* PCI Express Base Specification 5.0, 7.6.3 and 9.3.3. */
#define EXTENDED_FIRST    0x100u
#define EXTENDED_MAX      48u
#define EXTENDED_ID(word) ((word)&0xFFFFu)
#define EXTENDED_NEXT     0xFFF00000u
#define EXTENDED_SRIOV    0x0010u
#define SRIOV_BYTES       0x40u

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

    for (unsigned i = 0; i < VPCI_BARS; i++) {
        struct machine_bar *bar = &machine->bar[i];
        uint64_t at = machine->config + CONFIG_BAR0 + 4 * i,
                 mask = UINT64_C(0xFFFFFFFF) << 32 | probe(at);
        bool wide = vpci_bar_is_wide((uint32_t)mask) && i + 1 < VPCI_BARS;

        bar->address = (uint32_t)machine_in(at, 4) & ~BAR_FLAGS;
        if (wide) {
            bar->address |= machine_in(at + 4, 4) << 32;
            mask = (uint64_t)probe(at + 4) << 32 | (uint32_t)mask;
        }
        bar->length = ~(mask & ~BAR_FLAGS) + 1;
        if ((mask & BAR_IO) != 0 || (uint32_t)mask == 0 || bar->address == 0 ||
            bar->length % PAGE_SIZE != 0) {
            bar->length = 0;
        } else {
            found = true;
            guest_protect(bar->address, bar->length, "registers of a function on a vPCI bus");
            machine->function->bar_mask[i] = (uint32_t)mask;
            if (wide)
                machine->function->bar_mask[i + 1] = (uint32_t)(mask >> 32);
        }
        i += wide;
    }
    return found;
}

static void show(const struct machine_function *machine, unsigned index, bool shown)
{
    const struct machine_bar *bar = &machine->bar[index];

    for (uint64_t at = 0; at < bar->length; at += PAGE_SIZE) {
        if (!machine_table_has_page(machine, index, at))
            vpci_hooks.map_page(bar->shown + at,
                                shown ? (void *)(uintptr_t)(bar->address + at) : NULL);
    }
}

/* A BAR that the guest put outside of VMBus's address space is not decoded, as below a bridge. */
static uint64_t place_of(const struct machine_function *machine, unsigned index)
{
    uint32_t low = machine->bar_value[index];
    uint64_t place = low & ~BAR_FLAGS;

    if (vpci_bar_is_wide(low))
        place |= (uint64_t)machine->bar_value[index + 1] << 32;
    return (machine->command & COMMAND_MEMORY) != 0 &&
                   vpci_memory_contains(place, machine->bar[index].length)
               ? place
               : 0;
}

static void update(struct machine_function *machine)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        struct machine_bar *bar = &machine->bar[i];
        uint64_t place = place_of(machine, i);

        if (bar->length == 0 || place == bar->shown)
            continue;
        if (bar->shown != 0)
            show(machine, i, false);
        bar->shown = place;
        if (bar->shown != 0)
            show(machine, i, true);
    }
}

/* The real BARs are always decoded, as the host uses them; ports and pins are not used. */
static void set_command(struct machine_function *machine, uint32_t command)
{
    machine->command = (uint16_t)(command & ~COMMAND_IO);
    machine_out(machine->config + CONFIG_COMMAND, 2,
                machine->command | COMMAND_MEMORY | COMMAND_INTX_DISABLE);
    update(machine);
}

/* Functions that a guest makes by SR-IOV would have requester ids of which the host knows nothing:
 * on such a bus the host alone offers functions. */
static unsigned find_sriov(const struct machine_function *machine)
{
    unsigned at = EXTENDED_FIRST;

    for (unsigned i = 0; i < EXTENDED_MAX && at >= EXTENDED_FIRST; i++) {
        uint32_t word = (uint32_t)machine_in(machine->config + at, 4);

        if (word == 0 || word == UINT32_MAX)
            return 0;
        if (EXTENDED_ID(word) == EXTENDED_SRIOV)
            return at;
        at = (word & EXTENDED_NEXT) >> 20 & ~3u;
    }
    return 0;
}

static bool in_sriov(const struct machine_function *machine, unsigned offset)
{
    return machine->sriov != 0 && offset - machine->sriov < SRIOV_BYTES;
}

/* The word at `offset`, a multiple of 4, as the guest sees it. */
static uint32_t read_word(const struct machine_function *machine, unsigned offset)
{
    uint32_t real = (uint32_t)machine_in(machine->config + offset, 4), value;

    if (offset == CONFIG_COMMAND)
        return (real & 0xFFFF0000u) | machine->command;
    if (offset >= CONFIG_BAR0 && offset < CONFIG_BARS_END)
        return machine->bar_value[(offset - CONFIG_BAR0) / 4];
    if (in_sriov(machine, offset)) /* a null capability in its place */
        return offset == machine->sriov ? real & EXTENDED_NEXT : 0;
    if (offset == CONFIG_ROM)
        return 0;
    if (offset == CONFIG_LINE)
        return real & ~LINE_AND_PIN;
    return machine_msi_read(machine, offset, &value) ? value : real;
}

/* Registers that the host keeps. False: the device gets the access as it is. */
static bool write_word(struct machine_function *machine, unsigned offset, uint32_t value)
{
    unsigned bar = (offset - CONFIG_BAR0) / 4;
    uint32_t flags;

    if (offset == CONFIG_COMMAND) {
        set_command(machine, value & 0xFFFF);
        return true;
    }
    if (offset >= CONFIG_BAR0 && offset < CONFIG_BARS_END) {
        uint32_t mask = machine->function->bar_mask[bar];

        flags = bar > 0 && vpci_bar_is_wide(machine->function->bar_mask[bar - 1])
                    ? 0
                    : (uint32_t)BAR_FLAGS;
        machine->bar_value[bar] = (value & mask & ~flags) | (mask & flags);
        update(machine);
        return true;
    }
    return offset == CONFIG_ROM || offset == CONFIG_LINE || in_sriov(machine, offset) ||
           machine_msi_write(machine, offset, value);
}

static uint32_t read(struct vpci_function *function, unsigned offset, unsigned size)
{
    uint32_t word = read_word(function->machine, offset & ~3u);

    return word >> (8 * (offset & 3u)) & (size == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1);
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    struct machine_function *machine = function->machine;
    unsigned shift = 8 * (offset & 3u), word = offset & ~3u;
    uint32_t mask = (size == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1) << shift;

    /* Errors in the status register are cleared by ones: a write to the command alone must not
     * repeat them. */
    if (word == CONFIG_COMMAND && (mask & 0xFFFF0000u) != 0)
        machine_out(machine->config + CONFIG_STATUS, 2, (value << shift & mask) >> 16);
    if (word == CONFIG_COMMAND && (mask & 0xFFFFu) == 0)
        return;
    if (!write_word(machine, word, (read_word(machine, word) & ~mask) | (value << shift & mask)))
        machine_out(machine->config + offset, size, value);
}

static void reset(struct vpci_function *function)
{
    struct machine_function *machine = function->machine;

    set_command(machine, 0);
    for (unsigned i = 0; i < VPCI_BARS; i++)
        write_word(machine, CONFIG_BAR0 + 4 * i, 0);
    interrupts_delete_all(function);
    machine_messages_reset(machine);
}

static void retargeted(struct vpci_function *function)
{
    machine_messages_apply(function->machine);
}

static const struct vpci_function_ops ops = {read, write, reset, retargeted};

bool machine_function_access(struct vpci_function *function, uint64_t gpa, unsigned size,
                             uint64_t *value, bool write)
{
    struct machine_function *machine = function->machine;

    for (unsigned i = 0; i < VPCI_BARS; i++) {
        struct machine_bar *bar = &machine->bar[i];
        uint64_t offset = gpa - bar->shown;

        if (bar->shown == 0 || offset >= bar->length || !machine_table_has_page(machine, i, offset))
            continue;
        if (machine_table_access(machine, i, offset, size, value, write))
            return true;
        /* Other registers in the pages of the table. */
        if (write)
            machine_out(bar->address + offset, size, *value);
        else
            *value = machine_in(bar->address + offset, size);
        return true;
    }
    return false;
}

bool machine_function_init(struct vpci_function *function)
{
    struct machine_function *machine = host_pages((sizeof(*machine) + PAGE_SIZE - 1) / PAGE_SIZE);
    struct acpi_ecam ecam;
    unsigned bus = function->bdf >> 8;
    uint64_t command;

    if (!acpi_ecam(&ecam) || bus < ecam.first_bus || bus > ecam.last_bus)
        return false;
    machine->function = function;
    machine->config = ecam.base + (uint64_t)function->bdf * CONFIG_SPACE_SIZE;
    vpci_hooks.reach(machine->config, CONFIG_SPACE_SIZE);
    command = machine_in(machine->config + CONFIG_COMMAND, 2);
    machine_out(machine->config + CONFIG_COMMAND, 2, 0);
    if (!find_bars(machine) || !machine_messages_init(machine)) {
        machine_out(machine->config + CONFIG_COMMAND, 2, command);
        host_log(LOG_INFO,
                 "vpci: %04x stays on the PCI bus: it has no BAR of whole pages, or its MSI-X "
                 "table is in none\n",
                 function->bdf);
        return false;
    }
    machine->sriov = find_sriov(machine);
    function->ops = &ops;
    function->machine = machine;
    config_trap_remove(function->bdf);
    return true;
}
