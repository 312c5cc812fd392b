/* SPDX-License-Identifier: MIT */
/* Which entries a tree gets: exact bits, leaf sizes, the ends of the IOVA space, walks. Numbers
 * from reference 5. */
#include "lib/bits.h"
#include "tests/unit/stage1_fixture.h"

#define IOVA (5 * SIZE_1G)
#define GPA  (7 * SIZE_1G)

/* Maps, checks the tree, and returns the leaf's entry. */
static uint64_t leaf_of(unsigned levels, uint64_t page_sizes, uint64_t size, unsigned level,
                        unsigned prot)
{
    struct fixture f;
    uint64_t entry;

    fixture_start(&f, levels, page_sizes);
    assert_int_equal(stage1_map(&f.s, IOVA, GPA, size, prot), STAGE1_OK);
    fixture_check_tree(&f, NULL, NULL);
    for (unsigned above = level + 1; above < levels; above++)
        assert_int_equal(fixture_entry(&f, IOVA, above) & 0xFFF0000000000FFFull, 0x027);
    entry = fixture_entry(&f, IOVA, level);
    fixture_stop(&f);
    return entry;
}

static void entries_have_the_bits_of_the_reference(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        assert_true(leaf_of(levels, PAGES_4K, SIZE_4K, 0, STAGE1_READ) == (GPA | 0x025));
        assert_true(leaf_of(levels, PAGES_4K, SIZE_4K, 0, RW) == (GPA | 0x067));
        assert_true(leaf_of(levels, PAGES_4K_2M, SIZE_2M, 1, STAGE1_READ) == (GPA | 0x0A5));
        assert_true(leaf_of(levels, PAGES_4K_2M, SIZE_2M, 1, RW) == (GPA | 0x0E7));
        assert_true(leaf_of(levels, PAGES_4K_2M_1G, SIZE_1G, 2, STAGE1_READ) == (GPA | 0x0A5));
        assert_true(leaf_of(levels, PAGES_4K_2M_1G, SIZE_1G, 2, RW) == (GPA | 0x0E7));
    }
}

static void root_and_limit_follow_the_levels(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f, 4, PAGES_4K);
    assert_true(stage1_iova_limit(&f.s) == 0x1000000000000ull);
    assert_true(stage1_root_gpa(&f.s) == (uint64_t)(uintptr_t)f.s.root + 0x8000000000000ull);
    fixture_stop(&f);
    fixture_start(&f, 5, PAGES_4K);
    assert_true(stage1_iova_limit(&f.s) == 0x200000000000000ull);
    fixture_stop(&f);
}

struct sizes {
    uint64_t of[64];
    size_t count;
};

static void note_size(void *context, uint64_t iova, uint64_t gpa, uint64_t size, bool writable)
{
    struct sizes *sizes = context;

    (void)iova, (void)gpa, (void)writable;
    if (sizes->count > 0 && sizes->of[sizes->count - 1] == size)
        return; /* a run of one size counts once */
    assert_in_range(sizes->count, 0, 63);
    sizes->of[sizes->count++] = size;
}

static struct sizes sizes_of(uint64_t page_sizes, uint64_t iova, uint64_t gpa, uint64_t length)
{
    struct sizes sizes = {0};
    struct fixture f;

    fixture_start(&f, 4, page_sizes);
    assert_int_equal(stage1_map(&f.s, iova, gpa, length, RW), STAGE1_OK);
    fixture_check_tree(&f, note_size, &sizes);
    fixture_stop(&f);
    return sizes;
}

static void expect_sizes(struct sizes got, size_t count, const uint64_t *expected)
{
    assert_int_equal(got.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(got.of[i] == expected[i]);
}

#define EXPECT_SIZES(got, ...)                                                                     \
    expect_sizes(got, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                        \
                 (uint64_t[]){__VA_ARGS__})

static void leaves_are_the_largest_that_fit(void **state)
{
    uint64_t start = SIZE_1G - SIZE_2M - SIZE_4K,
             length = SIZE_4K + SIZE_2M + SIZE_1G + SIZE_2M + SIZE_4K;

    (void)state;
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, start, start, length), SIZE_4K, SIZE_2M, SIZE_1G, SIZE_2M,
                 SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_2M, start, start, length), SIZE_4K, SIZE_2M, SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_1G, start, start, length), SIZE_4K, SIZE_1G, SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K, start, start, length), SIZE_4K);
    /* IOVA and GPA must agree in the bits below the leaf's size. */
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, start, start + SIZE_1G, length), SIZE_4K, SIZE_2M,
                 SIZE_1G, SIZE_2M, SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, start, start + SIZE_2M, length), SIZE_4K, SIZE_2M,
                 SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, start, start + SIZE_4K, length), SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, SIZE_1G, 0, SIZE_1G - SIZE_4K), SIZE_2M, SIZE_4K);
    EXPECT_SIZES(sizes_of(PAGES_4K_2M_1G, 0, SIZE_1G, 3 * SIZE_1G), SIZE_1G);
}

