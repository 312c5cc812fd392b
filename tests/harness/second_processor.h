/* SPDX-License-Identifier: MIT */
/*
 * Work for the other processors of the machine. Its code may make hypercalls and catch exceptions,
 * and touches no state of the test but its argument: checks and steps belong to the first
 * processor.
 */
#ifndef PVT_TESTS_HARNESS_SECOND_PROCESSOR_H
#define PVT_TESTS_HARNESS_SECOND_PROCESSOR_H

#include "abi/hypercall.h"
#include "kernel/cpu.h"
#include "tests/harness/fixture.h"

/* Processors beside the first, by number from 1. Skips the test on a machine without it. Starts the
 * processor. */
void need_processor(struct test_run *t, unsigned number);
/* Processors that a test can use, the first one included. */
unsigned processor_count(void);
/* All that the machine has, which may be more. */
unsigned processors_present(void);
/* "processor N of M", people's way of counting; for messages. */
const char *processor_name(unsigned number);
/* Zeroed memory for what several processors touch. Not on the stack: when a test fails, another
 * processor may still be running for a short time. */
void *second_memory(struct test_run *t, size_t size);
/* The processor runs fn(argument) from now on; `argument` is from second_memory(). */
void processor_begin(struct test_run *t, unsigned number, void (*fn)(void *argument),
                     void *argument);
/* Waits for its end; an exception or a deadline there is the end of this test. */
void processor_end(struct test_run *t, unsigned number);
/* All calls that the first processor makes from now on are made by that one, until the number is 0
 * or the test ends. Not while a function runs there. */
void processor_makes_calls(struct test_run *t, unsigned number);
/* The processor that makes them where a test has said nothing else (option calls_from). */
void processor_makes_all_calls(struct test_run *t, unsigned number);
/* Both: processor_begin() and processor_end(). */
void on_processor(struct test_run *t, unsigned number, void (*fn)(void *argument), void *argument);

/* The same for the second processor, which is number 1. */
static inline void need_second(struct test_run *t)
{
    need_processor(t, 1);
}

static inline void second_begin(struct test_run *t, void (*fn)(void *argument), void *argument)
{
    processor_begin(t, 1, fn, argument);
}

static inline void second_end(struct test_run *t)
{
    processor_end(t, 1);
}

static inline void on_second(struct test_run *t, void (*fn)(void *argument), void *argument)
{
    on_processor(t, 1, fn, argument);
}

static inline void second_makes_calls(struct test_run *t, bool on)
{
    processor_makes_calls(t, on ? 1 : 0);
}

/* In every loop without another wait: where an emulator runs all processors on one thread, they
 * take turns at PAUSE, and otherwise ten times a second. */
static inline void give_way(void)
{
    cpu_pause();
}

/* Rendezvous of `count` processors: the code that follows runs at the same time on all of them.
 * Bounded: false when one does not come. `arrivals` counts arrivals, and is shared by all. */
bool rendezvous_of(unsigned count, uint32_t *arrivals, uint32_t round);
static inline bool rendezvous(uint32_t *arrivals, uint32_t round)
{
    return rendezvous_of(2, arrivals, round);
}

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
