/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "boot/boot.h"
#include "boot/error_report.h"
#include "boot/volume.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "kernel/power.h"
#include "lib/fmt.h"

/* After the first ExitBootServices() the firmware can neither show nor write anything, even if that
 * call failed. */
static bool has_boot_services(const struct boot *boot)
{
    return boot->loaded && (!boot->info || boot->info->leave_tsc == 0);
}

void boot_fail(const struct boot *boot, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    fmt_vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    console_init();
    console_fresh_line();
    console_printf("Bail out! boot: %s\n", text);
    if (has_boot_services(boot)) {
        struct volume volume;
        volume_open(&volume, boot);
        error_report(&volume, text);
    }
    /* Knows no ACPI tables yet: debug-exit port, then ResetSystem. */
    if (boot->info)
        power_init(boot->info);
    power_off(POWER_ERROR);
}
