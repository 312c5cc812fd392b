/* SPDX-License-Identifier: MIT */
/* Faults of a switch, which goes through a state between the two translations, and of the end of a
 * domain. */
#include "host/defects/softiommu_seams.h"

/* The old tables with the new tag: of what a device uses meanwhile, large pages stay cached. */
static void mix_large(struct softiommu *iommu, unsigned device,
                      const struct softiommu_translation *from,
                      const struct softiommu_translation *to)
{
    struct softiommu_translation between = *from;

    between.did = to->did;
    __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    cache_drop_range(&iommu->iotlb.size[0], to->did, 0, UINT64_MAX);
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS; level++)
        __real_walk_cache_drop_range(&iommu->walk_cache, level, to->did, all_pages);
}

static void drop_large_early(struct softiommu *iommu, unsigned device)
{
    for (unsigned level = 1; level < FORMAT_LEAF_LEVELS; level++)
        cache_drop_range(&iommu->function[device].tlb.size[level], 0, 0, UINT64_MAX);
}

static void attach_steps(struct softiommu *iommu, unsigned device,
                         const struct softiommu_translation *from,
                         const struct softiommu_translation *to)
{
    struct softiommu_translation between = {.kind = SOFTIOMMU_IDENTITY, .did = from->did};

    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_PASSES_THROUGH) ||
        (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_UNBLOCKS_FIRST) &&
         from->kind == SOFTIOMMU_BLOCKED))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    between.kind = SOFTIOMMU_BLOCKED;
    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_BLOCKS))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    between = *to;
    between.did = from->did;
    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_TWO_STEPS))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_LARGE_MIXED) && from->kind == SOFTIOMMU_PAGING &&
        to->kind == SOFTIOMMU_PAGING)
        mix_large(iommu, device, from, to);
    if (softiommu_injected(SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_EARLY))
        drop_large_early(iommu, device);
}

/* The root that a translation gets: that of a deleted domain of the same did, if there is one. */
static uint64_t root_of(const struct softiommu_translation *t)
{
    for (unsigned i = 0;
         i < DELETED_DOMAINS && softiommu_injected(SOFTIOMMU_FAULT_DELETE_KEEPS_ROOT); i++) {
        const struct softiommu_translation *deleted = &softiommu_memory.deleted[i];

        if (deleted->kind == SOFTIOMMU_PAGING && deleted->did == t->did)
            return deleted->root;
    }
    return t->root;
}

bool __wrap_softiommu_switch_device(struct softiommu *iommu, unsigned device,
                                    const struct softiommu_translation *to,
                                    enum softiommu_switch how)
{
    struct softiommu_translation from, target = *to;
    bool done;

    if (!softiommu_faulty || device >= iommu->config.devices)
        return __real_softiommu_switch_device(iommu, device, to, how);
    from = iommu->function[device].translation;
    if (how == SOFTIOMMU_ATTACH)
        attach_steps(iommu, device, &from, to);
    if (target.kind == SOFTIOMMU_PAGING)
        target.root = root_of(to);
    if (how == SOFTIOMMU_ATTACH && softiommu_injected(SOFTIOMMU_FAULT_ATTACH_KEEPS_TAG))
        target.did = from.did;
    softiommu_memory.leaving_identity = from.kind == SOFTIOMMU_IDENTITY;
    done = __real_softiommu_switch_device(iommu, device, &target, how);
    softiommu_memory.leaving_identity = false;
    return done;
}

/* Reads the whole top table, and marks its entries accessed. */
static void visit_top_table(struct softiommu *iommu, const struct softiommu_translation *domain)
{
    const struct format *format = format_for(domain->levels);
    struct walk walk = {.iommu = iommu,
                        .format = format,
                        .root = domain->root,
                        .did = domain->did,
                        .access = ORACLE_ACCESS_READ,
                        .table = domain->root,
                        .level = format->levels - 1};
    struct table_entry entry;

    for (unsigned i = 0; i < BIT(FORMAT_INDEX_BITS); i++)
        if (__real_table_entry_read(&walk, i, &entry) == SOFTIOMMU_REASON_NONE &&
            (entry.value & ENTRY_PRESENT) != 0)
            __real_table_entry_mark(&walk, &entry, ENTRY_ACCESSED);
}

void __wrap_softiommu_delete_domain(struct softiommu *iommu,
                                    const struct softiommu_translation *domain)
{
    struct softiommu_memory *memory = &softiommu_memory;

    __real_softiommu_delete_domain(iommu, domain);
    if (!softiommu_faulty || domain->kind != SOFTIOMMU_PAGING)
        return;
    memory->deleted[memory->deleted_next] = *domain;
    memory->deleted_next = (memory->deleted_next + 1) % DELETED_DOMAINS;
    if (softiommu_injected(SOFTIOMMU_FAULT_DELETE_READS_TABLE))
        visit_top_table(iommu, domain);
}
