/* SPDX-License-Identifier: MIT */
#include "host/softiommu/table_entry.h"

#include "host/softiommu/private.h"
#include "host/softiommu/stage2.h"

#define ENTRY_SIZE 8u

static bool is_root(const struct walk *walk)
{
    return walk->level == walk->format->levels - 1;
}

/* Finds the entry in memory, for the access. */
static enum softiommu_reason locate(const struct walk *walk, enum oracle_access access,
                                    struct table_entry *entry)
{
    bool root = is_root(walk);
    uint64_t size;

    if (stage2(walk->iommu, entry->gpa, access, &entry->spa, &size))
        return SOFTIOMMU_REASON_NONE;
    return root ? SOFTIOMMU_REASON_ROOT_REFUSED : SOFTIOMMU_REASON_TABLE_REFUSED;
}

enum softiommu_reason table_entry_read(const struct walk *walk, unsigned index,
                                       struct table_entry *entry)
{
    struct softiommu *iommu = walk->iommu;
    enum softiommu_reason reason;

    entry->gpa = walk->table + index * ENTRY_SIZE;
    reason = locate(walk, ORACLE_ACCESS_READ, entry);
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    entry->value = iommu->call.read64(iommu->call.owner, entry->spa);
    iommu->statistics.table_reads++;
    return SOFTIOMMU_REASON_NONE;
}

uint8_t table_entry_rights(const struct walk *walk, uint64_t entry)
{
    bool user = (entry & ENTRY_USER) != 0 || walk->iommu->config.user_ignored;
    bool write = (entry & ENTRY_WRITE) != 0;

    return walk->rights & ((write ? RIGHT_WRITE : 0) | (user ? RIGHT_USER : 0));
}

static enum softiommu_reason required(uint64_t missing)
{
    if ((missing & ENTRY_ACCESSED) != 0)
        return SOFTIOMMU_REASON_NOT_ACCESSED;
    return (missing & ENTRY_DIRTY) != 0 ? SOFTIOMMU_REASON_NOT_DIRTY : SOFTIOMMU_REASON_NONE;
}

enum softiommu_reason table_entry_mark(const struct walk *walk, struct table_entry *entry,
                                       uint64_t bits)
{
    struct softiommu *iommu = walk->iommu;
    uint64_t marked = entry->value | bits | (iommu->config.extended_accessed ? ENTRY_EXTENDED : 0);
    enum softiommu_reason reason;

    if (marked == entry->value || iommu->config.ad_mode == SOFTIOMMU_AD_IGNORED)
        return SOFTIOMMU_REASON_NONE;
    if (iommu->config.ad_mode == SOFTIOMMU_AD_REQUIRED)
        return required(bits & ~entry->value);
    reason = locate(walk, ORACLE_ACCESS_WRITE, entry);
    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    if (!iommu->call.compare_exchange64(iommu->call.owner, entry->spa, entry->value, marked))
        return WALK_AGAIN;
    entry->value = marked;
    return SOFTIOMMU_REASON_NONE;
}
