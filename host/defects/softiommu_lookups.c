/* SPDX-License-Identifier: MIT */
/* Faults of look-ups in the IOTLB and in device TLBs. */
#include "host/defects/softiommu_seams.h"

uint16_t softiommu_cached_did(uint16_t did)
{
    if (softiommu_injected(SOFTIOMMU_FAULT_TAG_TEN_BITS))
        return did & BITS(9, 0);
    if (softiommu_injected(SOFTIOMMU_FAULT_TAG_TWELVE_BITS))
        return did & BITS(11, 0);
    return softiommu_injected(SOFTIOMMU_FAULT_TAG_SHARED) ? did / 2 : did;
}

static enum softiommu_reason walk_tables(struct softiommu *iommu,
                                         const struct softiommu_translation *t, uint64_t iova,
                                         enum oracle_access access, struct leaf *leaf)
{
    struct walk walk = {.iommu = iommu,
                        .format = format_for(t->levels),
                        .root = t->root,
                        .did = t->did,
                        .iova = iova,
                        .access = access};

    return walk_run(&walk, leaf);
}

/* A leaf that never was, put together from a cached one and from what the tables say now. */
static bool mixed(struct softiommu *iommu, const struct softiommu_translation *t, uint64_t iova,
                  enum oracle_access access, const struct leaf *cached, struct leaf *leaf)
{
    if (walk_tables(iommu, t, iova, access, leaf) != SOFTIOMMU_REASON_NONE ||
        leaf->level != cached->level)
        return false;
    leaf->gpa = cached->gpa ^ ((cached->gpa ^ leaf->gpa) & BIT(12));
    return true;
}

/* The cached address with the permissions that the tables give by now. */
static enum softiommu_reason reread(struct softiommu *iommu, const struct softiommu_translation *t,
                                    uint64_t iova, enum oracle_access access,
                                    const struct leaf *cached, struct leaf *leaf)
{
    enum softiommu_reason reason = walk_tables(iommu, t, iova, access, leaf);

    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    tlb_fill(&iommu->iotlb, t->did, iova, leaf);
    if (leaf->level == cached->level)
        leaf->gpa = cached->gpa;
    return reason;
}

/* The neighbor that a comparison without bit 21 takes for the page. */
static uint64_t alias(const struct softiommu *iommu, uint16_t did, uint64_t iova)
{
    struct leaf leaf;
    bool found = tlb_find(&iommu->iotlb, did, iova ^ BIT(21), &leaf) && leaf.level == 1;

    return found ? iova ^ BIT(21) : iova;
}

static enum softiommu_reason find(struct softiommu *iommu, const struct softiommu_translation *t,
                                  uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    struct leaf cached, absent = {.flags = LEAF_NOT_PRESENT};
    bool hit = tlb_find(&iommu->iotlb, t->did, iova, &cached);
    enum softiommu_reason reason;

    if (hit && (cached.flags & LEAF_NOT_PRESENT) != 0)
        return SOFTIOMMU_REASON_NOT_PRESENT;
    if (!hit && softiommu_injected(SOFTIOMMU_FAULT_IOTLB_TAG_SHORT))
        iova = alias(iommu, t->did, iova);
    if (hit && softiommu_injected(SOFTIOMMU_FAULT_STALE_MIXED) &&
        mixed(iommu, t, iova, access, &cached, leaf))
        return SOFTIOMMU_REASON_NONE;
    if (hit && softiommu_injected(SOFTIOMMU_FAULT_IOTLB_WRITE_UNCHECKED)) {
        *leaf = cached;
        return SOFTIOMMU_REASON_NONE;
    }
    reason = __real_stage1_find(iommu, t, iova, access, leaf);
    if (reason == SOFTIOMMU_REASON_NOT_PRESENT &&
        softiommu_injected(SOFTIOMMU_FAULT_NOT_PRESENT_CACHED))
        tlb_fill(&iommu->iotlb, t->did, iova, &absent);
    if (hit && reason == SOFTIOMMU_REASON_WRITE_DENIED &&
        softiommu_injected(SOFTIOMMU_FAULT_IOTLB_RIGHTS_REREAD))
        return reread(iommu, t, iova, access, &cached, leaf);
    return reason;
}

static bool byte_before(enum oracle_access access)
{
    return softiommu_injected(SOFTIOMMU_FAULT_BYTE_BEFORE) ||
           (access == ORACLE_ACCESS_READ && softiommu_injected(SOFTIOMMU_FAULT_BYTE_BEFORE_READ));
}

static bool byte_after(unsigned level)
{
    static const enum softiommu_fault of_size[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_BYTE_AFTER_2M, SOFTIOMMU_FAULT_BYTE_AFTER_1G};

    return softiommu_injected(SOFTIOMMU_FAULT_BYTE_AFTER) || softiommu_injected(of_size[level]);
}

