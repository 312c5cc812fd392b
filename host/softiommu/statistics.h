/* SPDX-License-Identifier: MIT */
/* Counts of the software IOMMU since it was initialized. */
#ifndef PVT_HOST_SOFTIOMMU_STATISTICS_H
#define PVT_HOST_SOFTIOMMU_STATISTICS_H

#include "host/softiommu/softiommu.h"

struct softiommu_cache_statistics {
    uint64_t hits, misses;  /* look-ups */
    uint64_t fills;         /* entries written, new or in place of the same key */
    uint64_t evictions;     /* entries dropped by policy or for want of room */
    uint64_t invalidations; /* entries dropped by flush, switch or delete */
    uint64_t visited;       /* entries or hash buckets that invalidations looked at: their cost */
    uint64_t entries;       /* held now */
};

enum softiommu_cache {
    SOFTIOMMU_IOTLB,      /* index 0 */
    SOFTIOMMU_WALK_CACHE, /* index: level 1..4 */
    SOFTIOMMU_DEVICE_TLB, /* index: device */
    SOFTIOMMU_CONTEXT,    /* index 0 */
};

struct softiommu_statistics {
    uint64_t translations, faults;
    uint64_t walks, table_reads; /* table_reads: entries, also of prefetches */
    uint64_t ats_requests;
    uint64_t domain_flushes, range_flushes, switches, deletes;
    uint64_t requests;                      /* begun with at least one byte translated */
    uint64_t completed, drained, abandoned; /* how they ended */
    uint64_t in_flight;                     /* now */
    uint64_t bytes;                         /* moved */
};

/* False, and *statistics is zero, when there is no such cache. */
bool softiommu_cache_statistics(const struct softiommu *iommu, enum softiommu_cache cache,
                                unsigned index, struct softiommu_cache_statistics *statistics);
struct softiommu_statistics softiommu_statistics(const struct softiommu *iommu);

#endif
