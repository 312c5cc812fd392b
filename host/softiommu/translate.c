/* SPDX-License-Identifier: MIT */
/* From a device and an IOVA to memory. */
#include "host/softiommu/context_cache.h"
#include "host/softiommu/device_tlb.h"
#include "host/softiommu/fault.h"
#include "host/softiommu/policy.h"
#include "host/softiommu/stage1.h"
#include "host/softiommu/stage2.h"

/* A page on the device's side, and whether stage 2 may be skipped for it under an omission. */
struct target {
    struct leaf leaf;
    bool unchecked, one_byte;
};

/* What the unit answers, to a DMA or to a translation request of a device. */
static enum softiommu_reason ask_unit(struct softiommu *iommu, unsigned device, uint64_t iova,
                                      enum oracle_access access, struct target *target)
{
    struct softiommu_translation t = context_of(iommu, device);

    switch (t.kind) {
    case SOFTIOMMU_PAGING:
        return stage1_find(iommu, &t, iova, access, &target->leaf);
    case SOFTIOMMU_IDENTITY:
        target->leaf = (struct leaf){.gpa = align_down(iova, BIT(12)), .flags = LEAF_WRITE | LEAF_DIRTY};
        target->unchecked = omitted(iommu, SOFTIOMMU_OMIT_STAGE2_IDENTITY);
        return SOFTIOMMU_REASON_NONE;
    case SOFTIOMMU_BLOCKED:
        break;
    }
    return SOFTIOMMU_REASON_BLOCKED;
}

static enum softiommu_reason ask(struct softiommu *iommu, unsigned device, uint64_t iova, enum oracle_access access,
                                 struct target *target)
{
    bool ats = iommu->function[device].ats;
    enum softiommu_reason reason;

    if (iova >= INTERRUPT_WINDOW_FIRST && iova <= INTERRUPT_WINDOW_LAST)
        return SOFTIOMMU_REASON_INTERRUPT_WINDOW;
    if (ats && device_tlb_find(iommu, device, iova, access, &target->leaf))
        return SOFTIOMMU_REASON_NONE;
    reason = ask_unit(iommu, device, iova, access, target);
    if (ats) {
        iommu->statistics.ats_requests++;
        if (reason == SOFTIOMMU_REASON_NONE)
            device_tlb_fill(iommu, device, iova, &target->leaf);
    }
    return reason;
}

/* Bits of the IOVA that lead into a page of a level. */
static unsigned offset_bits(const struct softiommu *iommu, unsigned level)
{
    if (level == 1 && omitted(iommu, SOFTIOMMU_OMIT_OFFSET_CUT_2M))
        return 20;
    if (level == 2 && omitted(iommu, SOFTIOMMU_OMIT_OFFSET_CUT_1G))
        return 21;
    return 12 + FORMAT_INDEX_BITS * level;
}

/* Bytes from `iova` to the end of its page, cut where the interrupt window begins. */
static uint64_t bytes_left(uint64_t iova, unsigned level)
{
    uint64_t page = BIT(12 + FORMAT_INDEX_BITS * level);
    uint64_t left = page - (iova & (page - 1));

    if (iova < INTERRUPT_WINDOW_FIRST && left > INTERRUPT_WINDOW_FIRST - iova)
        left = INTERRUPT_WINDOW_FIRST - iova;
    return left;
}

/* Omissions: the byte beside a mapping counts as a part of it. */
static bool beside_mapping(struct softiommu *iommu, unsigned device, uint64_t iova, enum oracle_access access,
                           struct target *target)
{
    bool before = (iova & (BIT(12) - 1)) == BIT(12) - 1, after = (iova & (BIT(12) - 1)) == 0;
    bool before_omitted = omitted(iommu, SOFTIOMMU_OMIT_BYTE_BEFORE) ||
                          (omitted(iommu, SOFTIOMMU_OMIT_BYTE_BEFORE_READ) && access == ORACLE_ACCESS_READ);
    uint64_t beside = before ? iova + 1 : iova - 1;
    unsigned level;

    if (!(before && before_omitted) && !after)
        return false;
    if (ask_unit(iommu, device, beside, access, target) != SOFTIOMMU_REASON_NONE)
        return false;
    level = target->leaf.level;
    if (after && !omitted(iommu, SOFTIOMMU_OMIT_BYTE_AFTER) &&
        (level == 0 || !omitted(iommu, (enum softiommu_omission)(SOFTIOMMU_OMIT_BYTE_AFTER_2M + level - 1))))
        return false;
    target->leaf.gpa += align_down(beside & (BIT(12 + FORMAT_INDEX_BITS * level) - 1), BIT(12));
    target->leaf.gpa += before ? -BIT(12) : BIT(12);
    target->leaf.level = 0;
    target->one_byte = true;
    return true;
}

static enum softiommu_reason both_stages(struct softiommu *iommu, unsigned device, uint64_t iova,
                                         enum oracle_access access, uint64_t *spa, uint64_t *size)
{
    struct target target = {.unchecked = omitted(iommu, SOFTIOMMU_OMIT_STAGE2_LEAF)};
    enum softiommu_reason reason = ask(iommu, device, iova, access, &target);
    uint64_t left, contiguous, at;

    if (reason != SOFTIOMMU_REASON_NONE &&
        (reason != SOFTIOMMU_REASON_NOT_PRESENT || !beside_mapping(iommu, device, iova, access, &target)))
        return reason;
    left = target.one_byte ? 1 : bytes_left(iova, target.leaf.level);
    if (omitted(iommu, SOFTIOMMU_OMIT_CROSSING_LINEAR))
        left += BIT(12);
    at = target.leaf.gpa + (iova & (BIT(offset_bits(iommu, target.leaf.level)) - 1));
    if (!stage2(iommu, at, access, target.unchecked, &at, &contiguous))
        return SOFTIOMMU_REASON_TARGET_REFUSED;
    *spa = at;
    *size = contiguous < left ? contiguous : left;
    return SOFTIOMMU_REASON_NONE;
}

enum softiommu_reason softiommu_translate(struct softiommu *iommu, unsigned device, uint64_t iova,
                                          enum oracle_access access, uint64_t *spa, uint64_t *size)
{
    enum softiommu_reason reason;

    if (device >= iommu->config.devices)
        return SOFTIOMMU_REASON_BLOCKED;
    iommu->statistics.translations++;
    late_store_carry_out(iommu);
    policy_evict(iommu, device);
    reason = both_stages(iommu, device, iova, access, spa, size);
    if (reason != SOFTIOMMU_REASON_NONE)
        fault_record(iommu, device, iova, access, reason);
    return reason;
}
