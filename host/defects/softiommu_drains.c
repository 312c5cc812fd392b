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

/* NULL when nothing is known of it any more. */
static struct level_of_request *known_of(const struct softiommu_request *request)
{
    for (unsigned i = softiommu_memory.levels_known, seen = 0; i > 0 && seen < REQUESTS_KNOWN;
         seen++) {
        struct level_of_request *known = &softiommu_memory.level_of[--i % REQUESTS_KNOWN];

        if (known->request == request)
            return known;
    }
    return NULL;
}

void drain_note_cached(const struct softiommu *iommu, bool flush)
{
    for (unsigned i = 0; i < iommu->config.devices; i++)
        for (struct softiommu_request *r = iommu->function[i].oldest; r; r = r->next) {
            struct page_span pages = {r->iova >> 12, (r->iova + r->length - 1) >> 12};
            struct level_of_request *known = known_of(r);

            if (known)
                known->forgotten = flush && !iotlb_holds(iommu, r->did, pages);
        }
}

bool drain_is_skipped(const struct softiommu *iommu, enum softiommu_event event,
                      const struct scope *scope)
{
    static const enum softiommu_fault of_event[SOFTIOMMU_EVENTS] = {
        [SOFTIOMMU_EVENT_DOMAIN_FLUSH] = SOFTIOMMU_FAULT_DRAIN_DROPPED_DOMAIN,
        [SOFTIOMMU_EVENT_RANGE_FLUSH] = SOFTIOMMU_FAULT_DRAIN_DROPPED_RANGE,
        [SOFTIOMMU_EVENT_ATTACH] = SOFTIOMMU_FAULT_DRAIN_DROPPED_SWITCH,
        [SOFTIOMMU_EVENT_ATTACH_BLOCKING] = SOFTIOMMU_FAULT_DRAIN_DROPPED_SWITCH,
        [SOFTIOMMU_EVENT_DETACH] = SOFTIOMMU_FAULT_DRAIN_DROPPED_SWITCH,
        [SOFTIOMMU_EVENT_DELETE] = SOFTIOMMU_NO_FAULT,
        [SOFTIOMMU_EVENT_ATS_CHANGE] = SOFTIOMMU_NO_FAULT,
    };

    return softiommu_injected(of_event[event]) && !softiommu_memory.leaving_identity &&
           !iotlb_holds(iommu, scope->did, scope->pages);
}

static bool is_let_be(const struct softiommu_request *request)
{
    static const enum softiommu_fault of_level[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_DRAIN_2M, SOFTIOMMU_FAULT_DRAIN_1G};
    const struct level_of_request *known = known_of(request);

    return known && (softiommu_injected(of_level[known->level]) ||
                     (known->forgotten && softiommu_injected(SOFTIOMMU_FAULT_DRAIN_CACHED)));
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
