/* SPDX-License-Identifier: MIT */
/* Fault records in the order in which the backend saw them, for the oracle. */
#ifndef PVT_HOST_IOMMU_FAULT_QUEUE_H
#define PVT_HOST_IOMMU_FAULT_QUEUE_H

#include <stdbool.h>

#include "abi/oracle.h"

/* `fault` with every field but `valid`, `lost` and `reserved`. When the queue is full the new
 * record is lost. */
void fault_queue_add(const struct oracle_fault *fault);
/* Records that the unit itself dropped. */
void fault_queue_lose(uint32_t records);
/* Oldest record of the device, or of ORACLE_FAULT_ANY_DEVICE; removes it when `clear`. Always fills
 * `fault` and resets the count of lost records; false when there is none. */
bool fault_queue_take(uint64_t device_id, bool clear, struct oracle_fault *fault);

#endif
