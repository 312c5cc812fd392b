/* SPDX-License-Identifier: MIT */
/* One walk through the guest's tables (stage 1). */
#ifndef PVT_HOST_SOFTIOMMU_WALK_H
#define PVT_HOST_SOFTIOMMU_WALK_H

#include "host/softiommu/format.h"
#include "host/softiommu/softiommu.h"
#include "host/softiommu/tlb.h"

/* Rights that all levels so far give. */
#define RIGHT_WRITE 0x01u
#define RIGHT_USER  0x02u

/* Besides enum softiommu_reason, inside a walk: an entry has changed, start over. */
#define WALK_AGAIN ((enum softiommu_reason)255)

struct walk {
    struct softiommu *iommu;
    const struct format *format;
    uint64_t root;
    uint16_t did;
    uint64_t iova;
    enum oracle_access access;
    /* Its position. */
    unsigned level;
    uint64_t table; /* GPA of the table of this level */
    uint8_t rights; /* of the levels above */
};

/* Finds the leaf of walk->iova; iommu, format, root, did, iova and access are set. Fills caches on
 * the way. */
enum softiommu_reason walk_run(struct walk *walk, struct leaf *leaf);

/* For prefetches too. */
bool walk_reserved(const struct walk *walk, uint64_t entry);
/* The leaf that `entry` is, with `rights` of all levels. */
struct leaf walk_leaf(const struct walk *walk, uint64_t entry, uint8_t rights);

#endif
