/* SPDX-License-Identifier: MIT */
#include "host/softiommu/request.h"

#include "host/softiommu/private.h"
#include "host/softiommu/request_end.h"

/* False when there is no room for another piece. */
static bool add_piece(struct softiommu_request *request, uint64_t spa, uint64_t size)
{
    struct softiommu_piece *last = request->pieces != 0 ? &request->piece[request->pieces - 1] : NULL;

    if (last != NULL && last->spa + last->size == spa) {
        last->size += size;
        return true;
    }
    if (request->pieces == request->piece_capacity)
        return false;
    request->piece[request->pieces++] = (struct softiommu_piece){.spa = spa, .size = size};
    return true;
}

static void put_in_flight(struct softiommu *iommu, unsigned device, struct softiommu_request *request)
{
    struct function *function = &iommu->function[device];

    request->device = device;
    request->tag = function->translation.tag;
    request->sequence = iommu->request_sequence++;
    request->next = NULL;
    request->previous = function->newest;
    if (function->newest != NULL)
        function->newest->next = request;
    else
        function->oldest = request;
    function->newest = request;
    request->state = SOFTIOMMU_REQUEST_IN_FLIGHT;
    iommu->statistics.requests++;
    iommu->statistics.in_flight++;
}

static uint64_t next_iova(const struct softiommu *iommu, const struct softiommu_request *request)
{
    static const unsigned width[] = {21, 30, 32, 39};
    uint64_t iova = request->iova + request->translated;

    for (unsigned i = 0; i < sizeof(width) / sizeof(width[0]); i++) {
        if (omitted(iommu, (enum softiommu_omission)(SOFTIOMMU_OMIT_WRAPS_2M + i)))
            iova = align_down(request->iova, BIT(width[i])) | (iova & (BIT(width[i]) - 1));
    }
    return iova;
}

bool softiommu_request_begin(struct softiommu *iommu, unsigned device, struct softiommu_request *request)
{
    request->state = SOFTIOMMU_REQUEST_IDLE;
    request->reason = SOFTIOMMU_REASON_NONE;
    request->translated = 0;
    request->pieces = 0;
    while (request->translated < request->length) {
        uint64_t left = request->length - request->translated;
        uint64_t spa, size;

        request->reason = softiommu_translate(iommu, device, next_iova(iommu, request), request->access, &spa, &size);
        if (request->reason != SOFTIOMMU_REASON_NONE)
            break;
        size = size < left ? size : left;
        if (!add_piece(request, spa, size))
            break;
        request->translated += size;
    }
    if (request->translated != 0)
        put_in_flight(iommu, device, request);
    return request->reason == SOFTIOMMU_REASON_NONE;
}
