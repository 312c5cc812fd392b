/* SPDX-License-Identifier: MIT */
#include "host/iommu/soft_omissions.h"

#include "host/defects/defects.h"

static const struct {
    enum defect defect;
    enum softiommu_omission omission;
} pairs[] = {
#define DEFECT(enumerator, name, requirements, sentence)
#define DEFECT_VTD                                          DEFECT
#define DEFECT_PROBE                                        DEFECT
#define DEFECT_SOFT(omission, name, requirements, sentence) {DEFECT_SOFT_##omission, SOFTIOMMU_OMIT_##omission},
#include "host/defects/defects.def"
#undef DEFECT
#undef DEFECT_VTD
#undef DEFECT_PROBE
#undef DEFECT_SOFT
};

struct softiommu_omissions soft_omissions(void)
{
    struct softiommu_omissions omissions = {{0}};

    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (defect_active(pairs[i].defect))
            softiommu_omit(&omissions, pairs[i].omission);
    }
    return omissions;
}
