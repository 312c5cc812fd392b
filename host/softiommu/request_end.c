/* SPDX-License-Identifier: MIT */
/* How requests end: let go by the device, drained, or abandoned. */
#include "host/softiommu/request_end.h"

#include "host/softiommu/private.h"

static void land(struct softiommu *iommu, struct softiommu_request *request)
{
    const struct softiommu_callbacks *call = &iommu->call;
    uint64_t offset = 0;

    for (unsigned i = 0; i < request->pieces; i++) {
        const struct softiommu_piece *piece = &request->piece[i];
        uint8_t *bytes = request->buffer;

        if (request->touch != NULL)
            request->touch(request, piece->spa, offset, piece->size);
        else if (request->access == ORACLE_ACCESS_WRITE)
            call->copy_to(call->owner, piece->spa, bytes + offset, piece->size);
        else
            call->copy_from(call->owner, bytes + offset, piece->spa, piece->size);
        offset += piece->size;
    }
    iommu->statistics.bytes += offset;
}

static void take_out(struct softiommu *iommu, struct softiommu_request *request)
{
    struct function *function = &iommu->function[request->device];

    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        function->oldest = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    else
        function->newest = request->previous;
    iommu->statistics.in_flight--;
}

static void end(struct softiommu *iommu, struct softiommu_request *request, enum softiommu_request_state state)
{
    take_out(iommu, request);
    land(iommu, request);
    request->state = state;
    if (request->done != NULL)
        request->done(request);
}

void softiommu_request_complete(struct softiommu *iommu, struct softiommu_request *request)
{
    if (request->state != SOFTIOMMU_REQUEST_IN_FLIGHT)
        return;
    iommu->statistics.completed++;
    end(iommu, request, SOFTIOMMU_REQUEST_COMPLETED);
}

void softiommu_request_abandon(struct softiommu *iommu, struct softiommu_request *request)
{
    if (request->state != SOFTIOMMU_REQUEST_IN_FLIGHT)
        return;
    iommu->statistics.abandoned++;
    take_out(iommu, request);
    request->state = SOFTIOMMU_REQUEST_IDLE;
}

static bool waited_for(const struct softiommu *iommu, const struct softiommu_request *request, bool any, uint16_t tag)
{
    if (request->access == ORACLE_ACCESS_READ && omitted(iommu, SOFTIOMMU_OMIT_DRAIN_READS))
        return false;
    return any || request->tag == tag;
}

/* The oldest request of the device from before `until`, under the tag or any. */
static struct softiommu_request *find(const struct softiommu *iommu, unsigned device, uint64_t until, bool any,
                                      uint16_t tag)
{
    struct softiommu_request *request = iommu->function[device].oldest;

    while (request != NULL && request->sequence < until && !waited_for(iommu, request, any, tag))
        request = request->next;
    return request != NULL && request->sequence < until ? request : NULL;
}

/* Looks anew after each, because `done` may begin requests; those are younger and not waited for. */
static bool drain(struct softiommu *iommu, unsigned device, bool any, uint16_t tag)
{
    uint64_t until = iommu->request_sequence;
    struct softiommu_request *request;
    bool found = false;

    while ((request = find(iommu, device, until, any, tag)) != NULL) {
        iommu->statistics.drained++;
        end(iommu, request, SOFTIOMMU_REQUEST_DRAINED);
        found = true;
        if (omitted(iommu, SOFTIOMMU_OMIT_DRAIN_OLDEST))
            break;
    }
    return found;
}

bool drain_function(struct softiommu *iommu, unsigned device, uint16_t tag)
{
    return drain(iommu, device, false, tag);
}

void softiommu_drain_device(struct softiommu *iommu, unsigned device)
{
    if (device < iommu->config.devices)
        drain(iommu, device, true, 0);
}

void softiommu_drain_domain(struct softiommu *iommu, uint16_t tag)
{
    for (unsigned i = 0; i < iommu->config.devices; i++) {
        if (drain_function(iommu, i, tag) && omitted(iommu, SOFTIOMMU_OMIT_DRAIN_SECOND))
            return;
    }
}
