/* SPDX-License-Identifier: MIT */
#include "host/softiommu/leave.h"

#include "host/softiommu/private.h"
#include "host/softiommu/stage1.h"
#include "host/softiommu/table_entry.h"

static bool has_devices(const struct softiommu *iommu, uint16_t tag)
{
    for (unsigned i = 0; i < iommu->config.devices; i++) {
        if (iommu->function[i].translation.tag == tag)
            return true;
    }
    return false;
}

static bool walk_cache_forgotten(const struct softiommu *iommu, enum softiommu_switch how, unsigned level)
{
    if (how == SOFTIOMMU_DETACH)
        return omitted(iommu, SOFTIOMMU_OMIT_WALK_DETACH);
    return omitted(iommu, (enum softiommu_omission)(SOFTIOMMU_OMIT_WALK_ATTACH_1 + level - 1));
}

void leave_domain(struct softiommu *iommu, uint16_t tag, enum softiommu_switch how)
{
    uint16_t cached = stage1_cache_tag(iommu, tag);
    bool detach = how == SOFTIOMMU_DETACH;

    if (iommu->config.keep_idle_domains || omitted(iommu, SOFTIOMMU_OMIT_TAG_REUSED) || has_devices(iommu, tag))
        return;
    if (!omitted(iommu, detach ? SOFTIOMMU_OMIT_IOTLB_DETACH : SOFTIOMMU_OMIT_IOTLB_ATTACH))
        page_cache_drop_tag(&iommu->iotlb, cached, kept_levels(iommu, detach ? DROP_DETACH : DROP_ATTACH));
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS; level++) {
        if (!walk_cache_forgotten(iommu, how, level))
            walk_cache_drop_tag(&iommu->walk_cache, level, cached);
    }
}

/* SOFTIOMMU_OMIT_DELETE_READS_TABLE. */
static void visit_top_table(struct softiommu *iommu, const struct softiommu_translation *domain)
{
    const struct format *format = format_for(domain->levels);
    struct walk walk = {
        .iommu = iommu, .format = format, .root = domain->root, .tag = domain->tag, .access = ORACLE_ACCESS_READ};
    struct table_entry entry;

    walk.table = walk.root;
    walk.level = format->levels - 1;
    for (unsigned i = 0; i < BIT(FORMAT_INDEX_BITS); i++) {
        if (table_entry_read(&walk, i, &entry) == SOFTIOMMU_REASON_NONE && (entry.value & ENTRY_PRESENT) != 0)
            table_entry_mark(&walk, &entry, ENTRY_ACCESSED);
    }
}

uint64_t leave_kept_root(const struct softiommu *iommu, const struct softiommu_translation *t)
{
    for (unsigned i = 0; i < KEPT_ROOTS && omitted(iommu, SOFTIOMMU_OMIT_DELETE_KEEPS_ROOT); i++) {
        if (iommu->kept_root[i].kind == SOFTIOMMU_PAGING && iommu->kept_root[i].tag == t->tag)
            return iommu->kept_root[i].root;
    }
    return t->root;
}

static void delete_omissions(struct softiommu *iommu, const struct softiommu_translation *domain)
{
    iommu->kept_root[iommu->kept_roots] = *domain;
    iommu->kept_roots = (iommu->kept_roots + 1) % KEPT_ROOTS;
    if (omitted(iommu, SOFTIOMMU_OMIT_DELETE_READS_TABLE) && domain->kind == SOFTIOMMU_PAGING)
        visit_top_table(iommu, domain);
}

void softiommu_delete_domain(struct softiommu *iommu, const struct softiommu_translation *domain)
{
    uint16_t cached = stage1_cache_tag(iommu, domain->tag);
    bool reused = omitted(iommu, SOFTIOMMU_OMIT_TAG_REUSED);

    iommu->statistics.deletes++;
    if (!reused && !omitted(iommu, SOFTIOMMU_OMIT_IOTLB_DELETE))
        page_cache_drop_tag(&iommu->iotlb, cached, kept_levels(iommu, DROP_DELETE));
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS && !reused; level++) {
        if (!omitted(iommu, SOFTIOMMU_OMIT_WALK_DELETE))
            walk_cache_drop_tag(&iommu->walk_cache, level, cached);
    }
    if (!omitted(iommu, SOFTIOMMU_OMIT_DRAIN_DELETE))
        softiommu_drain_domain(iommu, domain->tag);
    late_store_release(iommu, domain->tag);
    delete_omissions(iommu, domain);
}
