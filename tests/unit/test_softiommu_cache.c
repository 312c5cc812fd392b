/* SPDX-License-Identifier: MIT */
/* The data structure below the caches, against a plain list, and the cost of its invalidations. */
#include "host/softiommu/cache.h"
#include "tests/unit/unit.h"

#define CAPACITY 64u
#define PAGES    96u
#define TAGS     5u

struct fixture {
    struct cache cache;
    struct softiommu_cache_statistics statistics;
    struct dice dice;
    void *storage;
};

static void build(struct fixture *f, uint32_t capacity, uint32_t groups, bool random)
{
    struct arena counted = {0}, arena = {0};

    *f = (struct fixture){.dice = {1}};
    cache_init(&f->cache, &counted, capacity, groups, random ? &f->dice : NULL, &f->statistics);
    f->storage = arena.base = malloc(counted.used);
    assert_non_null(arena.base);
    cache_init(&f->cache, &arena, capacity, groups, random ? &f->dice : NULL, &f->statistics);
    assert_int_equal(arena.used, counted.used);
}

/* value[tag][page]: what was filled last, 0 when dropped. Evicted entries may be missing, others may not. */
static void behaves_like_a_list(uint32_t groups, bool random)
{
    static uint64_t value[TAGS][PAGES];
    static const uint16_t tag_of[TAGS] = {0, 1, 256, 257, 0xFFFF};
    struct random r = unit_random();
    struct fixture f;

    build(&f, CAPACITY, groups, random);
    for (unsigned i = 0; i < TAGS * PAGES; i++)
        value[i / PAGES][i % PAGES] = 0;
    for (unsigned step = 1; step <= 20000; step++) {
        unsigned tag = (unsigned)random_below(&r, TAGS), page = (unsigned)random_below(&r, PAGES);
        unsigned last = page + (unsigned)random_below(&r, PAGES - page), live = 0;
        uint64_t evicted = f.statistics.evictions;

        switch (random_below(&r, 12)) {
        case 0:
            cache_drop_range(&f.cache, tag_of[tag], page, last);
            for (unsigned i = page; i <= last; i++)
                value[tag][i] = 0;
            break;
        case 1:
            cache_drop_tag(&f.cache, tag_of[tag]);
            for (unsigned i = 0; i < PAGES; i++)
                value[tag][i] = 0;
            break;
        case 2:
            cache_evict_some(&f.cache, &f.dice);
            break;
        default:
            cache_fill(&f.cache, tag_of[tag], page, step, (uint8_t)step);
            value[tag][page] = step;
            assert_non_null(cache_find(&f.cache, tag_of[tag], page));
            break;
        }
        assert_true(f.statistics.evictions - evicted <= 1);
        for (unsigned i = 0; i < TAGS * PAGES; i++) {
            struct cache_entry *entry = cache_find(&f.cache, tag_of[i / PAGES], i % PAGES);

            if (entry == NULL)
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
        assert_int_equal(cache_find(&f.cache, 0, i) != NULL, i >= 2);
    assert_int_equal(f.statistics.evictions, 2);
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
        cache_drop_tag(&f.cache, 10);
        assert_int_equal(f.statistics.visited - before, 0);
        free(f.storage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_filled),
        cmocka_unit_test(oldest_goes_first_when_full),
        cmocka_unit_test(one_entry_is_enough),
        cmocka_unit_test(page_drop_costs_the_same_however_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
