/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "boot/boot.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "kernel/power.h"

void boot_fail(const struct boot *boot, const char *format, ...)
{
    console_init();
    console_fresh_line();
    console_printf("Bail out! boot: ");
    va_list arguments;
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
    console_printf("\n");
    /* Knows no ACPI tables yet: debug-exit port, then ResetSystem. */
    if (boot->info)
        power_init(boot->info);
    power_off(POWER_ERROR);
}
