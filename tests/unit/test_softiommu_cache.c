/* SPDX-License-Identifier: MIT */
/* The data structure below the caches, against a plain list, and the cost of its invalidations. */
#include "host/softiommu/tlb.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define CAPACITY 64u
#define PAGES    96u
#define DIDS     5u

struct fixture {
    struct cache cache;
    struct softiommu_cache_statistics statistics;
    struct prng prng;
    void *storage;
};

static void build(struct fixture *f, uint32_t capacity, uint32_t groups, bool random)
{
    struct arena counted = {0}, arena = {0};

    *f = (struct fixture){.prng = {1}};
    cache_init(&f->cache, &counted, capacity, groups, random ? &f->prng : NULL, &f->statistics);
    f->storage = arena.base = malloc(counted.used);
    assert_non_null(arena.base);
    cache_init(&f->cache, &arena, capacity, groups, random ? &f->prng : NULL, &f->statistics);
    assert_int_equal(arena.used, counted.used);
}

/* value[did][page]: what was filled last, 0 when dropped. Evicted entries may be missing, others
 * may not. */
static void behaves_like_a_list(uint32_t groups, bool random)
{
    static uint64_t value[DIDS][PAGES];
    static const uint16_t did_of[DIDS] = {0, 1, 256, 257, 0xFFFF};
    struct random r = unit_random();
    struct fixture f;

    build(&f, CAPACITY, groups, random);
    for (unsigned i = 0; i < DIDS * PAGES; i++)
        value[i / PAGES][i % PAGES] = 0;
    for (unsigned step = 1; step <= 20000; step++) {
        unsigned did = (unsigned)random_below(&r, DIDS), page = (unsigned)random_below(&r, PAGES);
        unsigned last = page + (unsigned)random_below(&r, PAGES - page), live = 0;
        struct softiommu_cache_statistics before = f.statistics;

        switch (random_below(&r, 12)) {
        case 0:
            cache_drop_range(&f.cache, did_of[did], page, last);
            for (unsigned i = page; i <= last; i++)
                value[did][i] = 0;
            break;
        case 1:
            cache_drop_range(&f.cache, did_of[did], 0, UINT64_MAX);
            for (unsigned i = 0; i < PAGES; i++)
                value[did][i] = 0;
            break;
        case 2:
            cache_evict_some(&f.cache, &f.prng);
            assert_int_equal(before.entries - f.statistics.entries,
                             f.statistics.evictions - before.evictions);
            break;
        default:
            cache_fill(&f.cache, did_of[did], page, step, (uint8_t)step);
            value[did][page] = step;
            assert_non_null(cache_find(&f.cache, did_of[did], page));
            break;
        }
        assert_true(f.statistics.evictions - before.evictions <= 1);
        for (unsigned i = 0; i < DIDS * PAGES; i++) {
            struct cache_entry *entry = cache_find(&f.cache, did_of[i / PAGES], i % PAGES);

            if (!entry)
                continue;
            live++;
            assert_int_equal(entry->address, value[i / PAGES][i % PAGES]);
            assert_int_equal(entry->flags, (uint8_t)entry->address);
        }
        assert_int_equal(live, f.statistics.entries);
        assert_true(live <= CAPACITY);
    }
    assert_true(f.statistics.evictions > 100 && f.statistics.invalidations > 100);
    free(f.storage);
}

static void finds_what_was_filled(void **state)
{
    (void)state;
    behaves_like_a_list(CACHE_GROUPS_DOMAINS, false);
    behaves_like_a_list(CACHE_GROUPS_ONE, true);
}

static void oldest_goes_first_when_full(void **state)
{
    struct fixture f;

    (void)state;
    build(&f, 4, CACHE_GROUPS_ONE, false);
    for (unsigned i = 0; i < 6; i++)
        cache_fill(&f.cache, 0, i, i, 0);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(cache_find(&f.cache, 0, i) ? 1 : 0, i >= 2);
    assert_int_equal(f.statistics.evictions, 2);
    free(f.storage);
}

static void anyone_may_go_when_victims_are_random(void **state)
{
    unsigned kept[2] = {0, 0};
    struct fixture f;

    (void)state;
    build(&f, CAPACITY, CACHE_GROUPS_ONE, true);
    for (unsigned i = 0; i < 2 * CAPACITY; i++)
        cache_fill(&f.cache, 0, i, i, 0);
    for (unsigned i = 0; i < 2 * CAPACITY; i++)
        kept[i / CAPACITY] += cache_find(&f.cache, 0, i) ? 1 : 0;
    assert_int_equal(kept[0] + kept[1], CAPACITY);
    assert_true(kept[0] > 5 && kept[1] > 5);
    free(f.storage);
}

