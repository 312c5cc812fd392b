/* SPDX-License-Identifier: MIT */
/*
 * Building a range of leaves in two passes. The survey looks at existing tables, refuses leaves in
 * the way and counts the tables to come; then all of them are allocated; then the build, which
 * cannot fail, fills and links them bottom-up. So "all or nothing" needs no undo, and the IOMMU
 * never sees an entry that a failure takes back.
 */
#include "lib/stage1_private.h"
#include "lib/string.h"

struct stage1_plan stage1_plan(const struct stage1 *s, uint64_t iova, uint64_t gpa, uint64_t bits,
                               unsigned level_limit)
{
    struct stage1_plan plan = {.offset = gpa - iova, .bits = bits};

    for (unsigned level = 0; level < s->levels; level++) {
        uint64_t span = entry_span(s, level);
        /* An aligned IOVA needs an aligned GPA. */
        bool leaf =
            level < level_limit && (s->page_sizes & span) != 0 && is_aligned(plan.offset, span);

        if (leaf) {
            plan.leaf_levels |= 1u << level;
            plan.full_tables[level] = 0;
        } else {
            plan.full_tables[level] = 1 + entry_count(s, level - 1) * plan.full_tables[level - 1];
        }
    }
    return plan;
}

bool stage1_reserve_tables(struct stage1 *s, size_t count, struct stage1_reserve *reserve)
{
    /* Taken in the order in which they came: memory in ascending order is what caches expect. */
    void **link = &reserve->head;

    *link = NULL;
    for (size_t i = 0; i < count; i++) {
        void **table = s->memory.alloc_table(s->memory.owner);

        if (!table) {
            while ((table = reserve->head)) {
                reserve->head = *table;
                s->memory.free_table(s->memory.owner, table);
            }
            return false;
        }
        *link = table;
        *table = NULL;
        link = table;
    }
    return true;
}

static uint64_t *take_table(struct stage1 *s, struct stage1_reserve *reserve)
{
    void **table = reserve->head;

    reserve->head = *table;
    s->tables++;
    return (uint64_t *)table;
}

/* End of the entry of `level` that holds iova, or of the range when that comes first. */
static uint64_t part_end(const struct stage1 *s, unsigned level, uint64_t iova, uint64_t end)
{
    uint64_t next = align_down(iova, entry_span(s, level)) + entry_span(s, level);

    return next < end ? next : end;
}

static bool is_leaf_level(const struct stage1_plan *plan, unsigned level)
{
    return (plan->leaf_levels >> level & 1) != 0;
}

/* Tables for [iova, end) inside one absent entry of `level`. */
static size_t tables_below(const struct stage1 *s, const struct stage1_plan *plan, unsigned level,
                           uint64_t iova, uint64_t end)
{
    uint64_t span = entry_span(s, level);
    size_t tables;
    uint64_t small;
    uint64_t first_whole, last_whole;

    if (end - iova == span)
        return plan->full_tables[level];
    if (level == 1)
        return 1;

    /* One table of level - 1: a part of an entry at either edge, whole entries between. */
    tables = 1;
    small = entry_span(s, level - 1);
    first_whole = align_up(iova, small);
    last_whole = align_down(end, small);

    if (first_whole > last_whole) /* inside a single entry */
        return tables + tables_below(s, plan, level - 1, iova, end);
    if (iova < first_whole)
        tables += tables_below(s, plan, level - 1, iova, first_whole);
    if (last_whole < end)
        tables += tables_below(s, plan, level - 1, last_whole, end);
    return tables + (last_whole - first_whole) / small * plan->full_tables[level - 1];
}

static bool any_present(const struct stage1 *s, const uint64_t *table, unsigned first, size_t count)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < count; i++)
        seen |= entry_load(&table[first + i]);
    return entry_is_present(s, seen);
}

bool stage1_survey(const struct stage1 *s, const struct stage1_plan *plan, const uint64_t *table,
                   unsigned level, uint64_t iova, uint64_t end, size_t *tables)
{
    if (level == 0)
        return !any_present(s, table, entry_index(s, 0, iova), (end - iova) / entry_span(s, 0));

    for (uint64_t next; iova < end; iova = next) {
        uint64_t entry = entry_load(&table[entry_index(s, level, iova)]);

        next = part_end(s, level, iova, end);
        if (!entry_is_present(s, entry))
            *tables += tables_below(s, plan, level, iova, next);
        else if (entry_is_leaf(s, level, entry) ||
                 !stage1_survey(s, plan, entry_table(s, entry), level - 1, iova, next, tables))
            return false;
    }
    return true;
}

/* The loop that decides how fast a map is: one store per page. Four at a time, because under an
 * emulator the end of a loop costs more than a store. */
static void fill_leaves(uint64_t *entry, size_t count, uint64_t value, uint64_t step)
{
    for (; count >= 4; count -= 4, entry += 4, value += 4 * step) {
        entry_store(&entry[0], value);
        entry_store(&entry[1], value + step);
        entry_store(&entry[2], value + 2 * step);
        entry_store(&entry[3], value + 3 * step);
    }
    for (; count > 0; count--, entry++, value += step)
        entry_store(entry, value);
}

/* A build writes each entry of its range in a fresh table; the others are absent. */
static void clear_around(const struct stage1 *s, uint64_t *table, unsigned level, uint64_t iova,
                         uint64_t end)
{
    unsigned first = entry_index(s, level, iova), next = entry_index(s, level, end - 1) + 1,
             count = entry_count(s, level);

    if (first > 0)
        memset(table, 0, first * sizeof(*table));
    if (next < count)
        memset(&table[next], 0, (count - next) * sizeof(*table));
}

uint64_t *stage1_build_table(struct stage1 *s, const struct stage1_plan *plan, unsigned level,
                             uint64_t iova, uint64_t end, struct stage1_reserve *reserve)
{
    uint64_t *table = take_table(s, reserve);

    clear_around(s, table, level, iova, end);
    stage1_build(s, plan, table, level, iova, end, true, reserve);
    return table;
}

void stage1_build(struct stage1 *s, const struct stage1_plan *plan, uint64_t *table, unsigned level,
                  uint64_t iova, uint64_t end, bool fresh, struct stage1_reserve *reserve)
{
    uint64_t span = entry_span(s, level);
    uint64_t leaf_bits = plan->bits | s->format->level[level].leaf_bits;

    if (level == 0) {
        fill_leaves(&table[entry_index(s, 0, iova)], (end - iova) / span,
                    (iova + plan->offset) | leaf_bits, span);
        return;
    }
    for (uint64_t next; iova < end; iova = next) {
        uint64_t *at = &table[entry_index(s, level, iova)];
        uint64_t entry = fresh ? 0 : entry_load(at);

        next = part_end(s, level, iova, end);
        if (entry_is_present(s, entry)) {
            stage1_build(s, plan, entry_table(s, entry), level - 1, iova, next, false, reserve);
        } else if (next - iova == span && is_leaf_level(plan, level)) {
            size_t count = fresh ? (end - iova) / span : 1;

            fill_leaves(at, count, (iova + plan->offset) | leaf_bits, span);
            next = iova + count * span;
        } else {
            entry_store(
                at, table_entry(s, stage1_build_table(s, plan, level - 1, iova, next, reserve)));
        }
    }
}
