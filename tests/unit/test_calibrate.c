/* SPDX-License-Identifier: MIT */
/* A TSC of known frequency, measured with clocks that are read by a processor that is now and then
 * away. */
#include <string.h>

#include "lib/calibrate.h"
#include "tests/unit/unit.h"

#define TSC_HZ 2589000000ull

static struct {
    struct random random;
    uint64_t now;         /* TSC */
    uint64_t away_one_in; /* readings between two times away, on average; 0 = never */
    uint64_t away_first;  /* TSC ticks for which the very first reading is held up */
    uint64_t clock_hz;
    bool stands_still;
} machine;

static void pass(uint64_t ticks)
{
    machine.now += ticks;
}

/* The processor can be taken away before and after the moment at which the clock is looked at. */
static void maybe_away(void)
{
    if (machine.away_first) {
        pass(machine.away_first);
        machine.away_first = 0;
    }
    if (machine.away_one_in && random_below(&machine.random, machine.away_one_in) == 0)
        pass(random_below(&machine.random, TSC_HZ / 10));
}

static struct calibrate_reading read_clock(const void *context)
{
    uint64_t before, ticks;

    (void)context;
    pass(200);
    before = machine.now;
    pass(1000 + random_below(&machine.random, 500));
    maybe_away();
    ticks = machine.stands_still
                ? 7
                : (uint64_t)((unsigned __int128)machine.now * machine.clock_hz / TSC_HZ);
    maybe_away();
    pass(1000 + random_below(&machine.random, 500));
    return calibrate_reading_of(before, ticks, machine.now);
}

static uint64_t measure(uint64_t clock_hz, uint64_t mask)
{
    machine.clock_hz = clock_hz;
    return calibrate_tsc(read_clock, NULL, mask, clock_hz);
}

/* Two windows' ends, each off by half a reading at most, and a tick of the clock. */
static void assert_close(uint64_t measured, uint64_t clock_hz)
{
    const uint64_t window = TSC_HZ / 1000000 * CALIBRATE_WINDOW_US;
    const uint64_t error = (2 * 3000 + TSC_HZ / clock_hz) * (TSC_HZ / window);

    assert_in_range(measured, TSC_HZ - error, TSC_HZ + error);
}

static int start(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.random = unit_random();
    machine.now = 1ull << 40;
    return 0;
}

static void clocks_of_all_kinds(void **state)
{
    (void)state;
    assert_close(measure(3579545, 0xFFFFFF), 3579545);
    assert_close(measure(1193182, 0xFFFF), 1193182);
    assert_close(measure(10000000, UINT64_MAX), 10000000);
}

static void a_processor_that_is_away_at_first(void **state)
{
    (void)state;
    machine.away_first = TSC_HZ / 10;
    assert_close(measure(3579545, 0xFFFFFF), 3579545);
}

static void a_processor_that_is_away_now_and_then(void **state)
{
    (void)state;
    for (int run = 0; run < 2000; run++) {
        machine.away_one_in = 12 + random_below(&machine.random, 200);
        assert_close(measure(3579545, 0xFFFFFF), 3579545);
    }
}

static void a_clock_that_stands_still(void **state)
{
    (void)state;
    machine.stands_still = true;
    assert_int_equal(measure(3579545, 0xFFFFFF), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(clocks_of_all_kinds, start),
        cmocka_unit_test_setup(a_processor_that_is_away_at_first, start),
        cmocka_unit_test_setup(a_processor_that_is_away_now_and_then, start),
        cmocka_unit_test_setup(a_clock_that_stands_still, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