static void one_entry_is_enough(void **state)
{
    struct fixture f;

    (void)state;
    build(&f, 1, CACHE_GROUPS_ONE, false);
    cache_fill(&f.cache, 3, 1, 10, 0);
    cache_fill(&f.cache, 3, 2, 20, 0);
    assert_null(cache_find(&f.cache, 3, 1));
    cache_drop_range(&f.cache, 3, 0, UINT64_MAX);
    assert_null(cache_find(&f.cache, 3, 2));
    assert_int_equal(f.statistics.entries, 0);
    free(f.storage);
}

static void page_drop_costs_the_same_however_full(void **state)
{
    (void)state;
    for (unsigned entries = 16; entries <= 16384; entries *= 4) {
        struct fixture f;
        uint64_t before;

        build(&f, 16384, CACHE_GROUPS_DOMAINS, false);
        for (unsigned i = 0; i < entries; i++)
            cache_fill(&f.cache, 9, i, i, 0);
        before = f.statistics.visited;
        cache_drop_range(&f.cache, 9, 7, 7);
        assert_int_equal(f.statistics.visited - before, 1);
        assert_null(cache_find(&f.cache, 9, 7));
        /* A range costs its pages or the domain's entries, whichever is less. */
        before = f.statistics.visited;
        cache_drop_range(&f.cache, 9, 8, 11);
        assert_int_equal(f.statistics.visited - before, 4);
        before = f.statistics.visited;
        cache_drop_range(&f.cache, 9, 1u << 20, UINT64_MAX);
        assert_int_equal(f.statistics.visited - before, entries - 5);
        /* Other domains cost nothing. */
        before = f.statistics.visited;
        cache_drop_range(&f.cache, 10, 0, UINT64_MAX);
        assert_int_equal(f.statistics.visited - before, 0);
        free(f.storage);
    }
}

/* A page of 1 GiB at 4 GiB, of which 4 KiB pages first..last are dropped. A small page at 8 GiB
 * stays. */
static void drop_of_1g(uint64_t first, uint64_t last)
{
    static const uint64_t page[] = {0, 1, 2, 3, 510, 511, 512, 513, 1023, 1024, 4095, 262143};
    struct leaf leaf = {.gpa = UINT64_C(7) << 30, .level = 2, .flags = LEAF_WRITE};
    struct arena counted = {0}, arena = {0};
    struct tlb tlb = {0};
    struct leaf found;

    tlb_init(&tlb, &counted, 2048, CACHE_GROUPS_ONE, NULL);
    arena.base = malloc(counted.used);
    assert_non_null(arena.base);
    tlb_init(&tlb, &arena, 2048, CACHE_GROUPS_ONE, NULL);
    tlb_fill(&tlb, 1, BIT(32), &leaf);
    leaf = (struct leaf){.gpa = BIT(40), .flags = LEAF_WRITE};
    tlb_fill(&tlb, 1, BIT(33), &leaf);
    for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
        assert_true(tlb_find(&tlb, 1, BIT(32) + (page[i] << 12), &found));
        assert_int_equal(found.level, 2);
    }
    tlb_drop_range(&tlb, 1, (struct page_span){(BIT(32) >> 12) + first, (BIT(32) >> 12) + last});
    for (size_t i = 0; i < ARRAY_SIZE(page); i++)
        assert_false(tlb_find(&tlb, 1, BIT(32) + (page[i] << 12), &found));
    assert_true(tlb_find(&tlb, 1, BIT(33), &found));
    tlb_drop_range(&tlb, 1, (struct page_span){BIT(33) >> 12, BIT(33) >> 12});
    assert_false(tlb_find(&tlb, 1, BIT(33), &found));
    free(arena.base);
}

static void large_pages_go_as_a_whole(void **state)
{
    static const uint64_t range[][2] = {{0, 0},      {3, 3},      {2, 511},        {512, 1023},
                                        {510, 1024}, {1, 262142}, {262143, 262143}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(range); i++)
        drop_of_1g(range[i][0], range[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_filled),
        cmocka_unit_test(oldest_goes_first_when_full),
        cmocka_unit_test(anyone_may_go_when_victims_are_random),
        cmocka_unit_test(large_pages_go_as_a_whole),
        cmocka_unit_test(one_entry_is_enough),
        cmocka_unit_test(page_drop_costs_the_same_however_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
