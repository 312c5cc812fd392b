/* SPDX-License-Identifier: MIT */
/* What the software IOMMU forgets on request (omissions.def): each is a violation of the ABI, none is a legal choice.
 */
#ifndef PVT_HOST_SOFTIOMMU_OMISSIONS_H
#define PVT_HOST_SOFTIOMMU_OMISSIONS_H

#include <stdbool.h>
#include <stdint.h>

enum softiommu_omission {
#define SOFTIOMMU_OMISSION(enumerator, sentence) SOFTIOMMU_OMIT_##enumerator,
#include "host/softiommu/omissions.def"
#undef SOFTIOMMU_OMISSION
    SOFTIOMMU_OMISSIONS
};

#define SOFTIOMMU_OMISSION_WORDS ((SOFTIOMMU_OMISSIONS + 63) / 64)

/* A set of them; all zero is the right IOMMU. */
struct softiommu_omissions {
    uint64_t word[SOFTIOMMU_OMISSION_WORDS];
};

static inline void softiommu_omit(struct softiommu_omissions *set, enum softiommu_omission omission)
{
    set->word[omission / 64] |= UINT64_C(1) << (omission % 64);
}

static inline bool softiommu_omitted(const struct softiommu_omissions *set, enum softiommu_omission omission)
{
    return (set->word[omission / 64] >> (omission % 64) & 1) != 0;
}

/* "IOTLB_DOMAIN_FLUSH", and the sentence behind "the IOMMU"; NULL for a number that is not an omission. */
const char *softiommu_omission_name(enum softiommu_omission omission);
const char *softiommu_omission_sentence(enum softiommu_omission omission);

#endif
