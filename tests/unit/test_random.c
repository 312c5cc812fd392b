/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

static void same_seed_gives_the_same_numbers(void **state)
{
    struct random a, b;

    (void)state;
    random_seed(&a, 42);
    random_seed(&b, 42);
    for (int i = 0; i < 1000; i++)
        assert_true(random_u64(&a) == random_u64(&b));
}

static void neighbouring_seeds_share_nothing(void **state)
{
    struct random a, b;

    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        random_seed(&a, seed);
        random_seed(&b, seed + 1);
        for (int i = 0; i < 8; i++)
            assert_false(random_u64(&a) == random_u64(&b));
    }
}

/* The published algorithm, from state 1, 2, 3, 4: computed by hand for the first step (rotl(2 * 5,
 * 7) * 9). */
static void first_numbers_are_those_of_xoshiro256starstar(void **state)
{
    struct random r = {.state = {1, 2, 3, 4}};

    (void)state;
    assert_true(random_u64(&r) == 11520);
    assert_true(random_u64(&r) == 0);
    assert_true(random_u64(&r) == 1509978240);
}

static void below_stays_below_and_reaches_everything(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (uint64_t bound = 1; bound <= 64; bound++) {
        unsigned count[64] = {0};

        for (int i = 0; i < 64 * 100; i++) {
            uint64_t value = random_below(&r, bound);

            assert_true(value < bound);
            count[value]++;
        }
        for (uint64_t i = 0; i < bound; i++)
            assert_in_range(count[i], 6400 / bound / 3, 6400 / bound * 3 + 1);
    }
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(&r, (1ull << 63) + 1) <= 1ull << 63);
}

/* Of 2^64 numbers, 2^62 are left over for this bound: folded back, they would double the lowest
 * third. */
static void below_favours_no_number(void **state)
{
    struct random r = unit_random();
    unsigned lowest_third = 0;

    (void)state;
    for (int i = 0; i < 30000; i++)
        lowest_third += random_below(&r, 3ull << 62) < 1ull << 62;
    assert_in_range(lowest_third, 9000, 11000); /* 10000, or 15000 when folded */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_numbers),
        cmocka_unit_test(neighbouring_seeds_share_nothing),
        cmocka_unit_test(first_numbers_are_those_of_xoshiro256starstar),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
        cmocka_unit_test(below_favours_no_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
