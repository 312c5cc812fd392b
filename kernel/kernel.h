/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_KERNEL_H
#define PVT_KERNEL_KERNEL_H

#include "boot/boot_info.h"

/* Called by boot/ after ExitBootServices, interrupts off, on the firmware's stack. Brings up console, tables, memory,
 * traps, time and power, then calls suite_main() and powers off with its result. */
void kernel_main(const struct boot_info *info) __attribute__((noreturn));

/* Provided by tests/harness: runs the catalogue; returns the power-off code. */
int suite_main(const struct boot_info *info);

#endif
