/* SPDX-License-Identifier: MIT */
/* Faults of the drain of requests in flight. */
#include "host/defects/softiommu_seams.h"
#include "host/softiommu/in_flight.h"

static struct softiommu_request *find_write(const struct softiommu *iommu, unsigned device,
                                            uint64_t until, uint32_t did)
{
    for (struct softiommu_request *r = iommu->function[device].oldest; r && r->sequence < until;
         r = r->next)
        if (r->access == ORACLE_ACCESS_WRITE && (did == ANY_DID || r->did == did))
            return r;
    return NULL;
}

/* Whether the drain has done all that it does, before it looks at the device. */
static bool is_over(unsigned device)
{
    bool again = softiommu_memory.invalidation.drained_device == device;

    if (softiommu_injected(SOFTIOMMU_FAULT_DRAIN_IDENTITY) && softiommu_memory.leaving_identity)
        return true;
    return softiommu_memory.invalidation.drained &&
           softiommu_injected(again ? SOFTIOMMU_FAULT_DRAIN_OLDEST : SOFTIOMMU_FAULT_DRAIN_SECOND);
}

struct softiommu_request *__wrap_in_flight_find(const struct softiommu *iommu, unsigned device,
                                                uint64_t until, uint32_t did)
{
    struct softiommu_request *request;

    if (!softiommu_faulty)
        return __real_in_flight_find(iommu, device, until, did);
    if (is_over(device))
        return NULL;
    request = softiommu_injected(SOFTIOMMU_FAULT_DRAIN_READS)
                  ? find_write(iommu, device, until, did)
                  : __real_in_flight_find(iommu, device, until, did);
    if (request) {
        softiommu_memory.invalidation.drained = true;
        softiommu_memory.invalidation.drained_device = device;
    }
    return request;
}
