/* SPDX-License-Identifier: MIT */
/* The switch of a device from one translation to another. */
#include "host/softiommu/context_cache.h"
#include "host/softiommu/device_tlb.h"
#include "host/softiommu/leave.h"
#include "host/softiommu/request_end.h"

static bool valid(const struct softiommu_translation *t)
{
    switch (t->kind) {
    case SOFTIOMMU_BLOCKED:
    case SOFTIOMMU_IDENTITY:
        return true;
    case SOFTIOMMU_PAGING:
        break;
    default:
        return false;
    }
    return (t->levels == 4 || t->levels == 5) && (t->root & ~BITS(51, 12)) == 0;
}

static void moment(const struct softiommu *iommu, unsigned device)
{
    if (iommu->call.moment != NULL)
        iommu->call.moment(iommu->call.owner, device);
}

/* A state between old and new that only a defective unit goes through. */
static void in_between(struct softiommu *iommu, unsigned device, const struct softiommu_translation *t)
{
    iommu->function[device].translation = *t;
    context_drop(iommu, device);
    moment(iommu, device);
    context_drop(iommu, device);
}

static void attach_omissions(struct softiommu *iommu, unsigned device, const struct softiommu_translation *from,
                             const struct softiommu_translation *to)
{
    struct softiommu_translation t = {.kind = SOFTIOMMU_IDENTITY, .tag = from->tag};

    if (omitted(iommu, SOFTIOMMU_OMIT_ATTACH_PASSES_THROUGH) ||
        (omitted(iommu, SOFTIOMMU_OMIT_ATTACH_UNBLOCKS_FIRST) && from->kind == SOFTIOMMU_BLOCKED))
        in_between(iommu, device, &t);
    t.kind = SOFTIOMMU_BLOCKED;
    if (omitted(iommu, SOFTIOMMU_OMIT_ATTACH_BLOCKS))
        in_between(iommu, device, &t);
    t = *to;
    t.tag = from->tag;
    if (omitted(iommu, SOFTIOMMU_OMIT_ATTACH_TWO_STEPS))
        in_between(iommu, device, &t);
}

/* What the device table gets: `to`, but for omissions. */
static struct softiommu_translation entry_for(const struct softiommu *iommu, const struct softiommu_translation *from,
                                              const struct softiommu_translation *to, enum softiommu_switch how)
{
    struct softiommu_translation t = *to;

    if (t.kind == SOFTIOMMU_PAGING)
        t.root = leave_kept_root(iommu, &t);
    if (how == SOFTIOMMU_ATTACH && omitted(iommu, SOFTIOMMU_OMIT_ATTACH_KEEPS_TAG))
        t.tag = from->tag;
    return t;
}

static bool device_tlb_forgotten(const struct softiommu *iommu, const struct softiommu_translation *to,
                                 enum softiommu_switch how)
{
    if (how == SOFTIOMMU_DETACH)
        return omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_DETACH);
    if (to->kind == SOFTIOMMU_BLOCKED)
        return omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_BLOCKING);
    return omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_ATTACH);
}

static bool drain_forgotten(const struct softiommu *iommu, const struct softiommu_translation *from,
                            enum softiommu_switch how)
{
    if (from->kind == SOFTIOMMU_IDENTITY && omitted(iommu, SOFTIOMMU_OMIT_DRAIN_IDENTITY))
        return true;
    return omitted(iommu, how == SOFTIOMMU_DETACH ? SOFTIOMMU_OMIT_DRAIN_DETACH : SOFTIOMMU_OMIT_DRAIN_ATTACH);
}

static void invalidate(struct softiommu *iommu, unsigned device, const struct softiommu_translation *from,
                       const struct softiommu_translation *to, enum softiommu_switch how)
{
    bool detach = how == SOFTIOMMU_DETACH;

    if (!omitted(iommu, detach ? SOFTIOMMU_OMIT_CONTEXT_DETACH : SOFTIOMMU_OMIT_CONTEXT_ATTACH))
        context_drop(iommu, device);
    if (!device_tlb_forgotten(iommu, to, how))
        device_tlb_drop_all(iommu, device);
    leave_domain(iommu, from->tag, how);
    if (!drain_forgotten(iommu, from, how))
        softiommu_drain_device(iommu, device);
    late_store_release(iommu, from->tag);
}

bool softiommu_switch_device(struct softiommu *iommu, unsigned device, const struct softiommu_translation *to,
                             enum softiommu_switch how)
{
    struct softiommu_translation from;

    if (device >= iommu->config.devices || !valid(to))
        return false;
    iommu->statistics.switches++;
    moment(iommu, device);
    from = iommu->function[device].translation;
    if (how == SOFTIOMMU_ATTACH)
        attach_omissions(iommu, device, &from, to);
    /* The one step: every look at the device table from here on sees the new translation as a whole. */
    iommu->function[device].translation = entry_for(iommu, &from, to, how);
    invalidate(iommu, device, &from, to, how);
    moment(iommu, device);
    return true;
}

struct softiommu_translation softiommu_translation_of(const struct softiommu *iommu, unsigned device)
{
    return iommu->function[device].translation;
}
