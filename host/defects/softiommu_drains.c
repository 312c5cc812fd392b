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

/* A younger request than all that are in flight has ended. */
static bool is_overtaken(const struct softiommu *iommu, unsigned device, uint32_t did)
{
    const struct softiommu_request *newest = iommu->function[device].newest;

    return newest && newest->sequence < softiommu_memory.youngest[device] &&
           softiommu_injected(did == ANY_DID ? SOFTIOMMU_FAULT_DRAIN_OVERTAKEN_SWITCH
                                             : SOFTIOMMU_FAULT_DRAIN_OVERTAKEN_FLUSH);
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

/* The level of the page that has translated it; 0 when that is forgotten. */
static unsigned level_of(const struct softiommu_request *request)
{
    for (unsigned i = softiommu_memory.levels_known, seen = 0; i > 0 && seen < REQUESTS_KNOWN;
         seen++) {
        const struct level_of_request *known = &softiommu_memory.level_of[--i % REQUESTS_KNOWN];

        if (known->request == request)
            return known->level;
    }
    return 0;
}

static bool is_let_be(const struct softiommu_request *request)
{
    static const enum softiommu_fault of_level[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_DRAIN_2M, SOFTIOMMU_FAULT_DRAIN_1G};

    return softiommu_injected(of_level[level_of(request)]);
}

/* The next one that the drain does not overlook. */
static struct softiommu_request *find_other(const struct softiommu *iommu, unsigned device,
                                            uint64_t until, uint32_t did)
{
    struct softiommu_request *r = __real_in_flight_find(iommu, device, until, did);

    while (r && is_let_be(r))
        do
            r = r->next;
        while (r && did != ANY_DID && r->did != did);
    return r && r->sequence < until ? r : NULL;
}

struct softiommu_request *__wrap_in_flight_find(const struct softiommu *iommu, unsigned device,
                                                uint64_t until, uint32_t did)
{
    struct softiommu_request *request;

    if (!softiommu_faulty)
        return __real_in_flight_find(iommu, device, until, did);
    if (is_over(device) || is_overtaken(iommu, device, did))
        return NULL;
    request = softiommu_injected(SOFTIOMMU_FAULT_DRAIN_READS)
                  ? find_write(iommu, device, until, did)
                  : find_other(iommu, device, until, did);
    if (request) {
        softiommu_memory.invalidation.drained = true;
        softiommu_memory.invalidation.drained_device = device;
    }
    return request;
}
