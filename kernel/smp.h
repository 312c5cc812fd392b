/* SPDX-License-Identifier: MIT */
/*
 * The second processor. It is started when it is asked for first, and halts between two calls. A
 * function there is contained like a test: it ends by returning, by an exception, or by its
 * deadline, and its waiter learns which.
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
    SMP_NO_MEMORY, /* none below 640 KiB, where a processor starts */
    SMP_NO_ANSWER, /* it was told to start, and did not */
};

/* Starts the second processor when it does not run. On the first processor only, like all below. */
enum smp_state smp_start(void);
/* One sentence for a person. */
const char *smp_state_text(enum smp_state state);

/* Has the second processor run fn(argument) and returns at once. Needs SMP_READY, and the call
 * before ended. It is cut off after `deadline_us`. */
void smp_call(void (*fn)(void *argument), void *argument, uint64_t deadline_us);
/* The call has ended. */
bool smp_done(void);
/* Waits until it has, or until `timeout_us` have passed (false). In a contained function. */
bool smp_wait(uint64_t timeout_us);
/* For both processors, in a contained function: waits until condition(argument) holds; false after
 * `timeout_us`. Halts when that takes long, since an emulated processor that spins takes the time
 * of the other one. Who makes the condition true calls smp_wake() after that. */
bool smp_sleep(bool (*condition)(void *argument), void *argument, uint64_t timeout_us);
/* Lets the other processor look again. */
void smp_wake(void);
/* How the last call ended, and where (on exception and deadline). */
enum containment_end smp_end(void);
const struct trap_report *smp_report(void);

/* Leaves nothing running on the second processor: one that is still busy is stopped by INIT, and
 * starts again next time. False when that was needed. */
bool smp_settle(void);

#endif
