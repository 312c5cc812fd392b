/* SPDX-License-Identifier: MIT */
/*
 * Every change of the tables, with every way to flush it, and with caches in three states: the device has done nothing
 * in the domain yet, it has used a neighbour behind the same tables, or the very pages. What was used decides what a
 * host has cached: nothing, tables alone, or the leaves. Tables that the change took out of the tree are overwritten
 * the moment the flush has returned, as their next owner would do.
 */
#include "tests/flush_matrix.h"

#include "lib/fmt.h"

#define TEST_GROUP MATRIX_GROUP

enum cache_state { NOTHING_USED, TABLES_USED, PAGES_USED, CACHE_STATES };

static void use(struct matrix_scene *s, enum cache_state state)
{
    if (state == TABLES_USED) {
        matrix_expect(s, s->neighbour, s->neighbour_at, "a neighbour, before the change");
    }
    for (unsigned i = 0; state == PAGES_USED && i < s->probes; i++) {
        matrix_expect(s, s->probe[i].iova, s->probe[i].before, "before the change");
    }
}

static void matrix(struct test_run *t, const struct matrix_change *change, matrix_flush *way)
{
    static const char *const states[] = {"no page was used before", "a neighbour was used before",
                                         "the pages were used before"};
    struct matrix_scene s;

    matrix_begin(&s, t, change);
    for (enum cache_state state = NOTHING_USED; state < CACHE_STATES; state++) {
        matrix_build(&s, change);
        use(&s, state);
        change->change(&s);
        way(t, s.domain, s.first, s.length);
        matrix_reuse_orphans(&s);
        for (unsigned i = 0; i < s.probes; i++) {
            char what[TEXT_MAX];

            fmt_snprintf(what, sizeof(what), "changed and flushed (%s), page %u of %u", states[state], i + 1, s.probes);
            matrix_expect(&s, s.probe[i].iova, s.probe[i].after, what);
        }
    }
    matrix_end(&s);
}

/* One test of the matrix. `way` says which flush, in words and as a function. */
#define ONE(change, suffix, function, requirements, kinds, promise, does, lost, way, where)                            \
    STORY(#change "_" suffix,                                                                                          \
          "Three times in a new domain: the device uses nothing, a neighbour, or the pages themselves. " does          \
          " The flush is " way ". Tables that became free are overwritten at once with entries that lead to a trap.",  \
          "DMA behind the flush sees the tables as they are now, in all three cases, and nothing else in memory "      \
          "changes.",                                                                                                  \
          lost " Only this way to flush may fail: " where);                                                            \
    TEST(change##_##function, #change "_" suffix, requirements, ON_FAST, kinds, promise ": " way)                      \
    {                                                                                                                  \
        matrix(t, &matrix_##change, matrix_by_##function);                                                             \
    }

/* Where the range is one aligned block, its exact list is the covering block, and no test of its own. */
#define ALL_WAYS(change, requirements, kinds, promise, does, lost)                                                     \
    ONE(change, "domain", domain, requirements, kinds, promise, does, lost, "FLUSH_DEVICE_DOMAIN",                     \
        "look at what the invalidation by domain reaches.")                                                            \
    ONE(change, "covering_block", covering_block, requirements " LS-1", kinds, promise, does, lost,                    \
        "one covering block", "look at how the size of a block is taken.")                                             \
    ONE(change, "everything", everything, requirements " LS-2", kinds, promise, does, lost, "page 0, shift 52",        \
        "look at the special case of the full range.")                                                                 \
    ONE(change, "last_of_508", last_of_508, requirements " LS-4", kinds, promise, does, lost, "last of 508 elements",  \
        "look at the end of a list and at its continuation.")

#define ALL_WAYS_AND_EXACT(change, requirements, kinds, promise, does, lost)                                           \
    ALL_WAYS(change, requirements, kinds, promise, does, lost)                                                         \
    ONE(change, "exact_list", exact_list, requirements " LS-1", kinds, promise, does, lost, "a list of exact blocks",  \
        "look at how an element becomes an invalidation.")

ALL_WAYS_AND_EXACT(unmapped, "FL-1", "dma,fault,flush", "Unmapped pages are out of reach",
                   "Then it unmaps three pages of a row and flushes them.",
                   "The host goes on with leaves that are gone, so a device writes to pages that belong to somebody "
                   "else.")

ALL_WAYS(downgraded, "FL-2", "dma,fault,flush", "Pages made read-only are not written",
         "Then it makes two of three pages read-only and flushes them.",
         "The host goes on with the old write permission.")

ALL_WAYS(retargeted, "FL-2", "dma,flush", "Leaves with a new target lead there",
         "Then it points two leaves at other pages and flushes them.", "The host goes on with the old targets.")

ALL_WAYS(split, "FL-2 TR-6", "dma,flush", "A 2 MiB leaf split into small pages is followed page by page",
         "Then it replaces a 2 MiB leaf by a table of 4 KiB leaves, one of which leads elsewhere, and flushes the 2 "
         "MiB.",
         "The host keeps the large leaf, or a part of it.")

ALL_WAYS(merged, "FL-2 TR-6 LS-8", "dma,flush", "Small pages merged into a 2 MiB leaf are followed as one",
         "Then it replaces a table of 4 KiB leaves, one of which leads elsewhere, by a 2 MiB leaf, and flushes the 2 "
         "MiB.",
         "The host keeps a small leaf, or walks on through the table that is free now.")

ALL_WAYS(table_replaced, "FL-2 LS-8", "dma,flush", "A table in the place of another is followed",
         "Then it puts another table in the place of the one that holds the leaves, and flushes its 2 MiB.",
         "The host walks on through the old table, which is free now.")

ALL_WAYS_AND_EXACT(emptied, "FL-1 LS-8", "dma,fault,flush", "Nothing is reached in a domain that was emptied",
                   "Then it clears the top table, which frees all others, and flushes what was mapped.",
                   "The host keeps a leaf, or walks on through one of the tables that are free now.")
