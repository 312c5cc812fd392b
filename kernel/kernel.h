/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_KERNEL_H
#define PVT_KERNEL_KERNEL_H

#include "kernel/boot_info.h"

/* Called by boot/ after ExitBootServices, interrupts off, on the firmware's stack. Brings up
 * console, tables, memory, traps, time and power, then calls suite_main() and powers off with its
 * result. */
void kernel_main(const struct boot_info *info) __attribute__((noreturn));

/* The information that boot handed over. */
const struct boot_info *kernel_boot_info(void);

struct volume;

/* Provided by tests/harness: what a run needs of the firmware and of files, called while boot
 * services are there. False when the run is over, and the machine is to go off. */
bool suite_prepare(struct boot_info *info, struct volume *volume);

/* Provided by tests/harness: runs the catalogue; returns the power-off code. */
int suite_main(const struct boot_info *info);

#endif
