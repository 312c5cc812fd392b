/* SPDX-License-Identifier: MIT */
/* Four ways to end, from the most convenient to the last resort. */
#include "kernel/power.h"

#include <stddef.h>

#include "kernel/acpi_sleep.h"
#include "kernel/control.h"
#include "kernel/fadt.h"
#include "kernel/runtime_services.h"
#include "kernel/trap.h"

/* QEMU's isa-debug-exit, where the runner puts it. No other machine has anything at this port, and
 * a byte written there is lost. */
#define PORT_DEBUG_EXIT 0xF4

#define PORT_RESET_CONTROL 0xCF9 /* of PC chipsets */
#define RESET_FULL         0x0E
#define PORT_KEYBOARD      0x64
#define KEYBOARD_RESET     0xFE

/* About 10 ms at any TSC frequency in use: the machine may need a moment to go off. */
#define GO_OFF_TICKS 50000000ull

static struct {
    struct acpi_sleep sleep;
    bool restart; /* the machine is unattended: it has to switch itself on again */
} power;

void power_init(const struct boot_info *info)
{
    runtime_init(info);
    acpi_sleep_find(&power.sleep);
}

static void wait_for_end(void)
{
    uint64_t start = cpu_rdtsc();
    while (cpu_rdtsc() - start < GO_OFF_TICKS)
        cpu_pause();
}

static void enter_s5(void *unused)
{
    (void)unused;
    acpi_sleep_enter(&power.sleep);
}

static void reset_by_table(void *unused)
{
    const struct fadt *fadt = acpi_fadt();
    struct acpi_address reset;
    (void)unused;
    if (fadt && fadt_has(fadt, reset_value) && (fadt->flags & FADT_FLAG_RESET) &&
        fadt_register(0, &fadt->reset, &reset))
        acpi_address_write8(&reset, fadt->reset_value);
}

static void __attribute__((noreturn)) wait_for_ever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void power_restart(void)
{
    cpu_interrupts_off();
    runtime_reset(RUNTIME_RESET_COLD);
    wait_for_end();
    trap_catch(reset_by_table, NULL, NULL);
    wait_for_end();
    cpu_out8(PORT_RESET_CONTROL, RESET_FULL);
    wait_for_end();
    cpu_out8(PORT_KEYBOARD, KEYBOARD_RESET);
    wait_for_ever();
}

void power_off_restarts(bool restart)
{
    power.restart = restart;
}

void power_off(enum power_code code)
{
    cpu_interrupts_off();
    if (power.restart)
        power_restart();
    cpu_out8(PORT_DEBUG_EXIT, (uint8_t)code);
    wait_for_end();
    /* Broken tables or firmware must not end in a panic that powers off again. */
    trap_catch(enter_s5, NULL, NULL);
    wait_for_end();
    runtime_reset(RUNTIME_RESET_SHUTDOWN);
    wait_for_ever();
}
