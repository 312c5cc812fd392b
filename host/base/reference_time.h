/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_BASE_REFERENCE_TIME_H
#define PVT_HOST_BASE_REFERENCE_TIME_H

#include <stdint.h>

/* Measures the TSC against the ACPI power management timer at `port`; time starts to count. Takes
 * about 2 ms. */
void reference_time_init(uint16_t pm_timer_port);
/* Units of 100 ns since reference_time_init(). */
uint64_t reference_time(void);
/* TSC ticks per second. */
uint64_t tsc_frequency(void);

#endif
