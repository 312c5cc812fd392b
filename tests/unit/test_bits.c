/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "tests/unit/unit.h"

static void masks_include_both_ends(void **state)
{
    (void)state;
    assert_true(BIT(0) == 1);
    assert_true(BIT(63) == 0x8000000000000000u);
    assert_true(BITS(51, 12) == 0x000FFFFFFFFFF000u);
    assert_true(BITS(63, 0) == UINT64_MAX);
    assert_true(BITS(5, 5) == 0x20);
}

static void alignment_rounds_in_both_directions(void **state)
{
    (void)state;
    assert_true(align_up(1, 4096) == 4096);
    assert_true(align_up(4096, 4096) == 4096);
    assert_true(align_up(0, 4096) == 0);
    assert_true(align_up(UINT64_MAX, 4096) == 0);
    assert_true(align_down(8191, 4096) == 4096);
    assert_true(align_down(UINT64_MAX, BIT(63)) == BIT(63));
    assert_true(is_aligned(0, BIT(52)));
    assert_false(is_aligned(BIT(12) + BIT(11), BIT(12)));
}

static void powers_and_logarithms_agree(void **state)
{
    (void)state;
    assert_false(is_power_of_two(0));
    assert_int_equal(log2_ceil(0), 0);
    assert_int_equal(log2_ceil(1), 0);
    assert_int_equal(log2_ceil(UINT64_MAX), 64);
    for (unsigned n = 0; n < 64; n++) {
        assert_true(is_power_of_two(BIT(n)));
        assert_int_equal(log2_floor(BIT(n)), n);
        assert_int_equal(log2_ceil(BIT(n)), n);
        assert_int_equal(lowest_bit(BIT(n) | BIT(63)), n);
        if (n >= 2) {
            assert_false(is_power_of_two(BIT(n) - 1));
            assert_int_equal(log2_floor(BIT(n) - 1), n - 1);
            assert_int_equal(log2_ceil(BIT(n) - 1), n);
            assert_int_equal(log2_ceil(BIT(n - 1) + 1), n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_include_both_ends),
        cmocka_unit_test(alignment_rounds_in_both_directions),
        cmocka_unit_test(powers_and_logarithms_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
