/* SPDX-License-Identifier: MIT */
#include "host/softiommu/in_flight.h"

void in_flight_add(struct softiommu *iommu, unsigned device, struct softiommu_request *request)
{
    struct function *function = &iommu->function[device];

    request->device = device;
    request->did = function->translation.did;
    request->sequence = iommu->request_sequence++;
    request->next = NULL;
    request->previous = function->newest;
    if (function->newest)
        function->newest->next = request;
    else
        function->oldest = request;
    function->newest = request;
    request->state = SOFTIOMMU_REQUEST_IN_FLIGHT;
    iommu->statistics.in_flight++;
}

void in_flight_remove(struct softiommu *iommu, const struct softiommu_request *request)
{
    struct function *function = &iommu->function[request->device];

    if (request->previous)
        request->previous->next = request->next;
    else
        function->oldest = request->next;
    if (request->next)
        request->next->previous = request->previous;
    else
        function->newest = request->previous;
    iommu->statistics.in_flight--;
}

struct softiommu_request *in_flight_find(const struct softiommu *iommu, unsigned device,
                                         uint64_t until, uint32_t did)
{
    struct softiommu_request *request = iommu->function[device].oldest;

    while (request && did != ANY_DID && request->did != did)
        request = request->next;
    return request && request->sequence < until ? request : NULL;
}
