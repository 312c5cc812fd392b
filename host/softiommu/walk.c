/* SPDX-License-Identifier: MIT */
#include "host/softiommu/walk.h"

#include "host/softiommu/prefetch.h"
#include "host/softiommu/private.h"
#include "host/softiommu/table_entry.h"

/* Hardware would go on for ever while a processor keeps changing an entry; a walk here must end. */
#define WALK_TRIES 64u

bool walk_reserved(const struct walk *walk, uint64_t entry)
{
    const struct softiommu_config *config = &walk->iommu->config;
    uint64_t reserved = format_reserved(walk->format, walk->level, entry, config->physical_bits,
                                        config->page_sizes);

    if (config->xd_reserved)
        reserved |= entry & ENTRY_XD;
    return reserved != 0;
}

struct leaf walk_leaf(const struct walk *walk, uint64_t entry, uint8_t rights)
{
    bool dirty = (entry & ENTRY_DIRTY) != 0 || walk->iommu->config.ad_mode == SOFTIOMMU_AD_IGNORED;

    return (struct leaf){
        .gpa = entry & walk->format->level[walk->level].leaf_address,
        .level = walk->level,
        .flags =
            (uint8_t)(((rights & RIGHT_WRITE) != 0 ? LEAF_WRITE : 0) | (dirty ? LEAF_DIRTY : 0)),
    };
}

static enum softiommu_reason finish(const struct walk *walk, struct table_entry *entry,
                                    struct leaf *leaf)
{
    bool write = walk->access == ORACLE_ACCESS_WRITE;
    uint8_t rights = table_entry_rights(walk, entry->value);
    enum softiommu_reason reason;

    if ((rights & RIGHT_USER) == 0)
        return SOFTIOMMU_REASON_SUPERVISOR;
    if (write && (rights & RIGHT_WRITE) == 0)
        return SOFTIOMMU_REASON_WRITE_DENIED;
    reason = table_entry_mark(walk, entry, ENTRY_ACCESSED | (write ? ENTRY_DIRTY : 0));
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    *leaf = walk_leaf(walk, entry->value, rights);
    prefetch_line(walk);
    return SOFTIOMMU_REASON_NONE;
}

/* One level: NONE with walk->level lowered, or with *done set. Order of the checks as on a
 * processor. */
static enum softiommu_reason step(struct walk *walk, struct leaf *leaf, bool *done)
{
    struct table_entry entry;
    enum softiommu_reason reason;

    reason = table_entry_read(walk, format_index(walk->format, walk->level, walk->iova), &entry);
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    if ((entry.value & ENTRY_PRESENT) == 0)
        return SOFTIOMMU_REASON_NOT_PRESENT;
    if (walk_reserved(walk, entry.value))
        return SOFTIOMMU_REASON_RESERVED_BIT;
    *done = format_is_leaf(walk->format, walk->level, entry.value);
    if (*done)
        return finish(walk, &entry, leaf);
    reason = table_entry_mark(walk, &entry, ENTRY_ACCESSED);
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    prefetch_line(walk);
    walk->rights = table_entry_rights(walk, entry.value);
    walk->table = entry.value & ENTRY_TABLE;
    walk_cache_fill(walk->iommu, walk, walk->level, walk->iova, walk->table, walk->rights);
    walk->level--;
    return SOFTIOMMU_REASON_NONE;
}

static enum softiommu_reason try_walk(struct walk *walk, struct leaf *leaf)
{
    enum softiommu_reason reason;
    bool done = false;

    walk->level = walk->format->levels - 1;
    walk->table = walk->root;
    walk->rights = RIGHT_WRITE | RIGHT_USER;
    walk_cache_start(walk->iommu, walk);
    do
        reason = step(walk, leaf, &done);
    while (reason == SOFTIOMMU_REASON_NONE && !done);
    return reason;
}

enum softiommu_reason walk_run(struct walk *walk, struct leaf *leaf)
{
    walk->iommu->statistics.walks++;
    for (unsigned i = 0; i < WALK_TRIES; i++) {
        enum softiommu_reason reason = try_walk(walk, leaf);

        if (reason != WALK_AGAIN)
            return reason;
    }
    return SOFTIOMMU_REASON_ENTRY_UNSTABLE;
}
