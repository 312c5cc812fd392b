/* SPDX-License-Identifier: MIT */
/* The switch of a device from one translation to another. */
#include "host/softiommu/invalidate.h"
#include "host/softiommu/private.h"

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

static void on_switch_step(const struct softiommu *iommu, unsigned device)
{
    if (iommu->call.on_switch_step)
        iommu->call.on_switch_step(iommu->call.owner, device);
}

static bool has_devices(const struct softiommu *iommu, uint16_t did)
{
    for (unsigned i = 0; i < iommu->config.devices; i++)
        if (iommu->function[i].translation.did == did)
            return true;
    return false;
}

static enum softiommu_event event_of(const struct softiommu_translation *to,
                                     enum softiommu_switch how)
{
    if (how == SOFTIOMMU_DETACH)
        return SOFTIOMMU_EVENT_DETACH;
    return to->kind == SOFTIOMMU_BLOCKED ? SOFTIOMMU_EVENT_ATTACH_BLOCKING : SOFTIOMMU_EVENT_ATTACH;
}

bool softiommu_switch_device(struct softiommu *iommu, unsigned device,
                             const struct softiommu_translation *to, enum softiommu_switch how)
{
    struct scope scope = {.device = device, .pages = all_pages};

    if (device >= iommu->config.devices || !valid(to))
        return false;
    iommu->statistics.switches++;
    on_switch_step(iommu, device);
    scope.did = iommu->function[device].translation.did;
    /* The one step: every look at the device table from here on sees the new translation as a
     * whole. */
    iommu->function[device].translation = *to;
    scope.domain_stays = has_devices(iommu, scope.did) ||
                         (iommu->config.keep_idle_domains && how == SOFTIOMMU_ATTACH);
    invalidate(iommu, event_of(to, how), &scope);
    on_switch_step(iommu, device);
    return true;
}
