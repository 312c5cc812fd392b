/* SPDX-License-Identifier: MIT */
/*
 * Processors beside the first, by number from 1. Each is started when it is asked for first, and
 * halts between two calls. A function there is contained like a test: it ends by returning, by an
 * exception, or by its deadline, and its waiter learns which.
 */
#ifndef PVT_KERNEL_SMP_H
#define PVT_KERNEL_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/trap.h"

enum smp_state {
    SMP_OFF, /* not asked for yet */
    SMP_READY,
    SMP_ALONE,     /* the machine has one processor, */
    SMP_NO_X2APIC, /* or shows only one for want of x2APIC */
    SMP_FEWER,     /* it has more than one, but none of this number */
    SMP_NO_MEMORY, /* none below 640 KiB, where a processor starts */
    SMP_NO_ANSWER, /* it was told to start, and did not */
};

/* Processors of the machine that can be used, with the first; *present (may be NULL) = all that it
 * has, which may be more. All functions are for the first processor only, where nothing else is
 * said. */
unsigned smp_count(unsigned *present);

/* Starts a processor when it does not run. */
enum smp_state smp_start(unsigned number);
/* One sentence for a person. */
const char *smp_state_text(enum smp_state state);

/* Has a processor run fn(argument) and returns at once. Needs SMP_READY, and the call before ended.
 * It is cut off after `deadline_us`. */
void smp_call(unsigned number, void (*fn)(void *argument), void *argument, uint64_t deadline_us);
/* The call has ended. */
bool smp_done(unsigned number);
/* Waits until it has, or until `timeout_us` have passed (false). In a contained function. */
bool smp_wait(unsigned number, uint64_t timeout_us);
/* For all processors, in a contained function: waits until condition(argument) holds; false after
 * `timeout_us`. Halts when that takes long, since an emulated processor that spins takes the time
 * of the other ones. Who makes the condition true calls smp_wake() after that. */
bool smp_sleep(bool (*condition)(void *argument), void *argument, uint64_t timeout_us);
/* For all processors: lets the others look again. */
void smp_wake(void);
/* How the last call of a processor ended, and where (on exception and deadline). */
enum containment_end smp_end(unsigned number);
const struct trap_report *smp_report(unsigned number);

/* Leaves nothing running on other processors: one that is still busy is stopped by INIT, and starts
 * again next time. False when that was needed. */
bool smp_settle(void);

#endif
