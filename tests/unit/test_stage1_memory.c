/* SPDX-License-Identifier: MIT */
/* Table memory that runs out at every possible point, and tables that come back. */
#include <string.h>

#include "lib/bits.h"
#include "tests/unit/stage1_fixture.h"

#define START  (SIZE_1G - SIZE_2M - 5 * SIZE_4K)
#define LENGTH (SIZE_2M + SIZE_2M + 9 * SIZE_4K)

static const uint64_t page_sizes[] = {PAGES_4K, PAGES_4K_2M, PAGES_4K_1G, PAGES_4K_2M_1G};

static void map_without_memory_changes_nothing(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(page_sizes); p++) {
        enum stage1_status status = STAGE1_ERR_NO_MEMORY;
        size_t tables = 0, last = 0;

        /* Once with n = 0, 1, 2... tables to be had, until it works; a neighbor makes part of the
         * tables exist. */
        for (size_t n = 0; status == STAGE1_ERR_NO_MEMORY; n++) {
            struct fixture f;
            uint64_t before;

            fixture_start(&f, 5, page_sizes[p]);
            assert_int_equal(stage1_map(&f.s, START - SIZE_4K, 0, SIZE_4K, STAGE1_READ), STAGE1_OK);
            before = fixture_fingerprint(&f);
            tables = f.s.tables;
            f.limited = true;
            f.left = n;
            status = stage1_map(&f.s, START, START, LENGTH, RW);
            last = n;
            if (status == STAGE1_OK) {
                assert_int_equal(f.s.tables, tables + n); /* exactly as many as needed */
            } else {
                assert_int_equal(status, STAGE1_ERR_NO_MEMORY);
                assert_true(fixture_fingerprint(&f) == before);
                assert_int_equal(f.s.tables, tables);
            }
            fixture_check_tree(&f, NULL, NULL);
            fixture_check_accounting(&f, NULL);
            fixture_stop(&f);
            assert_in_range(n, 0, 100);
        }
        assert_int_equal(status, STAGE1_OK);
        assert_in_range(last, 2, 100);
    }
}

static void count_writable(void *context, uint64_t iova, uint64_t gpa, uint64_t size, bool writable)
{
    assert_true(iova == gpa);
    ((uint64_t *)context)[writable] += size;
}

/* Unmap and protect need tables only to split a superpage; without them every page keeps its
 * translation. */
static void unmap_and_protect_without_memory_lose_nothing(void **state)
{
    (void)state;
    for (int protect = 0; protect < 2; protect++) {
        enum stage1_status status = STAGE1_ERR_NO_MEMORY;
        size_t n;

        for (n = 0; status == STAGE1_ERR_NO_MEMORY; n++) {
            struct stage1_freed freed = {0};
            struct fixture f;
            uint64_t mapped[2] = {0}, unmapped = 1;

            fixture_start(&f, 4, PAGES_4K_2M_1G);
            assert_int_equal(stage1_map(&f.s, 0, 0, 2 * SIZE_1G, RW), STAGE1_OK);
            f.limited = true;
            f.left = n;
            status = protect ? stage1_protect(&f.s, START, LENGTH, STAGE1_READ)
                             : stage1_unmap(&f.s, START, LENGTH, &freed, &unmapped);
            fixture_check_tree(&f, count_writable, mapped);
            fixture_check_accounting(&f, &freed);
            if (status == STAGE1_OK) {
                assert_true(mapped[1] == 2 * SIZE_1G - LENGTH);
                assert_true(mapped[0] == (protect ? LENGTH : 0));
                assert_true(protect || unmapped == LENGTH);
            } else {
                assert_int_equal(status, STAGE1_ERR_NO_MEMORY);
                assert_true(mapped[1] == 2 * SIZE_1G && mapped[0] == 0);
                assert_true(protect || unmapped == 0);
                assert_int_equal(freed.count, 0);
            }
            stage1_release(&f.s, &freed);
            fixture_stop(&f);
        }
        assert_int_equal(status, STAGE1_OK);
        assert_int_equal(n - 1, 4); /* both 1 GiB leaves, and a 2 MiB leaf in each */
    }
}

static void split_without_memory_keeps_the_leaf(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 513;
         n += 57) { /* 513 tables: 1 GiB into 4 KiB leaves; 9 * 57 is the one that works */
        struct fixture f;
        uint64_t before;

        fixture_start(&f, 4, PAGES_4K_1G);
        assert_int_equal(stage1_map(&f.s, 0, 0, SIZE_1G, RW), STAGE1_OK);
        before = fixture_fingerprint(&f);
        f.limited = true;
        f.left = n;
        assert_int_equal(stage1_split(&f.s, 0), n == 513 ? STAGE1_OK : STAGE1_ERR_NO_MEMORY);
        assert_int_equal(fixture_fingerprint(&f) == before, n != 513);
        fixture_check_tree(&f, NULL, NULL);
        fixture_check_accounting(&f, NULL);
        fixture_stop(&f);
    }
}

