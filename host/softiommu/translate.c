/* SPDX-License-Identifier: MIT */
/* From a device and an IOVA to memory. */
#include "host/softiommu/context_cache.h"
#include "host/softiommu/device_tlb.h"
#include "host/softiommu/fault.h"
#include "host/softiommu/policy.h"
#include "host/softiommu/stage1.h"
#include "host/softiommu/stage2.h"

/* The unit's answer to a DMA or to a translation request of a device. */
static enum softiommu_reason ask_unit(struct softiommu *iommu, unsigned device, uint64_t iova,
                                      enum oracle_access access, struct leaf *leaf)
{
    struct softiommu_translation t = context_of(iommu, device);

    switch (t.kind) {
    case SOFTIOMMU_PAGING:
        return stage1_find(iommu, &t, iova, access, leaf);
    case SOFTIOMMU_IDENTITY:
        *leaf = (struct leaf){.gpa = align_down(iova, BIT(12)), .flags = LEAF_WRITE | LEAF_DIRTY};
        return SOFTIOMMU_REASON_NONE;
    case SOFTIOMMU_BLOCKED:
        break;
    }
    return SOFTIOMMU_REASON_BLOCKED;
}

static enum softiommu_reason ask(struct softiommu *iommu, unsigned device, uint64_t iova,
                                 enum oracle_access access, struct leaf *leaf)
{
    bool ats = iommu->function[device].ats;
    enum softiommu_reason reason;

    if (iova >= INTERRUPT_WINDOW_FIRST && iova <= INTERRUPT_WINDOW_LAST)
        return SOFTIOMMU_REASON_INTERRUPT_WINDOW;
    if (ats && device_tlb_find(iommu, device, iova, access, leaf))
        return SOFTIOMMU_REASON_NONE;
    reason = ask_unit(iommu, device, iova, access, leaf);
    if (ats) {
        iommu->statistics.ats_requests++;
        if (reason == SOFTIOMMU_REASON_NONE)
            device_tlb_fill(iommu, device, iova, leaf);
    }
    return reason;
}

/* Bytes from `iova` to the end of its page, cut where the interrupt window begins. */
static uint64_t bytes_left(uint64_t iova, unsigned level)
{
    uint64_t page = format_size(level);
    uint64_t left = page - (iova & (page - 1));

    if (iova < INTERRUPT_WINDOW_FIRST && left > INTERRUPT_WINDOW_FIRST - iova)
        left = INTERRUPT_WINDOW_FIRST - iova;
    return left;
}

static enum softiommu_reason both_stages(struct softiommu *iommu, unsigned device, uint64_t iova,
                                         enum oracle_access access, uint64_t *spa, uint64_t *size)
{
    struct leaf leaf;
    enum softiommu_reason reason = ask(iommu, device, iova, access, &leaf);
    uint64_t offset, left, contiguous, at;

    if (reason != SOFTIOMMU_REASON_NONE)
        return reason;
    offset = iova & (format_size(leaf.level) - 1);
    if (!stage2(iommu, leaf.gpa + offset, access, &at, &contiguous))
        return SOFTIOMMU_REASON_TARGET_REFUSED;
    if (iommu->call.on_translation)
        iommu->call.on_translation(iommu->call.owner, device, &iommu->function[device].translation,
                                   iova, access, leaf.gpa + offset);
    left = bytes_left(iova, leaf.level);
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
    policy_evict(iommu, device);
    reason = both_stages(iommu, device, iova, access, spa, size);
    if (reason != SOFTIOMMU_REASON_NONE)
        fault_record(iommu, device, iova, access, reason);
    return reason;
}
