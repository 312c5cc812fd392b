/* SPDX-License-Identifier: MIT */
/* Root, context and PASID tables. */
#ifndef PVT_HOST_IOMMU_VTD_TABLES_H
#define PVT_HOST_IOMMU_VTD_TABLES_H

#include "host/iommu/backend.h"
#include "host/iommu/vtd_unit.h"

/* Makes stores visible to a unit that walks memory without snooping caches (ECAP.C clear). */
void vtd_publish(const void *start, size_t length);

/* Builds the tables for the functions on the bus. */
void vtd_tables_build(void);
/* NULL when the requester is not managed. */
struct vtd_function *vtd_function_find(uint16_t requester);
/* Makes the spare table say `t` and switches to it by one store. */
void vtd_function_point(struct vtd_function *function, const struct translation *t);

#endif
