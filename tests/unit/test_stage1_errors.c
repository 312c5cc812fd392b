/* SPDX-License-Identifier: MIT */
/* Refusals of the stage-1 code, none of which changes anything. */
#include <string.h>

#include "lib/bits.h"
#include "tests/unit/stage1_fixture.h"

static void init_refuses_what_the_format_does_not_have(void **state)
{
    static const struct {
        unsigned levels;
        uint64_t page_sizes;
    } cases[] = {
        {0, SIZE_4K},     {3, SIZE_4K},    {6, SIZE_4K},
        {4, 0},           {4, SIZE_2M},    {4, SIZE_4K | SIZE_1G << 9},
        {4, SIZE_4K | 1}, {5, UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f = {0};

        assert_int_equal(stage1_init(&f.s, &stage1_format_x86_64, cases[i].levels,
                                     cases[i].page_sizes, fixture_memory(&f)),
                         STAGE1_ERR_FORMAT);
        assert_int_equal(f.allocated, 0);
        stage1_destroy(&f.s); /* harmless after a failure */
        assert_int_equal(f.freed, 0);
    }
}

static void init_reports_that_there_is_no_root_table(void **state)
{
    struct fixture f = {.limited = true};

    (void)state;
    assert_int_equal(stage1_init(&f.s, &stage1_format_x86_64, 4, SIZE_4K, fixture_memory(&f)),
                     STAGE1_ERR_NO_MEMORY);
    assert_int_equal(f.s.tables, 0);
    stage1_destroy(&f.s);
}

static void bad_ranges_and_permissions_are_refused(void **state)
{
    static const struct {
        uint64_t iova, gpa, length;
        unsigned prot;
        enum stage1_status status;
    } cases[] = {
        {0x1001, 0, 0x1000, RW, STAGE1_ERR_ALIGNMENT},
        {0x1000, 0x800, 0x1000, RW, STAGE1_ERR_ALIGNMENT},
        {0x1000, 0, 0x1001, RW, STAGE1_ERR_ALIGNMENT},
        {0x1000, 0, 0, RW, STAGE1_ERR_RANGE},
        {1ull << 48, 0, 0x1000, RW, STAGE1_ERR_RANGE},
        {(1ull << 48) - 0x1000, 0, 0x2000, RW, STAGE1_ERR_RANGE},
        {0xFFFFFFFFFFFFF000ull, 0, 0x2000, RW, STAGE1_ERR_RANGE},
        {0x1000, 0, 0xFFFFFFFFFFFFF000ull, RW, STAGE1_ERR_RANGE},
        {0x1000, 1ull << 52, 0x1000, RW, STAGE1_ERR_RANGE},
        {0x1000, (1ull << 52) - 0x1000, 0x2000, RW, STAGE1_ERR_RANGE},
        {0x1000, 0xFFFFFFFFFFFFF000ull, 0x2000, RW, STAGE1_ERR_RANGE},
        {0x1000, 0, 0x1000, 0, STAGE1_ERR_FORMAT},
        {0x1000, 0, 0x1000, STAGE1_WRITE, STAGE1_ERR_FORMAT},
        {0x1000, 0, 0x1000, RW | 4, STAGE1_ERR_FORMAT},
    };
    struct stage1_freed freed = {0};
    struct fixture f;
    uint64_t before, unmapped;

    (void)state;
    fixture_start(&f, 4, PAGES_4K_2M_1G);
    assert_int_equal(stage1_map(&f.s, 0, 0, 4 * SIZE_1G, RW), STAGE1_OK);
    before = fixture_fingerprint(&f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(
            stage1_map(&f.s, cases[i].iova, cases[i].gpa, cases[i].length, cases[i].prot),
            cases[i].status);
        if (cases[i].gpa != 0)
            continue; /* the others have no GPA */
        assert_int_equal(stage1_protect(&f.s, cases[i].iova, cases[i].length, cases[i].prot),
                         cases[i].status);
        if (cases[i].prot != RW)
            continue;
        unmapped = 1;
        assert_int_equal(stage1_unmap(&f.s, cases[i].iova, cases[i].length, &freed, &unmapped),
                         cases[i].status);
        assert_true(unmapped == 0);
    }
    assert_int_equal(stage1_split(&f.s, 1ull << 48), STAGE1_ERR_RANGE);
    assert_int_equal(stage1_split(&f.s, 5 * SIZE_1G), STAGE1_ERR_NOT_MAPPED);
    assert_true(fixture_fingerprint(&f) == before);
    assert_int_equal(freed.count, 0);
    fixture_stop(&f);
}

/* One page in the way, anywhere in a range that crosses all table borders, of any size. */
static void a_single_page_in_the_way_stops_the_whole_map(void **state)
{
    uint64_t start = SIZE_1G - 3 * SIZE_2M - 3 * SIZE_4K,
             length = SIZE_1G + 6 * SIZE_2M + 6 * SIZE_4K;
    const uint64_t in_the_way[] = {start,
                                   start + SIZE_4K,
                                   SIZE_1G - SIZE_2M - SIZE_4K,
                                   SIZE_1G - SIZE_4K,
                                   SIZE_1G,
                                   SIZE_1G + SIZE_2M,
                                   2 * SIZE_1G - SIZE_4K,
                                   2 * SIZE_1G,
                                   start + length - SIZE_4K};
    static const uint64_t page_sizes[] = {PAGES_4K, PAGES_4K_2M, PAGES_4K_1G, PAGES_4K_2M_1G};

    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(page_sizes); p++) {
        for (size_t i = 0; i < ARRAY_SIZE(in_the_way); i++) {
            struct stage1_freed freed = {0};
            struct fixture f;
            uint64_t before;
            size_t allocated;

            fixture_start(&f, 4, page_sizes[p]);
            assert_int_equal(stage1_map(&f.s, in_the_way[i], 0, SIZE_4K, STAGE1_READ), STAGE1_OK);
            before = fixture_fingerprint(&f);
            allocated = f.allocated;
            assert_int_equal(stage1_map(&f.s, start, 0x100000000, length, RW), STAGE1_ERR_EXISTS);
            assert_true(fixture_fingerprint(&f) == before);
            assert_int_equal(f.allocated, allocated);
            /* The ranges on both sides of it are free. */
            if (in_the_way[i] > start)
                assert_int_equal(stage1_map(&f.s, start, start, in_the_way[i] - start, RW),
                                 STAGE1_OK);
            if (in_the_way[i] + SIZE_4K < start + length)
                assert_int_equal(stage1_map(&f.s, in_the_way[i] + SIZE_4K, in_the_way[i] + SIZE_4K,
                                            start + length - in_the_way[i] - SIZE_4K, RW),
                                 STAGE1_OK);
            fixture_check_tree(&f, NULL, NULL);
            assert_int_equal(stage1_unmap(&f.s, 0, 4 * SIZE_1G, &freed, &before), STAGE1_OK);
            assert_true(before == length);
            assert_int_equal(f.s.tables, 1);
            stage1_release(&f.s, &freed);
            fixture_stop(&f);
        }
    }
}

