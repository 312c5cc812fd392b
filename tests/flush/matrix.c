/* SPDX-License-Identifier: MIT */
/*
 * Flush ordering as a matrix: seven changes of the tables, five ways to flush them, and three
 * states of the caches. A host keeps a translation in several places: the IOTLB, the caches of
 * upper levels of the walk, the TLB of a device with ATS. Each place is filled by another kind of
 * access and emptied by another part of the invalidation, so a host can be right for one cell of
 * the matrix and wrong for the next one.
 *
 * The order of one combination is: build a new domain, fill the caches, change the tables, flush,
 * overwrite the tables that the change took out of the tree, and let the device write. The state
 * decides what is cached. NOTHING_USED: the device has made no access. TABLES_USED: it used a
 * neighbor that shares the tables, so that the host has the upper levels and not the leaf.
 * PAGES_USED: it used the pages that change. A host that drops the leaf and keeps the cached table
 * passes with PAGES_USED alone where the old table still holds what it held. That is why the tables
 * are overwritten with entries that lead to a trap page, as soon as the flush has returned: their
 * next owner would do the same, and a walk through an old table then ends in a page that is
 * checked.
 *
 * Two things could hide a defect. An access between change and flush would load the new entry:
 * there is none, and no hypercall either. A domain id whose entries an earlier combination left
 * behind would give a wrong result for another reason: each combination uses the same id again with
 * new tables, so that such entries show as well.
 *
 * A combination has a test of its own where it makes a promise of its own. flush.c has pages that
 * were used, by domain, list, block and full range, for changes of leaves. Here are the end of a
 * full list for all changes, and all ways for changes that release tables.
 */
#include "tests/flush/matrix.h"

#include "lib/fmt.h"

#define TEST_GROUP MATRIX_GROUP

enum cache_state { NOTHING_USED, TABLES_USED, PAGES_USED, CACHE_STATES };

static void use(struct matrix_scene *s, enum cache_state state)
{
    if (state == TABLES_USED)
        matrix_expect(s, s->neighbor, s->neighbor_at, "a neighbor, before the change");
    for (unsigned i = 0; state == PAGES_USED && i < s->probes; i++)
        matrix_expect(s, s->probe[i].iova, s->probe[i].before, "before the change");
}

static void combination(struct matrix_scene *s, const struct matrix_change *change,
                        const struct matrix_way *way, enum cache_state state)
{
    static const char *const states[] = {"nothing was used before", "a neighbor was used before",
                                         "the pages were used before"};
    char what[TEXT_MAX];

    matrix_build(s, change);
    use(s, state);
    change->change(s);
    way->flush(s->t, s->domain, s->first, s->length);
    matrix_reuse_orphans(s);
    for (unsigned i = 0; i < s->probes; i++) {
        fmt_snprintf(what, sizeof(what), "flushed (%s; %s), page %u of %u", way->name,
                     states[state], i + 1, s->probes);
        matrix_expect(s, s->probe[i].iova, s->probe[i].after, what);
    }
}

/* clang-format off */
/* Changes that release tables. */
#define TABLE_REPLACED(ROW, test)                                                                  \
    ROW(test, table_replaced, &matrix_table_replaced,                                              \
        COVERS("FL-2 LS-8") KINDS("dma flush")                                                     \
        WORD(promise, "A table in the place of another is followed")                               \
        WORD(change, "puts another table in the place of the one that holds the leaves.")          \
        WORD(lost, "The host walks on through the old table, which is free now."))

#define EMPTIED(ROW, test)                                                                         \
    ROW(test, emptied, &matrix_emptied,                                                            \
        COVERS("FL-1 LS-8") KINDS("dma fault flush")                                               \
        WORD(promise, "Nothing is reached in a domain that was emptied")                           \
        WORD(change, "clears the top table, which frees all others.")                              \
        WORD(lost, "The host keeps a leaf, or walks on through one of the tables that are free "   \
                   "now."))

#define RELEASING(ROW, test) TABLE_REPLACED(ROW, test) EMPTIED(ROW, test)

