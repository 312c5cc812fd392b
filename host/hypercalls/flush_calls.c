/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN and FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9). */
#include "abi/device_domain.h"
#include "host/defects/defects.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/race_window.h"
#include "host/hypercalls/validate_header.h"
#include "host/variants/variants.h"

#define SHIFT_2M 9u

/* What a defective host leaves undone because of the other processor. */
static bool lost(void)
{
    if (defect_active(DEFECT_FLUSH_OF_SECOND_IGNORED) && call_vp_index() != 0)
        return true;
    return defect_active(DEFECT_FLUSH_LOST_WHEN_BUSY) && race_window_until_exit();
}

enum hv_status call_flush_domain(const void *input, void *output)
{
    const struct hv_input_flush_device_domain *flush = input;
    enum hv_status status = check_device_domain(&flush->device_domain);

    (void)output;
    if (status != HV_STATUS_SUCCESS)
        return status;
    if (flush->flags != 0 || flush->reserved != 0)
        return defect_active(DEFECT_FLUSH_RESERVED_HOLLOW) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
    if (lost())
        return domain_check(flush->device_domain.domain_id.id);
    return domain_flush(flush->device_domain.domain_id.id);
}

enum hv_status call_flush_list(const void *input, void *output)
{
    const struct hv_input_flush_device_domain_list *list = input;
    enum hv_status status = check_device_domain(&list->device_domain);

    (void)output;
    if (status != HV_STATUS_SUCCESS)
        return status;
    if (list->flags != HV_FLUSH_LIST_IOMMU_FORMAT && defect_active(DEFECT_LIST_FLAGS_DELETE))
        domain_delete(list->device_domain.domain_id.id);
    if (list->flags != HV_FLUSH_LIST_IOMMU_FORMAT || list->reserved != 0) {
        if (defect_active(DEFECT_LIST_FLAGS_BLOCK))
            domains_block_all();
        return HV_STATUS_INVALID_PARAMETER;
    }
    return domain_check(list->device_domain.domain_id.id);
}

static bool aligned(uint64_t page, uint32_t shift)
{
    return (page & ((UINT64_C(1) << shift) - 1)) == 0;
}

/* Reserved bits, or a shift beyond everything. */
static bool odd(uint64_t range)
{
    return (range & HV_IOMMU_RANGE_RESERVED) != 0 || hv_iommu_range_shift(range) > HV_IOMMU_RANGE_SHIFT_ALL;
}

static bool misaligned_accepted(void)
{
    return defect_active(DEFECT_LIST_UNALIGNED_SHORT) || variant_active(VARIANT_LIST_MISALIGNED_OUTWARDS);
}

static enum hv_status check_range(uint64_t range)
{
    uint32_t shift = hv_iommu_range_shift(range);

    if (odd(range) && !defect_active(DEFECT_LIST_SHIFT_TWELVE_BITS))
        return variant_status(VARIANT_LIST_ODD_FULL, HV_STATUS_SUCCESS, HV_STATUS_INVALID_PARAMETER);
    if (shift == HV_IOMMU_RANGE_SHIFT_ALL && defect_active(DEFECT_LIST_ALL_REFUSED))
        return HV_STATUS_INVALID_PARAMETER;
    if (!odd(range) && !aligned(hv_iommu_range_page(range), shift) && !misaligned_accepted())
        return variant_status(VARIANT_LIST_MISALIGNED_ALIGNMENT, HV_STATUS_INVALID_ALIGNMENT,
                              HV_STATUS_INVALID_PARAMETER);
    return HV_STATUS_SUCCESS;
}

/* What a defective host leaves out of a list. */
static bool skipped(const struct hv_input_flush_device_domain_list *list, uint32_t index, uint32_t count,
                    uint64_t range)
{
    if (defect_active(DEFECT_LIST_IGNORED) || (defect_active(DEFECT_LIST_SHIFT_TWELVE_BITS) && odd(range)))
        return true;
    if (defect_active(DEFECT_LIST_FIRST_ONLY) && index != 0)
        return true;
    if (defect_active(DEFECT_LIST_LAST_DROPPED) && count > 1 && index == count - 1)
        return true;
    if (defect_active(DEFECT_LIST_ELEMENT_256_LOST) && index == 256)
        return true;
    if (defect_active(DEFECT_LIST_ALL_IGNORED) && hv_iommu_range_shift(range) == HV_IOMMU_RANGE_SHIFT_ALL)
        return true;
    for (uint32_t i = 0; defect_active(DEFECT_LIST_ERROR_ROLLBACK) && i < count; i++) {
        if (check_range(list->range[i]) != HV_STATUS_SUCCESS)
            return true;
    }
    return false;
}

/* What a defective host makes of a range. */
static uint64_t altered(uint64_t range)
{
    uint64_t page = hv_iommu_range_page(range);
    uint32_t shift = hv_iommu_range_shift(range);

    if (defect_active(DEFECT_LIST_SHIFT_IGNORED) || !aligned(page, shift))
        shift = 0;
    if (defect_active(DEFECT_LIST_SHIFT_CLIPPED) && shift > SHIFT_2M)
        shift = SHIFT_2M;
    if (defect_active(DEFECT_LIST_WRONG_PAGE) && shift != HV_IOMMU_RANGE_SHIFT_ALL)
        page += UINT64_C(1) << shift;
    return hv_iommu_range(page, shift);
}

/* The named pages lie in two aligned blocks of their size; a block behind the end of the IOVAs does not exist. */
static enum hv_status flush_outwards(uint32_t domain, uint64_t page, uint32_t shift)
{
    uint64_t size = UINT64_C(1) << shift, first = page & ~(size - 1);
    enum hv_status status = domain_flush_range(domain, first, shift);

    if (status == HV_STATUS_SUCCESS && (first + size) >> HV_IOMMU_RANGE_SHIFT_ALL == 0)
        status = domain_flush_range(domain, first + size, shift);
    return status;
}

enum hv_status call_flush_list_element(const void *input, uint32_t index, uint32_t count, uint64_t range)
{
    const struct hv_input_flush_device_domain_list *list = input;
    enum hv_status status = check_range(range);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (defect_active(DEFECT_DOUBLE_FETCH))
        range = call_word_again(&list->range[index]) & ~HV_IOMMU_RANGE_RESERVED;
    if (skipped(list, index, count, range) || lost())
        return HV_STATUS_SUCCESS;
    if (odd(range))
        return domain_flush(list->device_domain.domain_id.id);
    if (variant_active(VARIANT_LIST_MISALIGNED_OUTWARDS) &&
        !aligned(hv_iommu_range_page(range), hv_iommu_range_shift(range)))
        return flush_outwards(list->device_domain.domain_id.id, hv_iommu_range_page(range),
                              hv_iommu_range_shift(range));
    range = altered(range);
    return domain_flush_range(list->device_domain.domain_id.id, hv_iommu_range_page(range),
                              hv_iommu_range_shift(range));
}
