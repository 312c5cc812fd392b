/* SPDX-License-Identifier: MIT */
#include "host/platform/guarded_registers.h"

#include <stdbool.h>
#include <stddef.h>

#include "host/base/log.h"
#include "host/base/machine_access.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/platform/acpi.h"
#include "host/platform/generation2.h"
#include "host/platform/machine_rules.h"
#include "host/platform/madt.h"
#include "host/platform/mmio_ranges.h"
#include "lib/bits.h"

#define PAGES_MAX 6u

/* I/O APIC (82093AA, 3.1): bits 7:0 of the address choose the register. */
#define IOAPIC_OFFSET      BITS(7, 0)
#define IOAPIC_INDEX       0x00u
#define IOAPIC_WINDOW      0x10u
#define IOAPIC_REDIRECTION 0x10u /* first index; even ones are the lower halves */

/* HPET (IA-PC HPET 1.0a, 2.3.8 to 2.3.10): 32 bytes for each timer. */
#define HPET_TIMERS      0x100u
#define HPET_TIMER_BYTES 0x20u
#define HPET_CONFIG      0x00u
#define HPET_ROUTE       0x10u
#define HPET_FSB_ENABLE  BIT(14)
#define REGISTER_BYTES   8u

static struct {
    struct mmio_range range[PAGES_MAX];
    unsigned count;
} guarded;

static volatile uint32_t *word(uint64_t gpa)
{
    return (volatile uint32_t *)(uintptr_t)gpa;
}

static void refuse(uint64_t gpa, unsigned size, uint64_t value)
{
    host_log(LOG_TRACE, "store of %u bytes 0x%llx at gpa 0x%llx: dropped\n", size,
             (unsigned long long)value, (unsigned long long)gpa);
}

/* Registers are 32 bits wide; the machine may split anything else into several accesses. */
static void io_apic_write(uint64_t gpa, unsigned size, uint64_t value)
{
    unsigned offset = (unsigned)(gpa & IOAPIC_OFFSET);
    uint32_t index;

    if (size != 4 || offset % 4 != 0) {
        refuse(gpa, size, value);
        return;
    }
    index = *word(gpa - offset + IOAPIC_INDEX) & 0xFF;
    if (offset == IOAPIC_WINDOW && index >= IOAPIC_REDIRECTION && index % 2 == 0 &&
        !delivery_allowed((uint32_t)value)) {
        refuse(gpa, size, value);
        return;
    }
    *word(gpa) = (uint32_t)value;
}

static void hpet_write(uint64_t gpa, unsigned size, uint64_t value)
{
    unsigned offset = (unsigned)(gpa % PAGE_SIZE), reg = offset % HPET_TIMER_BYTES;

    if (size < 4 || offset % size != 0) {
        refuse(gpa, size, value);
        return;
    }
    if (offset >= HPET_TIMERS && !machine_rules.timer_messages) {
        if (reg - HPET_ROUTE < REGISTER_BYTES) {
            refuse(gpa, size, value);
            return;
        }
        if (reg == HPET_CONFIG)
            value &= ~HPET_FSB_ENABLE;
    }
    if (size == 4)
        *word(gpa) = (uint32_t)value;
    else
        *(volatile uint64_t *)(uintptr_t)gpa = value;
}

void guarded_register_add(uint64_t page, guarded_write *write, const char *what)
{
    struct mmio_range *range = &guarded.range[guarded.count];

    if (guarded.count == PAGES_MAX)
        host_panic("more than %u pages of guarded registers", PAGES_MAX);
    guarded.count++;
    *range = (struct mmio_range){
        .start = page & ~(PAGE_SIZE - 1), .length = PAGE_SIZE, .read = machine_in, .write = write};
    guest_protect(range->start, PAGE_SIZE, what);
    mmio_add(range);
}

static uint64_t absent_read(uint64_t gpa, unsigned size)
{
    (void)gpa;
    (void)size;
    return UINT64_MAX;
}

/* A generation 2 VM has none, and its firmware uses none. */
static void hide_hpet(uint64_t base)
{
    static struct mmio_range range = {.length = PAGE_SIZE, .read = absent_read, .write = refuse};

    range.start = base & ~(PAGE_SIZE - 1);
    guest_protect(range.start, PAGE_SIZE, "the HPET");
    mmio_add(&range);
}

void guarded_registers_init(void)
{
    const uint32_t *io_apics;
    unsigned count = madt_io_apics(&io_apics);

    for (unsigned i = 0; i < count; i++)
        guarded_register_add(io_apics[i], io_apic_write, "stores to an I/O APIC");
    if (acpi_hpet_base() != 0 && generation2.on)
        hide_hpet(acpi_hpet_base());
    else if (acpi_hpet_base() != 0)
        guarded_register_add(acpi_hpet_base(), hpet_write, "stores to the HPET");
}

void guarded_registers_show(void (*show)(uint64_t gpa, uint64_t length))
{
    for (unsigned i = 0; i < guarded.count; i++)
        show(guarded.range[i].start, PAGE_SIZE);
}
