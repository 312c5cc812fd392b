/* SPDX-License-Identifier: MIT */
/* Guests that are broken on purpose. The runner's own tests boot them and check that it sees each
 * one for what it is.
 */
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/power.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

/* The first half of the plan, as it should be. */
static void run_half(struct suite *s)
{
    while (s->position < s->instance_count / 2)
        suite_run_next(s);
}

/* Nothing wakes the processor, and the emulator sleeps up to the end of the runner's patience. */
static void hang(void)
{
    cpu_interrupts_off();
    for (;;)
        __asm__ volatile("hlt");
}

static void triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0; int3" : : "m"(none));
}

static void garbage(void)
{
    struct random random;

    random_seed(&random, 1);
    for (unsigned i = 0; i < 20000; i++) {
        char byte = (char)random_u64(&random);

        console_write(&byte, 1);
    }
}

static void flood(void)
{
    for (;;) {
        console_printf("# flood flood flood flood flood flood flood flood flood flood flood flood "
                       "flood flood flood\n");
    }
}

/* Out of everything that is mapped. */
static void fault(void)
{
    *(volatile uint64_t *)0x00007F0000000000ull = 1;
}

static void faulting_test(struct test_run *t)
{
    STEP("broken on purpose: a write to memory that is not there");
    fault();
}

/* The first test of the plan ends in an exception of its own, all others run as they should. */
static void trap_in_test(struct suite *s)
{
    const struct test *sound = s->instances[0].test;
    struct test broken = *sound;

    broken.run = faulting_test;
    s->instances[0].test = &broken;
    suite_run_next(s);
    s->instances[0].test = sound;
}

/* A point for the first instance with a verdict that nothing earned. */
static void claim(struct suite *s, enum verdict verdict)
{
    struct test_run *t = &s->run;

    suite_clear_run(s);
    t->verdict = verdict;
    memcpy(t->message, "broken on purpose", sizeof("broken on purpose"));
    suite_take_verdict(s);
}

bool suite_fixture_known(const char *name)
{
    const size_t length = strlen(name);

    for (const char *word = SUITE_FIXTURES; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        if (length > 0 && strncmp(word, name, length) == 0 &&
            (word[length] == ' ' || word[length] == '\0'))
            return true;
    }
    return false;
}

static void overrun_once(void)
{
    static bool before;

    if (before)
        return;
    before = true;
    for (;;)
        cpu_pause();
}

void suite_break(const char *fixture)
{
    if (strcmp(fixture, "hang") == 0)
        hang();
    else if (strcmp(fixture, "crash") == 0)
        panic("broken on purpose");
    else if (strcmp(fixture, "triple-fault") == 0)
        triple_fault();
    else if (strcmp(fixture, "slow") == 0)
        overrun_once();
}

void suite_broken(const char *fixture, struct suite *s)
{
    if (s->instance_count == 0)
        return;
    if (strcmp(fixture, "hang") == 0 || strcmp(fixture, "crash") == 0 ||
        strcmp(fixture, "triple-fault") == 0) {
        run_half(s);
        suite_break(fixture);
    } else if (strcmp(fixture, "exception") == 0) {
        run_half(s);
        fault();
    } else if (strcmp(fixture, "trap-in-test") == 0) {
        trap_in_test(s);
    } else if (strcmp(fixture, "garbage") == 0) {
        run_half(s);
        garbage();
        power_off(POWER_PASS);
    } else if (strcmp(fixture, "stop-half-way") == 0) {
        run_half(s);
        power_off(POWER_PASS);
    } else if (strcmp(fixture, "flood") == 0) {
        run_half(s);
        flood();
    } else if (strcmp(fixture, "user-hang") == 0 || strcmp(fixture, "user-fault") == 0) {
        suite_broken_in_user_mode(s, strcmp(fixture, "user-hang") == 0);
    } else if (strcmp(fixture, "fail") == 0) {
        claim(s, VERDICT_FAIL);
    } else if (strcmp(fixture, "error") == 0) {
        claim(s, VERDICT_ERROR);
    }
}
