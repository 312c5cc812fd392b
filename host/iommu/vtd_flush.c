/* SPDX-License-Identifier: MIT */
/*
 * Flushes of a domain, by its DID and PASID 0. The page descriptor of the plain IOTLB is never
 * used: on first-stage entries it drops the whole domain, and the host would hide missing flushes
 * of its guest.
 */
#include "host/iommu/vtd_flush.h"

#include "host/base/counters.h"
#include "host/iommu/vtd_fault.h"
#include "host/iommu/vtd_queue.h"
#include "host/iommu/vtd_unit.h"
#include "lib/bits.h"

void vtd_flush_domain(const struct translation *t)
{
    struct vtd_descriptor flush = {
        {VTD_DESC_P_IOTLB | VTD_DESC_G(VTD_P_IOTLB_PASID) | VTD_DESC_DID(t->did)}};

    vtd_faults_drain();
    cpu_counters()->flush_domain_ops++;
    vtd_submit(&flush, 1);
}

void vtd_flush_range(const struct translation *t, struct page_range range)
{
    unsigned shift = log2_floor(range.count);
    struct vtd_descriptor flush = {
        {VTD_DESC_P_IOTLB | VTD_DESC_G(VTD_P_IOTLB_PAGES) | VTD_DESC_DID(t->did),
         range.first << 12 | shift}};

    if (shift > vtd_cap_mamv(vtd_unit.cap)) {
        vtd_flush_domain(t);
        return;
    }
    vtd_faults_drain();
    cpu_counters()->flush_range_ops++;
    vtd_submit(&flush, 1);
}
