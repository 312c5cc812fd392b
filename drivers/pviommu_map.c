/* SPDX-License-Identifier: MIT */
/* Changes to a domain's tables. The host takes no part in any of them. */
#include "drivers/iommu.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"

enum stage1_status domain_map(struct domain *d, uint64_t iova, uint64_t gpa, uint64_t length,
                              unsigned prot)
{
    enum stage1_status status = stage1_map(&d->table, iova, gpa, length, prot);

    if (status == STAGE1_OK && d->live)
        iommu_mapped(d->id);
    return status;
}

/* Widens what the next flush must cover by [iova, iova + length). */
static void note_unflushed(struct domain *d, uint64_t iova, uint64_t length, size_t tables)
{
    struct domain_unflushed *u = &d->unflushed;
    uint64_t first = iova / PAGE_SIZE;
    uint64_t last = (iova + (length - 1)) / PAGE_SIZE;

    u->first = u->tables == 0 || first < u->first ? first : u->first;
    u->last = u->tables == 0 || last > u->last ? last : u->last;
    u->tables += tables;
}

enum stage1_status domain_unmap_count(struct domain *d, uint64_t iova, uint64_t length,
                                      uint64_t *unmapped)
{
    size_t before = d->freed.count;
    enum stage1_status status = stage1_unmap(&d->table, iova, length, &d->freed, unmapped);

    if (d->freed.count != before)
        note_unflushed(d, iova, length, d->freed.count - before);
    return status;
}

enum stage1_status domain_unmap_keep(struct domain *d, uint64_t iova, uint64_t length,
                                     uint64_t *unmapped)
{
    return stage1_unmap(&d->table, iova, length, NULL, unmapped);
}

enum stage1_status domain_unmap(struct domain *d, uint64_t iova, uint64_t length)
{
    return domain_unmap_count(d, iova, length, NULL);
}