static void whole_ends_of_the_iova_space_can_be_mapped(void **state)
{
    static const uint64_t sizes[] = {SIZE_4K, SIZE_2M, SIZE_1G};

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            struct stage1_freed freed = {0};
            struct stage1_walk walk;
            struct fixture f;
            uint64_t limit, last, unmapped;

            fixture_start(&f, levels, PAGES_4K_2M_1G);
            limit = stage1_iova_limit(&f.s);
            last = limit - sizes[i];
            assert_int_equal(stage1_map(&f.s, 0, last & 0xFFFFFFFFFFFFFull, sizes[i], RW),
                             STAGE1_OK);
            assert_int_equal(stage1_map(&f.s, last, 0, sizes[i], STAGE1_READ), STAGE1_OK);
            fixture_check_tree(&f, NULL, NULL);
            assert_int_equal(stage1_walk(&f.s, limit - 1, &walk), STAGE1_OK);
            assert_true(walk.gpa == sizes[i] - 1 && walk.page_size == sizes[i] && !walk.writable);
            assert_int_equal(stage1_walk(&f.s, limit, &walk), STAGE1_ERR_NOT_MAPPED);
            assert_int_equal(stage1_walk(&f.s, UINT64_MAX, &walk), STAGE1_ERR_NOT_MAPPED);
            /* The outermost page alone, cut out of whatever leaf it is in. */
            assert_int_equal(stage1_unmap(&f.s, limit - SIZE_4K, SIZE_4K, &freed, &unmapped),
                             STAGE1_OK);
            assert_true(unmapped == SIZE_4K);
            assert_int_equal(stage1_unmap(&f.s, 0, limit, &freed, &unmapped), STAGE1_OK);
            assert_true(unmapped == 2 * sizes[i] - SIZE_4K);
            assert_int_equal(f.s.tables, 1);
            fixture_check_freed(&freed);
            stage1_release(&f.s, &freed);
            fixture_stop(&f);
        }
    }
}

static void highest_gpa_fills_the_address_field(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f, 4, PAGES_4K);
    assert_int_equal(stage1_map(&f.s, 0, 0xFFFFFFFFFF000ull, SIZE_4K, STAGE1_READ), STAGE1_OK);
    assert_true(fixture_entry(&f, 0, 0) == 0xFFFFFFFFFF025ull);
    fixture_stop(&f);
}

static void walk_shows_every_entry_on_the_way(void **state)
{
    struct stage1_walk walk;
    struct fixture f;

    (void)state;
    fixture_start(&f, 5, PAGES_4K_2M_1G);
    assert_int_equal(stage1_walk(&f.s, IOVA, &walk), STAGE1_ERR_NOT_MAPPED);
    assert_false(walk.present);
    assert_int_equal(walk.leaf_level, 4);
    assert_non_null(walk.entry[4]);
    assert_null(walk.entry[3]);

    assert_int_equal(stage1_map(&f.s, IOVA, GPA, SIZE_2M, RW), STAGE1_OK);
    assert_int_equal(stage1_walk(&f.s, IOVA + 0x12345, &walk), STAGE1_OK);
    assert_true(walk.present && walk.writable && walk.leaf_level == 1);
    assert_true(walk.gpa == GPA + 0x12345 && walk.page_size == SIZE_2M);
    assert_null(walk.entry[0]);
    for (unsigned level = 1; level < 5; level++)
        assert_true(*walk.entry[level] == fixture_entry(&f, IOVA, level));

    /* One table entry without write permission takes it from everything below. */
    for (unsigned level = 1; level < 5; level++) {
        uint64_t *entry = walk.entry[level];
        struct stage1_walk other;

        *entry &= ~2ull;
        assert_int_equal(stage1_walk(&f.s, IOVA, &other), STAGE1_OK);
        assert_false(other.writable);
        *entry |= 2;
        assert_int_equal(stage1_walk(&f.s, IOVA, &other), STAGE1_OK);
        assert_true(other.writable);
    }

    assert_int_equal(stage1_walk(&f.s, IOVA + SIZE_2M, &walk), STAGE1_ERR_NOT_MAPPED);
    assert_int_equal(walk.leaf_level, 1);
    assert_true(walk.gpa == 0 && walk.page_size == 0 && !walk.present);
    fixture_stop(&f);
}

static void split_keeps_translation_and_permission(void **state)
{
    static const struct {
        uint64_t page_sizes;
        unsigned tables; /* after the first split of 1 GiB */
    } cases[] = {{PAGES_4K_2M_1G, 3 + 1}, {PAGES_4K_1G, 3 + 1 + 512}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage1_walk walk;
        struct fixture f;

        fixture_start(&f, 4, cases[i].page_sizes);
        assert_int_equal(stage1_map(&f.s, IOVA, GPA, SIZE_1G, STAGE1_READ), STAGE1_OK);
        assert_int_equal(stage1_split(&f.s, IOVA + 0x12345678), STAGE1_OK);
        fixture_check_tree(&f, NULL, NULL);
        assert_int_equal(f.s.tables, cases[i].tables - 1);
        for (uint64_t at = 0; at < SIZE_1G; at += SIZE_2M + 0x123) {
            assert_int_equal(stage1_walk(&f.s, IOVA + at, &walk), STAGE1_OK);
            assert_true(walk.gpa == GPA + at && !walk.writable);
        }
        fixture_stop(&f);
    }
}