/* A map of half the IOVA space asks for more tables than any machine has: it must come back, and
 * soon. */
static void map_too_large_for_any_memory_ends(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f, 5, PAGES_4K);
    f.limited = true;
    f.left = 1000;
    assert_int_equal(stage1_map(&f.s, 0, 0, 1ull << 51, RW), STAGE1_ERR_NO_MEMORY);
    fixture_check_accounting(&f, NULL);
    assert_int_equal(f.s.tables, 1);
    fixture_stop(&f);
}

static void emptied_tables_are_collected_and_never_look_present(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(page_sizes); p++) {
        struct stage1_freed freed = {0};
        struct fixture f;
        size_t tables;
        size_t count;

        fixture_start(&f, 4, page_sizes[p]);
        assert_int_equal(stage1_map(&f.s, START, START, LENGTH, RW), STAGE1_OK);
        tables = f.s.tables;
        assert_int_equal(stage1_unmap(&f.s, START, LENGTH - SIZE_4K, &freed, NULL), STAGE1_OK);
        assert_true(f.s.tables > 1); /* the last page keeps its own way from the root */
        fixture_check_tree(&f, NULL, NULL);
        assert_int_equal(stage1_unmap(&f.s, START, LENGTH, &freed, NULL), STAGE1_OK);
        assert_int_equal(f.s.tables, 1);
        assert_true(freed.count >= tables - 1); /* more, when a superpage was split */
        fixture_check_freed(&freed);
        fixture_check_accounting(&f, &freed);

        count = freed.count;

        assert_int_equal(stage1_release(&f.s, &freed), count);
        assert_int_equal(stage1_release(&f.s, &freed), 0);
        fixture_stop(&f);
    }
}

static void page_by_page_in_any_direction_frees_every_table(void **state)
{
    struct random r = unit_random();

    (void)state;
    for (int direction = 0; direction < 3; direction++) {
        uint64_t pages = 1200, order[1200];
        struct stage1_freed freed = {0};
        struct fixture f;

        fixture_start(&f, 4, PAGES_4K);
        for (uint64_t i = 0; i < pages; i++)
            order[i] = direction == 1 ? pages - 1 - i : i;
        for (uint64_t i = pages - 1; direction == 2 && i > 0; i--) {
            uint64_t j = random_below(&r, i + 1), swap = order[i];

            order[i] = order[j];
            order[j] = swap;
        }
        for (uint64_t i = 0; i < pages; i++)
            assert_int_equal(
                stage1_map(&f.s, START + order[i] * SIZE_4K, order[i] * SIZE_4K, SIZE_4K, RW),
                STAGE1_OK);
        assert_int_equal(f.s.tables, 1 + 1 + 2 + 4); /* two 1 GiB halves, four 2 MiB parts */
        for (uint64_t i = 0; i < pages; i++) {
            fixture_check_tree(&f, NULL, NULL);
            assert_int_equal(stage1_unmap(&f.s, START + order[i] * SIZE_4K, SIZE_4K, &freed, NULL),
                             STAGE1_OK);
        }
        assert_int_equal(f.s.tables, 1);
        assert_int_equal(freed.count, 7);
        fixture_check_freed(&freed);
        stage1_release(&f.s, &freed);
        fixture_stop(&f);
    }
}

static void merged_tables_wait_aside_and_are_limited(void **state)
{
    struct stage1_freed freed = {0};
    struct fixture f;

    (void)state;
    fixture_start(&f, 4, PAGES_4K_2M);
    assert_int_equal(stage1_map(&f.s, 0, 0, (STAGE1_MERGED_MAX + 1) * SIZE_2M, RW), STAGE1_OK);
    for (uint64_t i = 0; i <= STAGE1_MERGED_MAX; i++) {
        assert_int_equal(stage1_split(&f.s, i * SIZE_2M), STAGE1_OK);
        assert_int_equal(stage1_merge(&f.s, i * SIZE_2M, 1, &freed),
                         i < STAGE1_MERGED_MAX ? STAGE1_OK : STAGE1_ERR_NO_MEMORY);
    }
    assert_int_equal(freed.count, STAGE1_MERGED_MAX);
    fixture_check_freed(&freed);
    fixture_check_accounting(&f, &freed);
    assert_int_equal(stage1_release(&f.s, &freed), STAGE1_MERGED_MAX);
    assert_int_equal(stage1_merge(&f.s, STAGE1_MERGED_MAX * SIZE_2M, 1, &freed), STAGE1_OK);
    assert_int_equal(stage1_release(&f.s, &freed), 1);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_without_memory_changes_nothing),
        cmocka_unit_test(unmap_and_protect_without_memory_lose_nothing),
        cmocka_unit_test(split_without_memory_keeps_the_leaf),
        cmocka_unit_test(map_too_large_for_any_memory_ends),
        cmocka_unit_test(emptied_tables_are_collected_and_never_look_present),
        cmocka_unit_test(page_by_page_in_any_direction_frees_every_table),
        cmocka_unit_test(merged_tables_wait_aside_and_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
