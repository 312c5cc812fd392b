/* SPDX-License-Identifier: MIT */
/*
 * Work for the second processor of the machine. Its code may make hypercalls and catch exceptions,
 * and touches no state of the test but its argument: checks and steps belong to the first
 * processor.
 */
#ifndef PVT_TESTS_HARNESS_SECOND_PROCESSOR_H
#define PVT_TESTS_HARNESS_SECOND_PROCESSOR_H

#include "abi/hypercall.h"
#include "kernel/cpu.h"
#include "tests/harness/fixture.h"

/* Skips the test on a machine with one processor. Starts the second one. */
void need_second(struct test_run *t);
/* Zeroed memory for what both processors touch. Not on the stack: when a test fails, the second
 * processor may still be running for a short time. */
void *second_memory(struct test_run *t, size_t size);
/* The second processor runs fn(argument) from now on; `argument` is from second_memory(). */
void second_begin(struct test_run *t, void (*fn)(void *argument), void *argument);
/* Waits for its end; an exception or a deadline there is the end of this test. */
void second_end(struct test_run *t);
/* Both. */
void on_second(struct test_run *t, void (*fn)(void *argument), void *argument);

/* All calls that the first processor makes from now on are made by the second one, until `on` is
 * false or the test ends. Not while a function runs there. */
void second_makes_calls(struct test_run *t, bool on);

/* In every loop without another wait: where an emulator runs all processors on one thread, they
 * take turns at PAUSE, and otherwise ten times a second. */
static inline void give_way(void)
{
    cpu_pause();
}

/* Rendezvous of both processors: the code that follows runs at the same time on both. Bounded:
 * false when the other does not come. `arrivals` counts arrivals, and is shared by both. */
bool rendezvous(uint32_t *arrivals, uint32_t round);

/* A processor's own parameter pages: the pages of the hypercall layer belong to the first one. */
struct caller {
    uint8_t *input, *output;
};
struct caller caller(struct test_run *t);
enum hv_status caller_call(const struct caller *c, uint16_t code, const void *input, size_t size);
enum hv_status caller_flush(const struct caller *c, uint32_t domain_id);
/* `count` times the one page at `iova`. The host need not do all in one call. *done = elements at
 * the end. */
enum hv_status caller_flush_page(const struct caller *c, uint32_t domain_id, uint64_t iova,
                                 unsigned count, unsigned *done);
enum hv_status caller_attach(const struct caller *c, uint32_t domain_id, uint64_t device_id);

#endif
