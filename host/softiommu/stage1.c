/* SPDX-License-Identifier: MIT */
#include "host/softiommu/stage1.h"

#include "host/softiommu/policy.h"
#include "host/softiommu/walk.h"

/* What a look-up in the IOTLB comes to. */
enum found { FOUND_NOTHING, FOUND_LEAF, FOUND_DENIAL, FOUND_NOT_PRESENT };

uint16_t stage1_cache_tag(const struct softiommu *iommu, uint16_t tag)
{
    return omitted(iommu, SOFTIOMMU_OMIT_TAG_SHARED) ? tag / 2 : tag;
}

static bool beyond_width(const struct softiommu *iommu, const struct softiommu_translation *t, uint64_t iova)
{
    unsigned bits = format_for(t->levels)->bits;

    if (bits > iommu->config.iova_bits)
        bits = iommu->config.iova_bits;
    return iova >> bits != 0 && !omitted(iommu, SOFTIOMMU_OMIT_WIDTH_IGNORED);
}

/* A write on a clean entry needs a walk to set D; one on a read-only entry may be refused at once, as the guest must
 * flush after it adds a permission. */
static enum found judge(struct softiommu *iommu, const struct leaf *leaf, enum oracle_access access)
{
    if ((leaf->flags & LEAF_NOT_PRESENT) != 0)
        return FOUND_NOT_PRESENT;
    if (access != ORACLE_ACCESS_WRITE || omitted(iommu, SOFTIOMMU_OMIT_IOTLB_WRITE_UNCHECKED))
        return FOUND_LEAF;
    if ((leaf->flags & LEAF_WRITE) == 0)
        return policy_trusts_denial(iommu) ? FOUND_DENIAL : FOUND_NOTHING;
    return (leaf->flags & LEAF_DIRTY) != 0 ? FOUND_LEAF : FOUND_NOTHING;
}

/* What a comparison that leaves bit 21 of the IOVA out finds: a large page that lies beside. */
static bool find_alias(const struct softiommu *iommu, uint16_t tag, uint64_t iova, struct leaf *leaf)
{
    return omitted(iommu, SOFTIOMMU_OMIT_IOTLB_TAG_SHORT) &&
           page_cache_find(&iommu->iotlb, tag, iova ^ BIT(21), leaf) && leaf->level == 1;
}

static enum found look_up(struct softiommu *iommu, uint16_t tag, uint64_t iova, enum oracle_access access,
                          struct leaf *leaf)
{
    enum found found = FOUND_NOTHING;

    if (page_cache_find(&iommu->iotlb, tag, iova, leaf) || find_alias(iommu, tag, iova, leaf))
        found = judge(iommu, leaf, access);
    if (found == FOUND_NOTHING)
        iommu->iotlb.statistics.misses++;
    else
        iommu->iotlb.statistics.hits++;
    return found;
}

static enum softiommu_reason walk_now(struct softiommu *iommu, const struct softiommu_translation *t, uint16_t tag,
                                      uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    bool short_walk = t->levels == 5 && omitted(iommu, SOFTIOMMU_OMIT_FIVE_AS_FOUR);
    struct walk walk = {
        .iommu = iommu,
        .format = format_for(short_walk ? 4 : t->levels),
        .root = t->root,
        .tag = tag,
        .iova = iova,
        .access = access,
    };

    return walk_run(&walk, leaf);
}

static enum softiommu_reason walk_and_fill(struct softiommu *iommu, const struct softiommu_translation *t, uint16_t tag,
                                           uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    enum softiommu_reason reason = walk_now(iommu, t, tag, iova, access, leaf);

    if (reason == SOFTIOMMU_REASON_NONE && policy_fills(iommu))
        page_cache_fill(&iommu->iotlb, tag, iova, leaf);
    if (reason == SOFTIOMMU_REASON_NOT_PRESENT && omitted(iommu, SOFTIOMMU_OMIT_NOT_PRESENT_CACHED)) {
        *leaf = (struct leaf){.flags = LEAF_NOT_PRESENT};
        page_cache_fill(&iommu->iotlb, tag, iova, leaf);
    }
    return reason;
}

/* SOFTIOMMU_OMIT_IOTLB_RIGHTS_REREAD: `leaf` is the entry that denies the write. */
static enum softiommu_reason reread_rights(struct softiommu *iommu, const struct softiommu_translation *t, uint16_t tag,
                                           uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    struct leaf old = *leaf;
    enum softiommu_reason reason = walk_and_fill(iommu, t, tag, iova, access, leaf);

    if (leaf->level == old.level)
        leaf->gpa = old.gpa;
    return reason;
}

/* SOFTIOMMU_OMIT_STALE_MIXED: a leaf that never was, put together from a cached one and from what the tables say now.
 */
static bool mixed(struct softiommu *iommu, const struct softiommu_translation *t, uint16_t tag, uint64_t iova,
                  enum oracle_access access, struct leaf *leaf)
{
    struct leaf cached;

    if (!omitted(iommu, SOFTIOMMU_OMIT_STALE_MIXED) || !page_cache_find(&iommu->iotlb, tag, iova, &cached))
        return false;
    if (walk_now(iommu, t, tag, iova, access, leaf) != SOFTIOMMU_REASON_NONE || leaf->level != cached.level)
        return false;
    leaf->gpa = cached.gpa ^ ((cached.gpa ^ leaf->gpa) & BIT(12));
    return true;
}

enum softiommu_reason stage1_find(struct softiommu *iommu, const struct softiommu_translation *t, uint64_t iova,
                                  enum oracle_access access, struct leaf *leaf)
{
    uint16_t tag = stage1_cache_tag(iommu, t->tag);

    if (beyond_width(iommu, t, iova))
        return SOFTIOMMU_REASON_WIDTH;
    if (mixed(iommu, t, tag, iova, access, leaf))
        return SOFTIOMMU_REASON_NONE;
    switch (look_up(iommu, tag, iova, access, leaf)) {
    case FOUND_LEAF:
        return SOFTIOMMU_REASON_NONE;
    case FOUND_DENIAL:
        if (omitted(iommu, SOFTIOMMU_OMIT_IOTLB_RIGHTS_REREAD))
            return reread_rights(iommu, t, tag, iova, access, leaf);
        return SOFTIOMMU_REASON_WRITE_DENIED;
    case FOUND_NOT_PRESENT:
        return SOFTIOMMU_REASON_NOT_PRESENT;
    case FOUND_NOTHING:
        break;
    }
    return walk_and_fill(iommu, t, tag, iova, access, leaf);
}
