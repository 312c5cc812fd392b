/* SPDX-License-Identifier: MIT */
#include "host/softiommu/stage1.h"

#include "host/softiommu/policy.h"
#include "host/softiommu/walk.h"

/* Result of a look-up in the IOTLB. */
enum found { FOUND_NOTHING, FOUND_LEAF, FOUND_DENIAL };

static bool beyond_width(const struct softiommu *iommu, const struct softiommu_translation *t,
                         uint64_t iova)
{
    unsigned bits = format_for(t->levels)->bits;

    if (bits > iommu->config.iova_bits)
        bits = iommu->config.iova_bits;
    return iova >> bits != 0;
}

/* A write on a clean entry needs a walk to set D; one on a read-only entry may be refused at once,
 * as the guest must flush after it adds a permission. */
static enum found judge(struct softiommu *iommu, const struct leaf *leaf, enum oracle_access access)
{
    if (access != ORACLE_ACCESS_WRITE)
        return FOUND_LEAF;
    if ((leaf->flags & LEAF_WRITE) == 0)
        return policy_trusts_denial(iommu) ? FOUND_DENIAL : FOUND_NOTHING;
    return (leaf->flags & LEAF_DIRTY) != 0 ? FOUND_LEAF : FOUND_NOTHING;
}

static enum found look_up(struct softiommu *iommu, uint16_t did, uint64_t iova,
                          enum oracle_access access, struct leaf *leaf)
{
    enum found found = FOUND_NOTHING;

    if (tlb_find(&iommu->iotlb, did, iova, leaf))
        found = judge(iommu, leaf, access);
    if (found == FOUND_NOTHING)
        iommu->iotlb.statistics.misses++;
    else
        iommu->iotlb.statistics.hits++;
    return found;
}

static enum softiommu_reason walk_and_fill(struct softiommu *iommu,
                                           const struct softiommu_translation *t, uint64_t iova,
                                           enum oracle_access access, struct leaf *leaf)
{
    struct walk walk = {
        .iommu = iommu,
        .format = format_for(t->levels),
        .root = t->root,
        .did = t->did,
        .iova = iova,
        .access = access,
    };
    enum softiommu_reason reason = walk_run(&walk, leaf);

    if (reason == SOFTIOMMU_REASON_NONE && policy_fills(iommu))
        tlb_fill(&iommu->iotlb, t->did, iova, leaf);
    return reason;
}

enum softiommu_reason stage1_find(struct softiommu *iommu, const struct softiommu_translation *t,
                                  uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    if (beyond_width(iommu, t, iova))
        return SOFTIOMMU_REASON_WIDTH;
    switch (look_up(iommu, t->did, iova, access, leaf)) {
    case FOUND_LEAF:
        return SOFTIOMMU_REASON_NONE;
    case FOUND_DENIAL:
        return SOFTIOMMU_REASON_WRITE_DENIED;
    case FOUND_NOTHING:
        break;
    }
    return walk_and_fill(iommu, t, iova, access, leaf);
}
