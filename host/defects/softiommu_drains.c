/* SPDX-License-Identifier: MIT */
/* Faults of the drain of requests in flight. */
#include "host/defects/softiommu_seams.h"
#include "host/softiommu/in_flight.h"

#define LAST_REQUESTS 256u

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

static const struct softiommu_request *newest_of_all(const struct softiommu *iommu)
{
    const struct softiommu_request *newest = NULL;

    for (unsigned i = 0; i < iommu->config.devices; i++) {
        const struct softiommu_request *r = iommu->function[i].newest;

        newest = r && (!newest || r->sequence > newest->sequence) ? r : newest;
    }
    return newest;
}

static void lose(const struct softiommu_request *request)
{
    struct level_of_request *known = known_of(request);

    if (known)
        known->lost = true;
}

/* All requests of the device are lost, but for the one that began with that number. */
static void lose_all(const struct softiommu *iommu, unsigned device, uint64_t but)
{
    for (struct softiommu_request *r = iommu->function[device].oldest; r; r = r->next)
        if (r->sequence != but)
            lose(r);
}

static void lose_of_unit(const struct softiommu *iommu)
{
    uint64_t oldest = UINT64_MAX;

    for (unsigned i = 0; i < iommu->config.devices; i++)
        if (iommu->function[i].oldest && iommu->function[i].oldest->sequence < oldest)
            oldest = iommu->function[i].oldest->sequence;
    for (unsigned i = 0; i < iommu->config.devices; i++)
        lose_all(iommu, i, oldest);
}

/* An end is remembered until the next request begins. */
void __wrap_in_flight_add(struct softiommu *iommu, unsigned device,
                          struct softiommu_request *request)
{
    const struct function *function = &iommu->function[device];

    if (softiommu_faulty) {
        if (softiommu_memory.newest_ended[device] && function->oldest &&
            softiommu_injected(SOFTIOMMU_FAULT_DRAIN_ENDS_MIXED))
            lose_all(iommu, device, function->oldest->sequence);
        if (softiommu_memory.newest_of_all_ended &&
            softiommu_injected(SOFTIOMMU_FAULT_DRAIN_ENDS_MIXED_UNIT))
            lose_of_unit(iommu);
        if (softiommu_memory.others_ended[device] != 0 && function->newest &&
            softiommu_injected(SOFTIOMMU_FAULT_DRAIN_PLACE_TAKEN))
            lose(function->newest);
        softiommu_memory.newest_ended[device] = softiommu_memory.newest_of_all_ended = false;
        softiommu_memory.others_ended[device] = 0;
    }
    __real_in_flight_add(iommu, device, request);
}

void __wrap_in_flight_remove(struct softiommu *iommu, const struct softiommu_request *request)
{
    if (softiommu_faulty) {
        bool others_follow = request->next;

        softiommu_memory.newest_ended[request->device] |= !others_follow;
        softiommu_memory.others_ended[request->device] += others_follow ? 1 : 0;
        softiommu_memory.newest_of_all_ended |= newest_of_all(iommu) == request;
    }
    __real_in_flight_remove(iommu, request);
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

/* By its number, of which the unit keeps some bits. */
static bool looks_younger(const struct softiommu_request *request, uint64_t until)
{
    return (softiommu_injected(SOFTIOMMU_FAULT_DRAIN_SEQUENCE_8) &&
            (uint8_t)request->sequence >= (uint8_t)until) ||
           (softiommu_injected(SOFTIOMMU_FAULT_DRAIN_SEQUENCE_16) &&
            (uint16_t)request->sequence >= (uint16_t)until) ||
           (softiommu_injected(SOFTIOMMU_FAULT_DRAIN_LAST_256) &&
            until - request->sequence > LAST_REQUESTS);
}

static bool is_let_be(const struct softiommu_request *request, uint64_t until)
{
    static const enum softiommu_fault of_level[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_DRAIN_2M, SOFTIOMMU_FAULT_DRAIN_1G};
    const struct level_of_request *known = known_of(request);

    if (looks_younger(request, until))
        return true;
    return known && (known->lost || softiommu_injected(of_level[known->level]) ||
                     (known->forgotten && softiommu_injected(SOFTIOMMU_FAULT_DRAIN_CACHED)));
}

/* The next one that the drain does not overlook. */
static struct softiommu_request *find_other(const struct softiommu *iommu, unsigned device,
                                            uint64_t until, uint32_t did)
{
    struct softiommu_request *r = __real_in_flight_find(iommu, device, until, did);

    while (r && is_let_be(r, until))
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