/* The byte beside a mapping counts as a part of it. */
static bool beside_mapping(struct softiommu *iommu, const struct softiommu_translation *t,
                           uint64_t iova, enum oracle_access access, struct leaf *leaf)
{
    uint64_t offset = iova & (BIT(12) - 1);
    bool before = offset == BIT(12) - 1 && byte_before(access);
    bool after = offset == 0 && (byte_after(0) || byte_after(1) || byte_after(2));
    uint64_t beside = before ? iova + 1 : iova - 1;

    if (!before && !after)
        return false;
    if (find(iommu, t, beside, access, leaf) != SOFTIOMMU_REASON_NONE ||
        (after && !byte_after(leaf->level)))
        return false;
    leaf->gpa += align_down(beside & (format_size(leaf->level) - 1), BIT(12));
    leaf->gpa += before ? -BIT(12) : BIT(12);
    leaf->level = 0;
    softiommu_memory.access.one_byte = true;
    return true;
}

/* The byte beside a mapping with other rights has these. */
static bool rights_beside(struct softiommu *iommu, const struct softiommu_translation *t,
                          uint64_t iova)
{
    uint64_t offset = iova & (BIT(12) - 1);
    bool last = offset == BIT(12) - 1 && softiommu_injected(SOFTIOMMU_FAULT_LAST_BYTE_RIGHTS);
    bool first = offset == 0 && softiommu_injected(SOFTIOMMU_FAULT_FIRST_BYTE_RIGHTS);
    struct leaf leaf;

    if ((!last && !first) || find(iommu, t, last ? iova + 1 : iova - 1, ORACLE_ACCESS_WRITE,
                                  &leaf) != SOFTIOMMU_REASON_NONE)
        return false;
    softiommu_memory.access.one_byte = true;
    return true;
}

/* Whether the width is left out of account. */
static bool width_unchecked(unsigned levels, uint64_t iova, enum oracle_access access)
{
    const struct softiommu_request *request = softiommu_memory.beginning;

    return softiommu_injected(SOFTIOMMU_FAULT_WIDTH_OF_TABLES) ||
           (levels == 5 && (softiommu_injected(SOFTIOMMU_FAULT_WIDTH_OF_FOUR_LEVELS) ||
                            (softiommu_injected(SOFTIOMMU_FAULT_WIDTH_OF_FIVE_WRITES) &&
                             access != ORACLE_ACCESS_READ))) ||
           (softiommu_injected(SOFTIOMMU_FAULT_WIDTH_OF_WRITES) && access == ORACLE_ACCESS_READ) ||
           (softiommu_injected(SOFTIOMMU_FAULT_WIDTH_OF_FIRST_PAGE) && request &&
            request->iova >> 12 != iova >> 12);
}

enum softiommu_reason __wrap_stage1_find(struct softiommu *iommu,
                                         const struct softiommu_translation *t, uint64_t iova,
                                         enum oracle_access access, struct leaf *leaf)
{
    struct softiommu_translation seen = *t;
    unsigned bits = format_for(t->levels)->bits, width = iommu->config.iova_bits;
    enum softiommu_reason reason;

    if (!softiommu_faulty)
        return __real_stage1_find(iommu, t, iova, access, leaf);
    seen.did = softiommu_cached_did(t->did);
    if (softiommu_injected(SOFTIOMMU_FAULT_WIDTH_IGNORED))
        iova &= BIT(bits < iommu->config.iova_bits ? bits : iommu->config.iova_bits) - 1;
    if (softiommu_injected(SOFTIOMMU_FAULT_FIVE_AS_FOUR) && t->levels == 5) {
        seen.levels = 4;
        iova &= BIT(format_for(4)->bits) - 1;
    }
    if (width_unchecked(t->levels, iova, access))
        iommu->config.iova_bits = bits;
    reason = find(iommu, &seen, iova, access, leaf);
    if (reason == SOFTIOMMU_REASON_NOT_PRESENT && beside_mapping(iommu, &seen, iova, access, leaf))
        reason = SOFTIOMMU_REASON_NONE;
    if (reason == SOFTIOMMU_REASON_WRITE_DENIED && rights_beside(iommu, &seen, iova))
        reason = find(iommu, &seen, iova, ORACLE_ACCESS_READ, leaf);
    if (reason == SOFTIOMMU_REASON_NONE)
        softiommu_memory.access.level = leaf->level;
    iommu->config.iova_bits = width;
    return reason;
}

bool __wrap_device_tlb_find(struct softiommu *iommu, unsigned device, uint64_t iova,
                            enum oracle_access access, struct leaf *leaf)
{
    bool found;

    if (!softiommu_faulty)
        return __real_device_tlb_find(iommu, device, iova, access, leaf);
    if (softiommu_injected(SOFTIOMMU_FAULT_DEVICE_TLB_WRITE_UNCHECKED))
        access = ORACLE_ACCESS_READ;
    found = __real_device_tlb_find(iommu, device, iova, access, leaf);
    if (found)
        softiommu_memory.access.level = leaf->level;
    return found;
}

void __wrap_device_tlb_fill(struct softiommu *iommu, unsigned device, uint64_t iova,
                            const struct leaf *leaf)
{
    if (!softiommu_memory.access.one_byte)
        __real_device_tlb_fill(iommu, device, iova, leaf);
}
