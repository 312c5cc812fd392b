/* SPDX-License-Identifier: MIT */
/* Clocks of known frequency, for measuring the TSC. */
#ifndef PVT_KERNEL_CLOCK_H
#define PVT_KERNEL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns TSC ticks per second, or 0 when the machine does not have that clock or it does not
 * tick. None takes longer than CALIBRATE_WINDOW_US plus what the emulation adds. */
uint64_t clock_hyperv_frequency(void);
uint64_t clock_hyperv_reference(void);
uint64_t clock_pm_timer(void);
uint64_t clock_pit(void);

#endif
