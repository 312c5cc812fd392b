/* SPDX-License-Identifier: MIT */
/* The IOMMU's state, shared by its files. */
#ifndef PVT_HOST_SOFTIOMMU_PRIVATE_H
#define PVT_HOST_SOFTIOMMU_PRIVATE_H

#include "host/softiommu/late_store.h"
#include "host/softiommu/page_cache.h"
#include "host/softiommu/request.h"
#include "host/softiommu/softiommu.h"
#include "host/softiommu/statistics.h"
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
    struct softiommu_translation translation; /* the device table entry: what is in memory on real hardware */
    bool ats;
    struct page_cache tlb;
    struct softiommu_request *oldest, *newest; /* in flight */
    struct fault_record fault;
};

/* SOFTIOMMU_OMIT_DELETE_KEEPS_ROOT: the last deleted domains. */
#define KEPT_ROOTS 16u

/* SOFTIOMMU_OMIT_SPLIT_REFUSED, SOFTIOMMU_OMIT_MERGE_REFUSED: how 2 MiB of a domain were mapped when they were met. */
struct met_size {
    uint16_t tag;
    uint64_t page; /* IOVA >> 21 */
    bool is_leaf;
};
#define MET_SIZES 16u

struct softiommu {
    struct softiommu_config config;
    struct softiommu_callbacks call;
    struct dice dice;
    struct function *function; /* config.devices of them */
    struct context_entry *context;
    struct softiommu_cache_statistics context_statistics;
    struct page_cache iotlb;
    struct walk_cache walk_cache;
    struct softiommu_statistics statistics;
    uint64_t request_sequence, fault_sequence;
    /* For omissions only. */
    struct late_stores late;
    struct softiommu_translation kept_root[KEPT_ROOTS];
    unsigned kept_roots;
    struct met_size met[MET_SIZES];
};

static inline bool omitted(const struct softiommu *iommu, enum softiommu_omission omission)
{
    return softiommu_omitted(&iommu->config.omissions, omission);
}

/* What should drop a cached page. */
enum drop_event { DROP_DOMAIN_FLUSH, DROP_RANGE_FLUSH, DROP_ATTACH, DROP_DETACH, DROP_DEVICE_TLB, DROP_DELETE };

/* Bit n: an omission keeps the pages of level n in spite of the event. */
static inline unsigned kept_levels(const struct softiommu *iommu, enum drop_event event)
{
    unsigned kept = omitted(iommu, SOFTIOMMU_OMIT_KEPT_1G_ALWAYS) ? 1u << 2 : 0;

    if (event == DROP_DELETE)
        return kept;
    if (omitted(iommu, (enum softiommu_omission)(SOFTIOMMU_OMIT_KEPT_1G_DOMAIN_FLUSH + event)))
        kept |= 1u << 2;
    if (omitted(iommu, (enum softiommu_omission)(SOFTIOMMU_OMIT_KEPT_2M_DOMAIN_FLUSH + event)))
        kept |= 1u << 1;
    return kept;
}

#endif
