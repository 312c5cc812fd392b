/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_POWER_H
#define PVT_KERNEL_POWER_H

#include <stdbool.h>
#include <stdint.h>

struct boot_info;

/* Value for the debug-exit port; informative only, the runner's verdict comes from the TAP stream.
 */
enum power_code { POWER_PASS = 0x10, POWER_FAIL = 0x11, POWER_ERROR = 0x12 };

void power_init(const struct boot_info *info);
/* Debug-exit port, then ACPI S5, then UEFI ResetSystem, then halt. Never returns. */
void power_off(enum power_code code) __attribute__((noreturn));

/* UEFI ResetSystem, then the reset register that ACPI names, then that of PC chipsets, then the
 * keyboard controller. */
void power_restart(void) __attribute__((noreturn));
/* From here on whatever would power the machine off starts it again: the next boot goes on where
 * this one ended. */
void power_off_restarts(bool restart);

#endif
