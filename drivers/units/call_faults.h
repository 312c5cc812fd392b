/* SPDX-License-Identifier: MIT */
/*
 * Faults of what an operation checks and answers (option unit-fault), in front of the table of
 * operations: unit_faults.h has those of what a unit is told.
 */
#ifndef PVT_DRIVERS_UNITS_CALL_FAULTS_H
#define PVT_DRIVERS_UNITS_CALL_FAULTS_H

#include <stdbool.h>

#include "drivers/iommu.h"

/* In place of the one before; false for a name that no such fault has, and then none. */
bool call_fault_choose(const char *name);
/* The back end with the chosen fault in front of it, or the back end itself. */
const struct iommu_backend *backend_with_fault(const struct iommu_backend *backend);

#endif
