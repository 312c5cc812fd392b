/* SPDX-License-Identifier: MIT */
/* Code below 1 MiB from which another processor starts. */
#ifndef PVT_KERNEL_SMP_START_H
#define PVT_KERNEL_SMP_START_H

#include <stdbool.h>
#include <stdint.h>

/* Puts the code where a start-up IPI can reach it; the processor will call entry() on `stack`, with
 * the control registers of the caller. False when no memory below 640 KiB is free. */
bool smp_start_prepare(void (*entry)(void), uint64_t stack_top);
/* Number of the page, for the start-up IPI. */
unsigned smp_start_page(void);

#endif
