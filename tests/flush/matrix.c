/* SPDX-License-Identifier: MIT */
/*
 * Changes of the tables, ways to flush them, and caches in three states: the device has done nothing in the domain yet,
 * it has used a neighbour behind the same tables, or the very pages. What was used decides what a host has cached:
 * nothing, tables alone, or the leaves. Tables that the change took out of the tree are overwritten the moment the
 * flush has returned, as their next owner would do.
 *
 * A combination has a test of its own where it makes a promise of its own. flush.c has pages that were used, by domain,
 * list, block and full range, for changes of leaves; here are the end of a full list for all changes, and all ways for
 * changes that release tables.
 */
#include "tests/flush/matrix.h"

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

static void combination(struct matrix_scene *s, const struct matrix_change *change, const struct matrix_way *way,
                        enum cache_state state)
{
    static const char *const states[] = {"nothing was used before", "a neighbour was used before",
                                         "the pages were used before"};
    char what[TEXT_MAX];

    matrix_build(s, change);
    use(s, state);
    change->change(s);
    way->flush(s->t, s->domain, s->first, s->length);
    matrix_reuse_orphans(s);
    for (unsigned i = 0; i < s->probes; i++) {
        fmt_snprintf(what, sizeof(what), "flushed (%s; %s), page %u of %u", way->name, states[state], i + 1, s->probes);
        matrix_expect(s, s->probe[i].iova, s->probe[i].after, what);
    }
}

static void in_all_states(struct test_run *t, const struct matrix_change *change, enum matrix_way_number way)
{
    struct matrix_scene s;

    matrix_begin(&s, t, change);
    for (enum cache_state state = NOTHING_USED; state < CACHE_STATES; state++) {
        combination(&s, change, &matrix_ways[way], state);
    }
    matrix_end(&s);
}

#define EXPECTED                                                                                                       \
    "DMA behind the flush sees the tables as they are now, however much was cached, and nothing else in memory "       \
    "changes."

/* One way, all states. `words` name the way, `where` is what to look at when no other way fails. */
#define ONE(change, suffix, way, requirements, kinds, promise, does, lost, words, where)                               \
    STORY(#change "_" suffix,                                                                                          \
          "Three times in a new domain: the device uses nothing, a neighbour, or the pages themselves. Then the "      \
          "guest " does " It flushes by " words ", and overwrites at once what became free of tables.",                \
          EXPECTED, lost " If only this way to flush fails, " where);                                                  \
    TEST(change##_##way, #change "_" suffix, requirements, ON_ANY, kinds, promise ": " words)                          \
    {                                                                                                                  \
        in_all_states(t, &matrix_##change, MATRIX_##way);                                                              \
    }

#define LAST_OF_508(change, requirements, kinds, promise, does, lost)                                                  \
    ONE(change, "last_of_508", LAST_OF_508, requirements " LS-4", kinds, promise, does, lost,                          \
        "the last of 508 blocks", "look at the end of a list and at its continuation.")

/* Where the range is one aligned block, its exact list is the covering block. */
#define ALL_WAYS(change, requirements, kinds, promise, does, lost)                                                     \
    ONE(change, "domain", DOMAIN, requirements, kinds, promise, does, lost, "FLUSH_DEVICE_DOMAIN",                     \
        "look at what the invalidation by domain reaches.")                                                            \
    ONE(change, "covering_block", BLOCK, requirements " LS-1", kinds, promise, does, lost, "one covering block",       \
        "look at how the size of a block is taken.")                                                                   \
    ONE(change, "everything", EVERYTHING, requirements " LS-2", kinds, promise, does, lost, "page 0, shift 52",        \
        "look at the special case of the full range.")                                                                 \
    LAST_OF_508(change, requirements, kinds, promise, does, lost)

LAST_OF_508(unmapped, "FL-1", "dma,fault,flush", "Unmapped pages are out of reach", "unmaps three pages of a row.",
            "The host goes on with leaves that are gone, so a device writes to pages that belong to somebody else.")

LAST_OF_508(downgraded, "FL-2", "dma,fault,flush", "Pages made read-only are not written",
            "makes two of three pages read-only.", "The host goes on with the old write permission.")

LAST_OF_508(retargeted, "FL-2", "dma,flush", "Leaves with a new target lead there", "points two leaves at other pages.",
            "The host goes on with the old targets.")

LAST_OF_508(split, "FL-2 TR-6", "dma,flush", "A 2 MiB leaf that was split is followed page by page",
            "replaces a 2 MiB leaf by a table of 4 KiB leaves, one of which leads elsewhere.",
            "The host keeps the large leaf, or a part of it.")

LAST_OF_508(merged, "FL-2 TR-6 LS-8", "dma,flush", "Small pages merged into a 2 MiB leaf are followed as one",
            "replaces a table of 4 KiB leaves, one of which leads elsewhere, by a 2 MiB leaf.",
            "The host keeps a small leaf, or walks on through the table that is free now.")

ALL_WAYS(table_replaced, "FL-2 LS-8", "dma,flush", "A table in the place of another is followed",
         "puts another table in the place of the one that holds the leaves.",
         "The host walks on through the old table, which is free now.")

ALL_WAYS(emptied, "FL-1 LS-8", "dma,fault,flush", "Nothing is reached in a domain that was emptied",
         "clears the top table, which frees all others.",
         "The host keeps a leaf, or walks on through one of the tables that are free now.")

ONE(emptied, "exact_list", EXACT, "FL-1 LS-8 LS-1", "dma,fault,flush",
    "Nothing is reached in a domain that was emptied", "clears the top table, which frees all others.",
    "The host keeps a leaf, or walks on through one of the tables that are free now.", "a list of exact blocks",
    "look at how an element becomes an invalidation.")

STORY("merged_unused",
      "For each way to flush, in a new domain each: the device uses nothing, or a neighbour. Then the guest replaces a "
      "table of 4 KiB leaves, one of which leads elsewhere, by a 2 MiB leaf. It flushes, and overwrites the table at "
      "once.",
      EXPECTED,
      "The host has no leaf of these pages, but it has the table in a page-walk cache, and walks on through it.");
TEST(merged_unused, "merged_unused", "FL-2 TR-6 LS-8", ON_ANY, "dma,flush",
     "Pages merged into a 2 MiB leaf are followed as one, though only the table could be cached")
{
    struct matrix_scene s;

    matrix_begin(&s, t, &matrix_merged);
    for (unsigned way = 0; way < MATRIX_WAYS; way++) {
        combination(&s, &matrix_merged, &matrix_ways[way], NOTHING_USED);
        combination(&s, &matrix_merged, &matrix_ways[way], TABLES_USED);
    }
    matrix_end(&s);
}
