/* SPDX-License-Identifier: MIT */
#include "host/softiommu/omissions.h"

#include <stddef.h>

static const struct {
    const char *name, *sentence;
} omissions[] = {
#define SOFTIOMMU_OMISSION(enumerator, sentence) [SOFTIOMMU_OMIT_##enumerator] = {#enumerator, sentence},
#include "host/softiommu/omissions.def"
#undef SOFTIOMMU_OMISSION
};

const char *softiommu_omission_name(enum softiommu_omission omission)
{
    return (size_t)omission < SOFTIOMMU_OMISSIONS ? omissions[omission].name : NULL;
}

const char *softiommu_omission_sentence(enum softiommu_omission omission)
{
    return (size_t)omission < SOFTIOMMU_OMISSIONS ? omissions[omission].sentence : NULL;
}
