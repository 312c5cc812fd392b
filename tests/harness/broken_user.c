/* SPDX-License-Identifier: MIT */
/* The first instance runs a broken program at CPL 3 in place of its test: one that never ends, or
 * one that executes a privileged instruction that the test does not expect. Its verdict is an
 * error, and the run goes on. */
#include "kernel/power.h"
#include "tests/harness/process.h"
#include "tests/harness/suite.h"

USER_PROGRAM static uint64_t program_hang(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    for (volatile bool on = true; on;) {
    }
    return 0;
}

USER_PROGRAM static uint64_t program_interrupts_off(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    __asm__ volatile("cli");
    return 0;
}

static void hang(struct test_run *t)
{
    PROCESS_CALL(t, process_new(t), program_hang, 0, 0, 0, 0);
}

static void fault(struct test_run *t)
{
    PROCESS_CALL(t, process_new(t), program_interrupts_off, 0, 0, 0, 0);
}

void suite_broken_in_user_mode(struct suite *s, bool hangs)
{
    struct test broken = *s->instances[0].test;

    broken.run = hangs ? hang : fault;
    s->instances[0].test = &broken;
    while (s->position < s->instance_count)
        suite_run_next(s);
    report_end(&s->counts, 0);
    power_off(POWER_ERROR);
}