static void merge_builds_the_leaf_that_split_took_apart(void **state)
{
    struct stage1_freed freed = {0};
    struct fixture f;
    uint64_t before;

    (void)state;
    fixture_start(&f, 4, PAGES_4K_2M_1G);
    assert_int_equal(stage1_map(&f.s, IOVA, GPA, SIZE_1G, RW), STAGE1_OK);
    before = fixture_fingerprint(&f);
    assert_int_equal(stage1_split(&f.s, IOVA), STAGE1_OK);
    assert_int_equal(stage1_split(&f.s, IOVA + SIZE_2M), STAGE1_OK);
    assert_int_equal(stage1_split(&f.s, IOVA + SIZE_2M), STAGE1_ERR_NOT_MAPPED);
    assert_int_equal(stage1_merge(&f.s, IOVA, 2, &freed),
                     STAGE1_ERR_NOT_MAPPED); /* one entry is a table */
    assert_int_equal(stage1_merge(&f.s, IOVA + SIZE_2M + 5, 1, &freed), STAGE1_OK);
    assert_true(fixture_entry(&f, IOVA + SIZE_2M, 1) == ((GPA + SIZE_2M) | 0x0E7));
    assert_int_equal(stage1_merge(&f.s, IOVA, 2, &freed), STAGE1_OK);
    assert_true(fixture_fingerprint(&f) == before);
    fixture_check_freed(&freed);
    fixture_check_accounting(&f, &freed);
    assert_int_equal(stage1_release(&f.s, &freed), 2);
    fixture_stop(&f);
}

static void merge_refuses_what_is_not_alike(void **state)
{
    struct stage1_freed freed = {0};
    struct fixture f;

    (void)state;
    fixture_start(&f, 4, PAGES_4K_2M);
    assert_int_equal(stage1_map(&f.s, IOVA, GPA + SIZE_4K, SIZE_2M, RW),
                     STAGE1_OK); /* contiguous, but not aligned */
    assert_int_equal(stage1_merge(&f.s, IOVA, 1, &freed), STAGE1_ERR_NOT_MAPPED);
    assert_int_equal(stage1_unmap(&f.s, IOVA, SIZE_2M, &freed, NULL), STAGE1_OK);

    assert_int_equal(stage1_map(&f.s, IOVA, GPA, SIZE_2M, RW), STAGE1_OK);
    assert_int_equal(stage1_protect(&f.s, IOVA + 511 * SIZE_4K, SIZE_4K, STAGE1_READ), STAGE1_OK);
    assert_int_equal(stage1_merge(&f.s, IOVA, 1, &freed),
                     STAGE1_ERR_NOT_MAPPED); /* one differs in permission */
    assert_int_equal(stage1_protect(&f.s, IOVA + 511 * SIZE_4K, SIZE_4K, RW), STAGE1_OK);
    assert_int_equal(stage1_merge(&f.s, IOVA, 1, &freed), STAGE1_OK);
    assert_int_equal(stage1_unmap(&f.s, IOVA + 511 * SIZE_4K, SIZE_4K, &freed, NULL), STAGE1_OK);
    assert_int_equal(stage1_merge(&f.s, IOVA, 1, &freed),
                     STAGE1_ERR_NOT_MAPPED); /* one is missing */
    assert_int_equal(stage1_merge(&f.s, IOVA + SIZE_2M, 1, &freed), STAGE1_ERR_NOT_MAPPED);
    assert_int_equal(stage1_merge(&f.s, IOVA, 2, &freed), STAGE1_ERR_FORMAT);
    assert_int_equal(stage1_merge(&f.s, IOVA, 0, &freed), STAGE1_ERR_FORMAT);
    assert_int_equal(stage1_merge(&f.s, IOVA, 4, &freed), STAGE1_ERR_FORMAT);
    assert_int_equal(stage1_merge(&f.s, stage1_iova_limit(&f.s), 1, &freed), STAGE1_ERR_RANGE);
    stage1_release(&f.s, &freed);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_have_the_bits_of_the_reference),
        cmocka_unit_test(root_and_limit_follow_the_levels),
        cmocka_unit_test(leaves_are_the_largest_that_fit),
        cmocka_unit_test(whole_ends_of_the_iova_space_can_be_mapped),
        cmocka_unit_test(highest_gpa_fills_the_address_field),
        cmocka_unit_test(walk_shows_every_entry_on_the_way),
        cmocka_unit_test(split_keeps_translation_and_permission),
        cmocka_unit_test(merge_builds_the_leaf_that_split_took_apart),
        cmocka_unit_test(merge_refuses_what_is_not_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
