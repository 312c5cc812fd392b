/* SPDX-License-Identifier: MIT */
/* Waits that halt the processor instead of keeping it busy. */
#ifndef PVT_KERNEL_SLEEP_H
#define PVT_KERNEL_SLEEP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Waits until condition(argument) holds, and looks after every interrupt and every `look_us`; false
 * after `timeout_us`. For waits of milliseconds: an emulated processor that halts leaves the time
 * to others, and on a machine with a clock of its own the time passes at once. Needs lapic_init().
 * Interrupts are taken meanwhile, and are on or off afterwards as before.
 */
bool sleep_until(bool (*condition)(void *argument), void *argument, uint64_t timeout_us,
                 uint64_t look_us);

#endif