/* Tests of the suite write entries through a walk. A table that is empty that way is used again,
 * not refused. */
static void table_emptied_by_hand_is_used_again(void **state)
{
    struct stage1_walk walk;
    struct fixture f;

    (void)state;
    fixture_start(&f, 4, PAGES_4K_2M);
    assert_int_equal(stage1_map(&f.s, SIZE_2M, 0, SIZE_4K, RW), STAGE1_OK);
    assert_int_equal(stage1_walk(&f.s, SIZE_2M, &walk), STAGE1_OK);
    *walk.entry[0] = 0;
    assert_int_equal(stage1_map(&f.s, 0, 0, 3 * SIZE_2M, RW), STAGE1_OK);
    fixture_check_tree(&f, NULL, NULL);
    assert_true(fixture_entry(&f, 0, 1) == (0 | 0x0E7));
    assert_true(fixture_entry(&f, SIZE_2M, 0) == (SIZE_2M | 0x067));
    assert_true(fixture_entry(&f, 2 * SIZE_2M, 1) == (2 * SIZE_2M | 0x0E7));
    fixture_stop(&f);
}

/* Nor does what a test left in the tables, not present, survive in a freed one. */
static void entries_written_by_hand_are_cleared_by_unmap(void **state)
{
    struct stage1_freed freed = {0};
    struct stage1_walk walk;
    struct fixture f;
    uint64_t unmapped;

    (void)state;
    fixture_start(&f, 4, PAGES_4K);
    assert_int_equal(stage1_map(&f.s, SIZE_2M, 0, 2 * SIZE_4K, RW), STAGE1_OK);
    assert_int_equal(stage1_walk(&f.s, SIZE_2M, &walk), STAGE1_OK);
    *walk.entry[0] = 0xABCDE066;    /* the first page, not present */
    walk.entry[1][1] = 0x123456026; /* the next 2 MiB, not present */
    assert_int_equal(stage1_unmap(&f.s, 0, SIZE_1G, &freed, &unmapped), STAGE1_OK);
    assert_true(unmapped == SIZE_4K);
    assert_int_equal(f.s.tables, 1);
    fixture_check_freed(&freed);
    stage1_release(&f.s, &freed);
    fixture_stop(&f);
}

static void every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = STAGE1_OK; a <= STAGE1_ERR_FORMAT + 1; a++) {
        for (int b = STAGE1_OK; b < a; b++)
            assert_string_not_equal(stage1_status_name((enum stage1_status)a),
                                    stage1_status_name((enum stage1_status)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_the_format_does_not_have),
        cmocka_unit_test(init_reports_that_there_is_no_root_table),
        cmocka_unit_test(bad_ranges_and_permissions_are_refused),
        cmocka_unit_test(a_single_page_in_the_way_stops_the_whole_map),
        cmocka_unit_test(table_emptied_by_hand_is_used_again),
        cmocka_unit_test(entries_written_by_hand_are_cleared_by_unmap),
        cmocka_unit_test(every_status_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
