/* SPDX-License-Identifier: MIT */
/*
 * Time: TSC scaled by a calibration against the best clock present (Hyper-V frequency MSR or
 * reference counter, ACPI PM timer, PIT, in that order), and bounded waits.
 */
#ifndef PVT_KERNEL_TIME_H
#define PVT_KERNEL_TIME_H

#include <stdbool.h>
#include <stdint.h>

void time_init(void);
uint64_t time_tsc_hz(void);
const char *time_source(void); /* what the TSC was calibrated with */
uint64_t time_ns(void);        /* since the first instruction of the image */
uint64_t time_us(void);

/* Calls condition(argument) until it is true or `timeout_us` have passed; false = timed out. */
bool time_wait(bool (*condition)(void *argument), void *argument, uint64_t timeout_us);
void time_delay_us(uint64_t us);

/* A host that does as usual answers within `us` microseconds: the time after which a wait for it is
 * in vain. In proportion to time_allow_answers_ms(), which says 1,000 before it is called. */
uint64_t time_for_answer_us(uint64_t us);
void time_allow_answers_ms(uint64_t ms);

#endif
