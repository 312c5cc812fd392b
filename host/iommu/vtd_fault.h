/* SPDX-License-Identifier: MIT */
/* Fault records of the unit. */
#ifndef PVT_HOST_IOMMU_VTD_FAULT_H
#define PVT_HOST_IOMMU_VTD_FAULT_H

#include "abi/oracle.h"
#include <stdbool.h>
#include <stdint.h>

/* Moves the records to per-device storage. */
void vtd_faults_drain(void);
bool vtd_take_fault(uint64_t device_id, bool clear, struct oracle_fault *fault);

#endif
