/* SPDX-License-Identifier: MIT */
/* TIME_REF_COUNT: one clock for all processors, which nothing that a guest writes changes. */
#define TEST_GROUP "discovery"
#include "abi/cpuid.h"
#include "abi/msr.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "tests/harness/fixture.h"
#include "tests/harness/second_processor.h"

#define MSR_TSC          0x10u
#define UNITS_PER_SECOND 10000000ull
#define UNITS_PER_MS     (UNITS_PER_SECOND / 1000)
#define HOUR             3600ull                  /* seconds */
#define LONGEST          (600 * UNITS_PER_SECOND) /* of a test, whatever holds it up */
#define MEASURED_US      5000u
#define PERCENT_ALLOWED  10u /* between two clocks of a machine */

/* On the running processor. */
static uint64_t count(void)
{
    uint64_t value = 0;

    (void)msr_read_safe(HV_MSR_TIME_REF_COUNT, &value);
    return value;
}

static void need_count(struct test_run *t)
{
    uint64_t value;

    if (!(cpu_cpuid(HV_CPUID_FEATURES, 0).eax & HV_CPUID_FEATURES_EAX_TIME_REF_COUNT))
        SKIP("CPUID announces no TIME_REF_COUNT");
    CHECK(msr_read_safe(HV_MSR_TIME_REF_COUNT, &value) == TRAP_NONE,
          "TIME_REF_COUNT is announced, and faults");
}

static void count_there(void *argument)
{
    *(uint64_t *)argument = count();
}

TEST(reference_time_is_one_clock,
     PROMISE("TIME_REF_COUNT counts units of 100 ns, and is the same on all processors")
     COVERS("DISC-11") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Reads the counter twice, 5 milliseconds apart by the TSC. Then reads it on each other "
           "processor, between two readings on the first one.")
     EXPECTS("The counter goes on by the time that has passed, give or take a tenth. Each other "
             "processor reads a count between the two of the first one, give or take a "
             "millisecond.")
     IF_IT_FAILS("The counter has another unit, or each processor counts from a start of its own. "
                 "A guest without a page for the TSC takes it for its clock: its time runs wrong, "
                 "or jumps when a thread moves to another processor."))
{
    uint64_t *there = second_memory(t, sizeof(*there));
    uint64_t outer, inner, first, last;

    need_count(t);
    outer = time_ns();
    first = count();
    inner = time_ns();
    time_delay_us(MEASURED_US);
    inner = time_ns() - inner;
    last = count();
    outer = time_ns() - outer;
    STEP("%llu units in %llu to %llu ns", last - first, inner, outer);
    CHECK((last - first) * 100 >= inner - inner / PERCENT_ALLOWED,
          "%llu units of 100 ns in %llu ns", (unsigned long long)(last - first),
          (unsigned long long)inner);
    CHECK((last - first) * 100 <= outer + outer / PERCENT_ALLOWED,
          "%llu units of 100 ns in %llu ns", (unsigned long long)(last - first),
          (unsigned long long)outer);
    for (unsigned n = 1; n < processor_count(); n++) {
        first = count();
        on_processor(t, n, count_there, there);
        last = count();
        STEP("%llu, then %llu on %s, then %llu", first, *there, processor_name(n), last);
        CHECK(*there + UNITS_PER_MS >= first && *there <= last + UNITS_PER_MS,
              "%s counts %llu, and the first one %llu before and %llu after", processor_name(n),
              (unsigned long long)*there, (unsigned long long)first, (unsigned long long)last);
    }
}

struct writes {
    uint64_t before, forward, back, written, after;
};

/* Interrupts are off: deadlines are compared with the TSC. */
static void write_clocks(void *argument)
{
    struct writes *w = argument;
    const uint64_t jump = HOUR * time_tsc_hz();

    cpu_interrupts_off();
    w->before = count();
    (void)msr_write_safe(MSR_TSC, cpu_rdtsc() + jump);
    w->forward = count();
    (void)msr_write_safe(MSR_TSC, cpu_rdtsc() - 2 * jump);
    w->back = count();
    (void)msr_write_safe(MSR_TSC, cpu_rdtsc() + jump);
    (void)msr_write_safe(HV_MSR_TIME_REF_COUNT, w->before + HOUR * UNITS_PER_SECOND);
    w->written = count();
    (void)msr_write_safe(HV_MSR_TIME_REF_COUNT, 0);
    w->after = count();
    cpu_interrupts_on();
}

static void expect_goes_on(struct test_run *t, const char *what, unsigned n, uint64_t before,
                           uint64_t now)
{
    STEP("%s: %llu", what, now);
    CHECK(now >= before && now - before < LONGEST, "%s on %s: the count was %llu, and is %llu",
          what, processor_name(n), (unsigned long long)before, (unsigned long long)now);
}

TEST(reference_time_is_not_set,
     PROMISE("TIME_REF_COUNT goes on as before when a guest writes its TSC, or the counter itself")
     COVERS("DISC-11 ROB-1") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("On each processor sets the TSC an hour ahead, and an hour back, reads the counter "
           "after each, and sets the TSC right. Then writes another time to the counter, and 0.")
     EXPECTS("The counter never goes back and never jumps ahead. The writes may fault.")
     IF_IT_FAILS("The counter is made from the TSC as the guest has set it, or takes what is "
                 "written to it. The clock of a guest stands still for an hour, or timers that are "
                 "an hour away end, on one processor alone perhaps."))
{
    struct writes *w = second_memory(t, sizeof(*w));

    need_count(t);
    for (unsigned n = 0; n < processor_count(); n++) {
        if (n == 0)
            write_clocks(w);
        else
            on_processor(t, n, write_clocks, w);
        expect_goes_on(t, "the TSC is an hour ahead", n, w->before, w->forward);
        expect_goes_on(t, "the TSC is an hour back", n, w->forward, w->back);
        expect_goes_on(t, "a time was written to the counter", n, w->back, w->written);
        expect_goes_on(t, "0 was written to the counter", n, w->written, w->after);
    }
}
