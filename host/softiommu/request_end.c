/* SPDX-License-Identifier: MIT */
/* How requests end: completed by the device, drained, or abandoned. */
#include "host/softiommu/in_flight.h"

static void touch_memory(struct softiommu *iommu, struct softiommu_request *request)
{
    const struct softiommu_callbacks *call = &iommu->call;
    uint64_t offset = 0;

    for (unsigned i = 0; i < request->pieces; i++) {
        const struct softiommu_piece *piece = &request->piece[i];
        uint8_t *bytes = request->buffer;

        if (request->touch)
            request->touch(request, piece->spa, offset, piece->size);
        else if (request->access == ORACLE_ACCESS_WRITE)
            call->copy_to(call->owner, piece->spa, bytes + offset, piece->size);
        else
            call->copy_from(call->owner, bytes + offset, piece->spa, piece->size);
        offset += piece->size;
    }
    iommu->statistics.bytes += offset;
}

static void end(struct softiommu *iommu, struct softiommu_request *request,
                enum softiommu_request_state state)
{
    in_flight_remove(iommu, request);
    touch_memory(iommu, request);
    request->state = state;
    if (request->done)
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
    in_flight_remove(iommu, request);
    request->state = SOFTIOMMU_REQUEST_IDLE;
}

/* Looks again after each, because `done` may begin requests; those are younger and not waited for.
 */
static void drain(struct softiommu *iommu, unsigned device, uint64_t until, uint32_t did)
{
    struct softiommu_request *request;

    while ((request = in_flight_find(iommu, device, until, did))) {
        iommu->statistics.drained++;
        end(iommu, request, SOFTIOMMU_REQUEST_DRAINED);
    }
}

void softiommu_drain_device(struct softiommu *iommu, unsigned device)
{
    if (device < iommu->config.devices)
        drain(iommu, device, iommu->request_sequence, ANY_DID);
}

void softiommu_drain_domain(struct softiommu *iommu, uint16_t did)
{
    for (unsigned i = 0; i < iommu->config.devices; i++)
        drain(iommu, i, iommu->request_sequence, did);
}
