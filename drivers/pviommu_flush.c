/* SPDX-License-Identifier: MIT */
/*
 * Flushes (reference 3.9). Table pages that an unmap took out of the tree are given back only here,
 * after the call that makes them unreachable has succeeded: until then the IOMMU may still walk
 * them.
 */
#include "drivers/iommu.h"
#include "drivers/pviommu.h"
#include "lib/bits.h"

/* A range splits into at most two blocks per power of two: those that grow to its middle and those
 * that shrink again.
 */
#define RANGE_BLOCKS_MAX 104

static void release_freed(struct domain *d)
{
    if (d->kind == DOMAIN_PAGING && d->table.root)
        (void)stage1_release(&d->table, &d->freed);
    d->unflushed.tables = 0;
}

/*
 * True when the blocks, which ascend where they come from one range, leave no gap in what is
 * unflushed. Tables that were taken out without domain_unmap() have no known range: only a flush of
 * the whole domain is enough for them.
 */
static bool covers_unflushed(const struct domain *d, const struct flush_block *blocks, size_t count)
{
    uint64_t next = d->unflushed.first;

    if (d->freed.count != d->unflushed.tables)
        return false;
    if (d->unflushed.tables == 0)
        return true;
    for (size_t i = 0; i < count && next <= d->unflushed.last; i++) {
        uint64_t end = blocks[i].page + BIT(blocks[i].shift);

        if (blocks[i].page <= next && end > next)
            next = end;
    }
    return next > d->unflushed.last;
}

enum hv_status domain_flush(struct domain *d)
{
    enum hv_status status = iommu_flush(d->id);

    if (status == HV_STATUS_SUCCESS)
        release_freed(d);
    return status;
}

static enum hv_status flush_lists(const struct domain *d, const struct flush_block *blocks,
                                  size_t count)
{
    uint64_t elements[HV_FLUSH_LIST_MAX];
    enum hv_status status = HV_STATUS_SUCCESS;

    for (size_t sent = 0; sent < count && status == HV_STATUS_SUCCESS;) {
        unsigned n = 0;

        for (; n < HV_FLUSH_LIST_MAX && sent < count; n++, sent++)
            elements[n] = hv_iommu_range(blocks[sent].page, blocks[sent].shift);
        status = iommu_flush_list(d->id, elements, n, NULL);
    }
    return status;
}

enum hv_status domain_flush_blocks(struct domain *d, const struct flush_block *blocks, size_t count,
                                   bool *flushed)
{
    enum hv_status first = HV_STATUS_SUCCESS;
    bool done = false;

    if (count > 0 && count <= DOMAIN_FLUSH_LISTS * (size_t)HV_FLUSH_LIST_MAX) {
        first = flush_lists(d, blocks, count);
        done = first == HV_STATUS_SUCCESS;
    }
    if (done && covers_unflushed(d, blocks, count))
        release_freed(d);
    if (!done) {
        enum hv_status whole = domain_flush(d);

        done = whole == HV_STATUS_SUCCESS;
        first = first == HV_STATUS_SUCCESS ? whole : first;
    }
    if (flushed)
        *flushed = done;
    return first;
}

enum hv_status domain_flush_exact(struct domain *d, uint64_t iova, uint64_t length)
{
    struct flush_block blocks[RANGE_BLOCKS_MAX];
    size_t count = flush_range_decompose(iova, length, blocks, RANGE_BLOCKS_MAX);

    return domain_flush_blocks(d, blocks, count <= RANGE_BLOCKS_MAX ? count : 0, NULL);
}

enum hv_status domain_flush_cover(struct domain *d, uint64_t iova, uint64_t length)
{
    struct flush_block block = flush_range_cover(iova, length);

    return domain_flush_blocks(d, &block, 1, NULL);
}