/* The changes that the guest makes in its tables. */
#define ALL_CHANGES(ROW, test)                                                                     \
    ROW(test, unmapped, &matrix_unmapped,                                                          \
        COVERS("FL-1") KINDS("dma fault flush") WORD(promise, "Unmapped pages are out of reach")   \
        WORD(change, "unmaps three pages of a row.")                                               \
        WORD(lost, "The host goes on with leaves that are gone, so a device writes to pages that " \
                   "belong to another owner."))                                                    \
    ROW(test, downgraded, &matrix_downgraded,                                                      \
        COVERS("FL-2") KINDS("dma fault flush")                                                    \
        WORD(promise, "Pages made read-only are not written")                                      \
        WORD(change, "makes two of three pages read-only.")                                        \
        WORD(lost, "The host goes on with the old write permission."))                             \
    ROW(test, retargeted, &matrix_retargeted,                                                      \
        COVERS("FL-2") KINDS("dma flush") WORD(promise, "Leaves with a new target lead there")     \
        WORD(change, "points two leaves at other pages.")                                          \
        WORD(lost, "The host goes on with the old targets."))                                      \
    ROW(test, split, &matrix_split,                                                                \
        COVERS("FL-2 TR-6") KINDS("dma flush")                                                     \
        WORD(promise, "A 2 MiB leaf that was split is followed page by page")                      \
        WORD(change, "replaces a 2 MiB leaf by a table of 4 KiB leaves, one of which leads "       \
                     "elsewhere.")                                                                 \
        WORD(lost, "The host keeps the large leaf, or a part of it."))                             \
    ROW(test, merged, &matrix_merged,                                                              \
        COVERS("FL-2 TR-6 LS-8") KINDS("dma flush")                                                \
        WORD(promise, "Small pages merged into a 2 MiB leaf are followed as one")                  \
        WORD(change, "replaces a table of 4 KiB leaves, one of which leads elsewhere, by a 2 MiB " \
                     "leaf.")                                                                      \
        WORD(lost, "The host keeps a small leaf, or walks on through the table that is free "      \
                   "now."))                                                                        \
    RELEASING(ROW, test)
/* clang-format on */

VARIANTS(const struct matrix_change *const, all_changes, ALL_CHANGES);
VARIANTS(const struct matrix_change *const, releasing, RELEASING);

static void in_all_states(struct test_run *t, const struct matrix_change *change,
                          enum matrix_way_number way)
{
    struct matrix_scene s;

    matrix_begin(&s, t, change);
    for (enum cache_state state = NOTHING_USED; state < CACHE_STATES; state++)
        combination(&s, change, &matrix_ways[way], state);
    matrix_end(&s);
}

#define EXPECTED                                                                                   \
    "DMA after the flush sees the tables as they are now, however much was cached, and nothing "   \
    "else in memory "                                                                              \
    "changes."

/* The labels that all combinations share: {way} is the flush, {look} a hint for a host where only
 * this way fails. */
#define COMBINATION                                                                                \
    PROMISE("{promise}: {way}")                                                                    \
    DEVICES(ALL)                                                                                   \
    STEPS(                                                                                         \
        "Three times in a new domain: the device uses nothing, a neighbor, or the pages "          \
        "themselves. Then the "                                                                    \
        "guest {change} It flushes by {way}, and overwrites at once what became free of tables.")  \
    EXPECTS(EXPECTED)                                                                              \
    IF_IT_FAILS("{lost} If only this way to flush fails, {look}")

EACH_TEST(ALL_CHANGES, last_of_508,
          COMBINATION COVERS("LS-4")
          WORD(way, "the last of 508 blocks")
          WORD(look, "look at the end of a list and at its continuation."))
{
    in_all_states(t, VARIANT(all_changes), MATRIX_LAST_OF_508);
}

EACH_TEST(RELEASING, domain,
          COMBINATION
          WORD(way, "FLUSH_DEVICE_DOMAIN")
          WORD(look, "look at what the invalidation by domain reaches."))
{
    in_all_states(t, VARIANT(releasing), MATRIX_DOMAIN);
}

EACH_TEST(RELEASING, covering_block,
          COMBINATION COVERS("LS-1")
          WORD(way, "one covering block") WORD(look, "look at how the size of a block is taken."))
{
    in_all_states(t, VARIANT(releasing), MATRIX_BLOCK);
}

EACH_TEST(RELEASING, everything,
          COMBINATION COVERS("LS-2")
          WORD(way, "page 0, shift 52") WORD(look, "look at the special case of the full range."))
{
    in_all_states(t, VARIANT(releasing), MATRIX_EVERYTHING);
}

/* The exact list of the other change is its covering block. */
EACH_TEST(EMPTIED, exact_list,
          COMBINATION COVERS("LS-1")
          WORD(way, "a list of exact blocks")
          WORD(look, "look at how an element becomes an invalidation."))
{
    in_all_states(t, &matrix_emptied, MATRIX_EXACT);
}

TEST(merged_unused,
     PROMISE("Pages merged into a 2 MiB leaf are followed as one, though only the table could be "
             "cached")
     COVERS("FL-2 TR-6 LS-8") DEVICES(ALL) KINDS("dma flush")
     STEPS("For each way to flush, in a new domain each: the device uses nothing, or a neighbor. "
           "Then the guest replaces a table of 4 KiB leaves, one of which leads elsewhere, by a 2 "
           "MiB leaf. It flushes, and overwrites the table at once.")
     EXPECTS(EXPECTED)
     IF_IT_FAILS("The host has no leaf of these pages, but it has the table in a page-walk cache, "
                 "and walks on through it."))
{
    struct matrix_scene s;

    matrix_begin(&s, t, &matrix_merged);
    for (unsigned way = 0; way < MATRIX_WAYS; way++) {
        combination(&s, &matrix_merged, &matrix_ways[way], NOTHING_USED);
        combination(&s, &matrix_merged, &matrix_ways[way], TABLES_USED);
    }
    matrix_end(&s);
}
