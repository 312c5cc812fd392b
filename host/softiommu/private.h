/* SPDX-License-Identifier: MIT */
/* The IOMMU's state, shared by its files. */
#ifndef PVT_HOST_SOFTIOMMU_PRIVATE_H
#define PVT_HOST_SOFTIOMMU_PRIVATE_H

#include "host/softiommu/request.h"
#include "host/softiommu/softiommu.h"
#include "host/softiommu/statistics.h"
#include "host/softiommu/tlb.h"
#include "host/softiommu/walk_cache.h"

struct context_entry {
    bool valid;
    struct softiommu_translation translation;
};

struct fault_record {
    bool valid;
    enum softiommu_reason reason;
    enum oracle_access access;
    uint64_t iova, sequence;
    uint32_t lost;
};

/* A requester. */
struct function {
    struct softiommu_translation
        translation; /* the device table entry: what is in memory on real hardware */
    bool ats;
    struct tlb tlb;
    struct softiommu_request *oldest, *newest; /* in flight */
    struct fault_record fault;
};

struct softiommu {
    struct softiommu_config config;
    struct softiommu_rules rules;
    struct softiommu_callbacks call;
    struct prng prng;
    struct function *function; /* config.devices of them */
    struct context_entry *context;
    struct softiommu_cache_statistics context_statistics;
    struct tlb iotlb;
    struct walk_cache walk_cache;
    struct softiommu_statistics statistics;
    uint64_t request_sequence, fault_sequence;
};

#endif
