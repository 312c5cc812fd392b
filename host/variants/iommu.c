/* SPDX-License-Identifier: MIT */
/* Other legal hosts in what the IOMMUs can do, and what they keep. */
#include "abi/iommu_capabilities.h"
#include "host/iommu/iommu_mux.h"
#include "host/iommu/soft_backend.h"
#include "host/iommu/vtd_regs.h"
#include "host/iommu/vtd_rules.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"

#define IOVA_BITS_NARROW 38u /* half of 39, as the usual 47 is of 48 */

static void install_widths(void)
{
    if (variant_active(VARIANT_CAP_WIDTH_12))
        mux_rules.iova_bits = 12;
    if (variant_active(VARIANT_CAP_WIDTH_32))
        mux_rules.iova_bits = 32;
    if (variant_active(VARIANT_CAP_WIDTH_35))
        mux_rules.iova_bits = 35;
    if (variant_active(VARIANT_CAP_WIDTH_38)) {
        vtd_rules.iova_bits = IOVA_BITS_NARROW;
        vtd_rules.address_width = VTD_PASID_AW_39;
    }
    if (variant_active(VARIANT_CAP_WIDTH_39))
        mux_rules.iova_bits = 39;
    if (variant_active(VARIANT_CAP_WIDTH_48))
        mux_rules.iova_bits = 48;
    if (variant_active(VARIANT_CAP_WIDTH_57))
        mux_rules.iova_bits = 57;
}

void variants_install_iommu(void)
{
    install_widths();
    if (variant_active(VARIANT_FOUR_LEVELS) || variant_active(VARIANT_FIVE_LEVEL_PARAMETER))
        soft_options.levels = 4;
    if (variant_active(VARIANT_CACHES_OF_ONE))
        soft_options.cache_entries = 1;
    if (variant_active(VARIANT_CACHES_OF_SEVEN))
        soft_options.cache_entries = 7;
    if (variant_active(VARIANT_SIZES_REFUSED))
        soft_options.page_sizes = HV_IOMMU_PGSIZE_4K;
    if (variant_active(VARIANT_CACHING_NONE))
        soft_options.caching = SOFTIOMMU_CACHE_NONE;
    if (variant_active(VARIANT_CACHING_RANDOM))
        soft_options.caching = SOFTIOMMU_CACHE_RANDOM;
    if (variant_active(VARIANT_AD_IGNORED))
        soft_options.ad_mode = SOFTIOMMU_AD_IGNORED;
    if (variant_active(VARIANT_AD_REQUIRED))
        soft_options.ad_mode = SOFTIOMMU_AD_REQUIRED;
    soft_options.xd_reserved = variant_active(VARIANT_XD_RESERVED);
    soft_options.extended_accessed = variant_active(VARIANT_EXTENDED_ACCESSED);
    soft_options.user_ignored = variant_active(VARIANT_USER_IGNORED);
    soft_options.keep_idle_domains = variant_active(VARIANT_IDLE_DOMAINS_KEPT);
}
