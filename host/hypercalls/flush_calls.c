/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN and FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9). */
#include "host/hypercalls/flush_calls.h"

#include "abi/device_domain.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/validate.h"
#include "lib/bits.h"

enum hv_status call_flush_domain(struct call_context *context)
{
    const struct hv_input_flush_device_domain *flush = call_input(context);
    enum hv_status status = check_device_domain(&flush->device_domain);
    const struct domain *domain;

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (flush->flags != 0 || flush->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    domain = domain_find(flush->device_domain.domain_id.id);
    if (!domain)
        return HV_STATUS_NOT_FOUND;
    domain_flush(domain);
    return HV_STATUS_SUCCESS;
}

enum hv_status call_flush_list(struct call_context *context)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);
    enum hv_status status = check_device_domain(&list->device_domain);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (list->flags != HV_FLUSH_LIST_IOMMU_FORMAT || list->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    context->domain = domain_find(list->device_domain.domain_id.id);
    return context->domain ? HV_STATUS_SUCCESS : HV_STATUS_NOT_FOUND;
}

enum hv_status flush_element_decode(uint64_t element, struct page_range *range)
{
    uint32_t shift = hv_iommu_range_shift(element);

    if ((element & HV_IOMMU_RANGE_RESERVED) != 0 || shift > HV_IOMMU_RANGE_SHIFT_ALL)
        return HV_STATUS_INVALID_PARAMETER;
    *range =
        (struct page_range){.first = hv_iommu_range_page(element), .count = UINT64_C(1) << shift};
    return is_aligned(range->first, range->count) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}

enum hv_status call_flush_list_element(struct call_context *context, uint64_t element)
{
    struct page_range range;
    enum hv_status status = flush_element_decode(element, &range);

    if (status == HV_STATUS_SUCCESS)
        domain_flush_range(context->domain, range);
    return status;
}
