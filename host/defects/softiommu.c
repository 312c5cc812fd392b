/* SPDX-License-Identifier: MIT */
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/defects/softiommu_faults.h"
#include "host/iommu/iommu_mux.h"
#include "host/iommu/soft_backend.h"
#include "lib/bits.h"

static const struct {
    enum defect defect;
    enum softiommu_fault fault;
} pairs[] = {
#define DEFECT(enumerator, name, requirements, sentence)
#define DEFECT_SOFT(fault, name, requirements, sentence)                                           \
    {DEFECT_SOFT_##fault, SOFTIOMMU_FAULT_##fault},
#include "host/defects/defects.def"
};

#define BITS_BELOW_TABLES      39u
#define BITS_BELOW_FIVE_LEVELS 52u

static const enum defect beyond_width[] = {DEFECT_SOFT_WIDTH_OF_TABLES, DEFECT_SOFT_WIDTH_OF_WRITES,
                                           DEFECT_SOFT_WIDTH_OF_FIRST_PAGE};
static const enum defect beyond_five_levels[] = {DEFECT_SOFT_WIDTH_OF_FOUR_LEVELS,
                                                 DEFECT_SOFT_WIDTH_OF_FIVE_WRITES};

void defects_install_softiommu(void)
{
    static struct softiommu_rules rules;

    rules = softiommu_abi_rules;
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++)
        if (defect_active(pairs[i].defect))
            softiommu_inject(pairs[i].fault, &rules);
    soft_options.rules = &rules;
    /* Tables of four levels hold 48 bits, of five 57; only a unit that reports fewer can be wrong
     * about the rest. */
    if (defect_any_active(beyond_width, ARRAY_SIZE(beyond_width)))
        mux_rules.iova_bits = BITS_BELOW_TABLES;
    if (defect_any_active(beyond_five_levels, ARRAY_SIZE(beyond_five_levels)))
        mux_rules.iova_bits = BITS_BELOW_FIVE_LEVELS;
}
