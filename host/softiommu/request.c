/* SPDX-License-Identifier: MIT */
#include "host/softiommu/request.h"

#include "host/softiommu/in_flight.h"

/* False when there is no room for another piece. */
static bool add_piece(struct softiommu_request *request, uint64_t spa, uint64_t size)
{
    struct softiommu_piece *last =
        request->pieces != 0 ? &request->piece[request->pieces - 1] : NULL;

    if (last && last->spa + last->size == spa) {
        last->size += size;
        return true;
    }
    if (request->pieces == request->piece_capacity)
        return false;
    request->piece[request->pieces++] = (struct softiommu_piece){.spa = spa, .size = size};
    return true;
}

bool softiommu_request_begin(struct softiommu *iommu, unsigned device,
                             struct softiommu_request *request)
{
    request->state = SOFTIOMMU_REQUEST_IDLE;
    request->reason = SOFTIOMMU_REASON_NONE;
    request->translated = 0;
    request->pieces = 0;
    while (request->translated < request->length) {
        uint64_t left = request->length - request->translated;
        uint64_t spa, size;

        request->reason = softiommu_translate(iommu, device, request->iova + request->translated,
                                              request->access, &spa, &size);
        if (request->reason != SOFTIOMMU_REASON_NONE)
            break;
        size = size < left ? size : left;
        if (!add_piece(request, spa, size))
            break;
        request->translated += size;
    }
    if (request->translated != 0) {
        iommu->statistics.requests++;
        in_flight_add(iommu, device, request);
    }
    return request->reason == SOFTIOMMU_REASON_NONE;
}
