/* SPDX-License-Identifier: MIT */
/* Registers, capabilities, switching on. */
#ifndef PVT_HOST_IOMMU_VTD_SETUP_H
#define PVT_HOST_IOMMU_VTD_SETUP_H

#include <stdbool.h>

/* False, with a log line, when the machine has no unit that can be used. */
bool vtd_find(void);
void vtd_queue_start(void);
void vtd_translation_start(void);

#endif
