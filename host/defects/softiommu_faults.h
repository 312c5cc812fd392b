/* SPDX-License-Identifier: MIT */
/*
 * Faults of the software IOMMU: the rows DEFECT_SOFT of defects.def. The IOMMU itself knows none of
 * them. A fault is a cleared cell in its rules, or an effect at one of its seams
 * (softiommu_seams.h).
 */
#ifndef PVT_HOST_DEFECTS_SOFTIOMMU_FAULTS_H
#define PVT_HOST_DEFECTS_SOFTIOMMU_FAULTS_H

#include <stdbool.h>

#include "host/softiommu/rules.h"

enum softiommu_fault {
#define DEFECT(enumerator, name, requirements, sentence)
#define DEFECT_SOFT(fault, name, requirements, sentence) SOFTIOMMU_FAULT_##fault,
#include "host/defects/defects.def"
    SOFTIOMMU_FAULTS,
    SOFTIOMMU_NO_FAULT = SOFTIOMMU_FAULTS /* never injected */
};

/* Before softiommu_init() with these rules; several may be injected. */
void softiommu_inject(enum softiommu_fault fault, struct softiommu_rules *rules);
/* No fault is injected, and nothing is remembered of any IOMMU. */
void softiommu_faults_reset(void);

/* Any fault at all: the one look of every seam of a right IOMMU. */
extern bool softiommu_faulty;
bool softiommu_injected(enum softiommu_fault fault);

#endif
