/* SPDX-License-Identifier: MIT */
/* One device, one mapped page: the start of most tests of the caches. */
#ifndef PVT_TESTS_UNIT_SOFTIOMMU_CACHED_H
#define PVT_TESTS_UNIT_SOFTIOMMU_CACHED_H

#include "tests/unit/softiommu_fixture.h"

#define DID  5u
#define IOVA UINT64_C(0x345678000)
#define DATA (RAM + 0x30000)
#define NEW  (RAM + 0x50000)

static inline struct softiommu_translation mapped(struct machine *m, uint16_t did, uint64_t iova,
                                                  uint64_t bits)
{
    struct softiommu_translation t = domain_new(m, 4, did);

    map(m, &t, iova, DATA, bits);
    attach(m, 0, &t);
    return t;
}

static inline uint64_t all_entries(const struct machine *m)
{
    uint64_t entries = cache_of(m, SOFTIOMMU_IOTLB, 0).entries;

    for (unsigned level = 1; level <= 4; level++)
        entries += cache_of(m, SOFTIOMMU_WALK_CACHE, level).entries;
    for (unsigned i = 0; i < m->config.devices; i++)
        entries += cache_of(m, SOFTIOMMU_DEVICE_TLB, i).entries;
    return entries;
}

#endif
