/* SPDX-License-Identifier: MIT */
#include "host/softiommu/fault.h"

#include "host/softiommu/private.h"

void fault_record(struct softiommu *iommu, unsigned device, uint64_t iova,
                  enum oracle_access access, enum softiommu_reason reason)
{
    struct fault_record *record = &iommu->function[device].fault;

    iommu->statistics.faults++;
    if (record->valid) {
        record->lost++;
        return;
    }
    record->valid = true;
    record->reason = reason;
    record->access = access;
    record->iova = iova;
    record->sequence = iommu->fault_sequence++;
}

bool softiommu_take_fault(struct softiommu *iommu, unsigned device, bool clear,
                          struct oracle_fault *fault)
{
    struct fault_record *record;
    bool found;

    *fault = (struct oracle_fault){0};
    if (device >= iommu->config.devices)
        return false;
    record = &iommu->function[device].fault;
    found = record->valid;
    fault->lost = record->lost;
    record->lost = 0;
    if (!found)
        return false;
    fault->device_id = device;
    fault->iova = record->iova;
    fault->valid = ORACLE_FAULT_VALID;
    fault->access = record->access;
    fault->reason_class = softiommu_reason_class(record->reason);
    fault->raw_reason = record->reason;
    record->valid = !clear;
    return true;
}

unsigned softiommu_oldest_fault(const struct softiommu *iommu)
{
    unsigned oldest = iommu->config.devices;
    uint64_t sequence = UINT64_MAX;

    for (unsigned i = 0; i < iommu->config.devices; i++) {
        const struct fault_record *record = &iommu->function[i].fault;

        if (record->valid && record->sequence < sequence) {
            oldest = i;
            sequence = record->sequence;
        }
    }
    return oldest;
}
