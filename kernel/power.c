/* SPDX-License-Identifier: MIT */
/* Four ways to end, from the most convenient to the last resort. */
#include "kernel/power.h"

#include <stddef.h>

#include "boot/boot_info.h"
#include "kernel/acpi_sleep.h"
#include "kernel/control.h"
#include "kernel/memory.h"
#include "kernel/trap.h"

/* QEMU's isa-debug-exit, where the runner puts it. No other machine has anything at this port, and a byte written there
 * is lost. */
#define PORT_DEBUG_EXIT 0xF4

/* EFI_RUNTIME_SERVICES (UEFI 2.10, 4.5.1): a 24-byte header and ten function pointers come before ResetSystem. */
struct runtime_services {
    uint8_t header[24];
    void *functions[10];
    void (*reset_system)(unsigned type, uint64_t status, size_t data_size, void *data) __attribute__((ms_abi));
};
_Static_assert(offsetof(struct runtime_services, reset_system) == 104, "UEFI 2.10, 4.5.1");
enum reset_type { RESET_SHUTDOWN = 2 };

/* About 10 ms at any TSC frequency in use: the machine may need a moment to go off. */
#define GO_OFF_TICKS 50000000ull

static struct {
    const struct runtime_services *runtime;
    struct acpi_sleep sleep;
} power;

void power_init(const struct boot_info *info)
{
    power.runtime = gpa_pointer(info->runtime_services);
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

static void reset_system(void *unused)
{
    (void)unused;
    power.runtime->reset_system(RESET_SHUTDOWN, 0, 0, NULL);
}

void power_off(enum power_code code)
{
    cpu_interrupts_off();
    cpu_out8(PORT_DEBUG_EXIT, (uint8_t)code);
    wait_for_end();
    /* Broken tables or firmware must not end in a panic that powers off again. */
    trap_catch(enter_s5, NULL, NULL);
    wait_for_end();
    if (power.runtime)
        trap_catch(reset_system, NULL, NULL);
    for (;;)
        __asm__ volatile("cli; hlt");
}
