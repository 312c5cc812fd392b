/* SPDX-License-Identifier: MIT */
/* Queued invalidation. */
#ifndef PVT_HOST_IOMMU_VTD_QUEUE_H
#define PVT_HOST_IOMMU_VTD_QUEUE_H

#include "host/iommu/vtd_regs.h"
#include <stdbool.h>
#include <stdint.h>

/* Puts descriptors in the queue and waits until the unit has carried them out. */
void vtd_submit(const struct vtd_descriptor *descriptor, unsigned count);
void vtd_invalidate_all(void);
/* After a function's tables changed; `old_did` 0: nothing can be cached. */
void vtd_invalidate_function(uint16_t requester, uint16_t old_did, bool translations);

#endif
