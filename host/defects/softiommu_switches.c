/* SPDX-License-Identifier: MIT */
/* Faults of a switch, which goes through a state between the two translations, and of the end of a domain. */
#include "host/defects/softiommu_seams.h"

static void attach_steps(struct softiommu *iommu, unsigned device, const struct softiommu_translation *from,
                         const struct softiommu_translation *to)
{
    struct softiommu_translation between = {.kind = SOFTIOMMU_IDENTITY, .did = from->did};

    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_PASSES_THROUGH) ||
        (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_UNBLOCKS_FIRST) && from->kind == SOFTIOMMU_BLOCKED))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    between.kind = SOFTIOMMU_BLOCKED;
    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_BLOCKS))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
    between = *to;
    between.did = from->did;
    if (softiommu_injected(SOFTIOMMU_FAULT_ATTACH_TWO_STEPS))
        __real_softiommu_switch_device(iommu, device, &between, SOFTIOMMU_ATTACH);
}

static struct known_domain *known(uint16_t did)
{
    return &softiommu_memory.known[did % KNOWN_DOMAINS];
}

/* Remembers the domain; the root that its translation gets. */
static uint64_t root_of(const struct softiommu_translation *t)
{
    struct known_domain *domain = known(t->did);

    if (softiommu_injected(SOFTIOMMU_FAULT_DELETE_KEEPS_ROOT) && domain->deleted && domain->translation.did == t->did)
        return domain->translation.root;
    *domain = (struct known_domain){.translation = *t};
    return t->root;
}

bool __wrap_softiommu_switch_device(struct softiommu *iommu, unsigned device, const struct softiommu_translation *to,
                                    enum softiommu_switch how)
{
    struct softiommu_translation from, target = *to;
    bool done;

    if (!softiommu_faulty || device >= iommu->config.devices)
        return __real_softiommu_switch_device(iommu, device, to, how);
    from = softiommu_translation_of(iommu, device);
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

    for (unsigned i = 0; i < BIT(FORMAT_INDEX_BITS); i++) {
        if (__real_table_entry_read(&walk, i, &entry) == SOFTIOMMU_REASON_NONE && (entry.value & ENTRY_PRESENT) != 0)
            __real_table_entry_mark(&walk, &entry, ENTRY_ACCESSED);
    }
}

void __wrap_softiommu_delete_domain(struct softiommu *iommu, uint16_t did)
{
    struct known_domain *domain = known(did);

    __real_softiommu_delete_domain(iommu, did);
    if (domain->translation.kind != SOFTIOMMU_PAGING || domain->translation.did != did)
        return;
    domain->deleted = true;
    if (softiommu_injected(SOFTIOMMU_FAULT_DELETE_READS_TABLE))
        visit_top_table(iommu, &domain->translation);
}
