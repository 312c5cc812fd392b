/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/flush_range.h"

#include "tests/unit/unit.h"

#define BLOCKS_MAX 128
static void check_decomposition(uint64_t first, uint64_t end)
{
    struct flush_block blocks[BLOCKS_MAX];
    size_t count =
        flush_range_decompose(first * PAGE_SIZE, (end - first) * PAGE_SIZE, blocks, BLOCKS_MAX);
    uint64_t at = first;

    assert_in_range(count, 1, BLOCKS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(blocks[i].shift, 0, 52);
        assert_true(blocks[i].page == at); /* in order and without gap: the union is the range */
        assert_true((blocks[i].page & ((1ull << blocks[i].shift) - 1)) == 0);
        at += 1ull << blocks[i].shift;
    }
    assert_true(at == end);
}

/* Fewest aligned blocks from `first` to `end`, by trying them all (dynamic programming, no
 * cleverness to share). */
static void fewest_from(unsigned end, unsigned fewest[])
{
    fewest[end] = 0;
    for (unsigned first = end; first-- > 0;) {
        fewest[first] = end - first;
        for (unsigned size = 1; first % size == 0 && first + size <= end; size *= 2)
            if (1 + fewest[first + size] < fewest[first])
                fewest[first] = 1 + fewest[first + size];
    }
}

static void all_small_ranges_decompose_into_the_fewest_blocks(void **state)
{
    unsigned fewest[130];

    (void)state;
    for (unsigned end = 1; end < 130; end++) {
        fewest_from(end, fewest);
        for (unsigned first = 0; first < end; first++) {
            check_decomposition(first, end);
            assert_int_equal(
                flush_range_decompose(first * PAGE_SIZE, (end - first) * PAGE_SIZE, NULL, 0),
                fewest[first]);
        }
    }
}

static void all_small_ranges_are_covered_by_the_smallest_block(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 130; first++) {
        for (unsigned end = first + 1; end <= 130; end++) {
            struct flush_block block =
                flush_range_cover(first * PAGE_SIZE, (end - first) * PAGE_SIZE);
            unsigned shift = 0;

            while ((first >> shift) != ((end - 1) >> shift))
                shift++;
            assert_int_equal(block.shift, shift);
            assert_int_equal(block.page, first >> shift << shift);
        }
    }
}

static void random_ranges(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (int run = 0; run < 200000; run++) {
        uint64_t pages = 1ull << 52;
        uint64_t first = random_u64(&r) >> (12 + random_below(&r, 52));
        uint64_t length = 1 + random_below(&r, 1ull << random_below(&r, 53));
        struct flush_block block;
        uint64_t size, last;

        if (random_below(&r, 4) == 0)
            first = pages - 1 - first; /* the upper end is as interesting as the lower one */
        if (length > pages - first)
            length = pages - first;
        check_decomposition(first, first + length);

        block = flush_range_cover(first * PAGE_SIZE, length * PAGE_SIZE);
        size = 1ull << block.shift;
        last = first + length - 1;

        if (length == pages) {
            assert_int_equal(block.shift, 52);
            continue;
        }
        assert_true(block.page % size == 0 && block.page <= first && last - block.page < size);
        if (block.shift > 0) /* both halves are needed */
            assert_true((first - block.page) / (size / 2) == 0 &&
                        (last - block.page) / (size / 2) == 1);
    }
}

static void partial_pages_count_whole(void **state)
{
    struct flush_block block = flush_range_cover(0x1FFF, 2);

    (void)state;
    assert_true(block.page == 0 && block.shift == 2); /* pages 1 and 2 share no block below 0..3 */
    assert_int_equal(flush_range_decompose(0x1FFF, 2, &block, 1), 2);
    assert_true(block.page == 1 && block.shift == 0);
    assert_int_equal(flush_range_decompose(0x1FFF, 1, &block, 1), 1);
    assert_true(block.page == 1 && block.shift == 0);
}

static void nothing_is_written_beyond_max(void **state)
{
    struct flush_block blocks[3] = {
        {.page = 77, .shift = 7}, {.page = 77, .shift = 7}, {.page = 77, .shift = 7}};

    (void)state;
    assert_int_equal(flush_range_decompose(1 * PAGE_SIZE, 6 * PAGE_SIZE, blocks, 2),
                     4); /* 1, 2-3, 4-5, 6 */
    assert_true(blocks[0].page == 1 && blocks[0].shift == 0);
    assert_true(blocks[1].page == 2 && blocks[1].shift == 1);
    assert_true(blocks[2].page == 77 && blocks[2].shift == 7);
}

static void empty_and_wrapping_ranges(void **state)
{
    struct flush_block block = {.page = 77, .shift = 7};

    (void)state;
    assert_int_equal(flush_range_decompose(PAGE_SIZE, 0, &block, 1), 0);
    assert_true(block.page == 77);
    block = flush_range_cover(PAGE_SIZE, 0);
    assert_true(block.page == 0 && block.shift == 52);
    block = flush_range_cover(UINT64_MAX - 4095, 8192);
    assert_true(block.page == 0 && block.shift == 52);
    assert_int_equal(flush_range_decompose(UINT64_MAX, 2, &block, 1), 1);
    assert_true(block.page == 0 && block.shift == 52);
    assert_int_equal(flush_range_decompose(UINT64_MAX, 2, NULL, 0), 1);
    /* The last byte of the space does not wrap. */
    block = flush_range_cover(UINT64_MAX, 1);
    assert_true(block.page == (1ull << 52) - 1 && block.shift == 0);
    block = flush_range_cover(0, UINT64_MAX);
    assert_true(block.page == 0 && block.shift == 52);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_small_ranges_decompose_into_the_fewest_blocks),
        cmocka_unit_test(all_small_ranges_are_covered_by_the_smallest_block),
        cmocka_unit_test(random_ranges),
        cmocka_unit_test(partial_pages_count_whole),
        cmocka_unit_test(nothing_is_written_beyond_max),
        cmocka_unit_test(empty_and_wrapping_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
