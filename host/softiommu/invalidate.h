/* SPDX-License-Identifier: MIT */
/* Invalidation: an event drops entries of caches and drains requests in flight. */
#ifndef PVT_HOST_SOFTIOMMU_INVALIDATE_H
#define PVT_HOST_SOFTIOMMU_INVALIDATE_H

#include "host/softiommu/page_span.h"
#include "host/softiommu/softiommu.h"

/* The domain, devices and pages that an event is about. */
struct scope {
    uint16_t did;      /* the domain whose IOTLB entries and walk caches go */
    bool domain_stays; /* other devices go on using the domain: its entries stay */
    unsigned device;   /* whose context entry, TLB and requests; EVERY_DEVICE: TLBs and requests of
                          the whole domain */
    struct page_span pages;
};
#define EVERY_DEVICE UINT32_MAX

/* Does in `scope` what the rules say of the event. Entries go before requests are waited for, so
 * that a request that begins during the drain sees the tables. */
void invalidate(struct softiommu *iommu, enum softiommu_event event, const struct scope *scope);

#endif
