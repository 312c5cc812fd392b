/* SPDX-License-Identifier: MIT */
/* A flag of the list flush for callers that have changed no table, as Windows has one. */
#include "abi/device_domain.h"
#include "host/hypercalls/call.h"
#include "host/iommu/soft_backend.h"
#include "host/softiommu/private.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"

#define LAST_LEVEL 2u

static call_handler *usual_list;
static element_handler *usual_element;
static bool last_level; /* the flag of the list that is flushed */

static enum hv_status list(struct call_context *context)
{
    struct hv_input_flush_device_domain_list *input = call_input(context);

    last_level = input->flags == (HV_FLUSH_LIST_IOMMU_FORMAT | LAST_LEVEL);
    if (last_level)
        input->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    return usual_list(context);
}

static enum hv_status element(struct call_context *context, uint64_t element)
{
    struct softiommu *iommu = soft_iommu();
    struct softiommu_rules usual;
    enum hv_status status;

    if (!iommu || !last_level)
        return usual_element(context, element);
    usual = iommu->rules;
    for (unsigned i = SOFTIOMMU_DROPS_WALK_1; i <= SOFTIOMMU_DROPS_WALK_4; i++)
        iommu->rules.has[SOFTIOMMU_EVENT_RANGE_FLUSH][i] = false;
    status = usual_element(context, element);
    iommu->rules = usual;
    return status;
}

void variants_install_flush_flags(void)
{
    struct call *call = call_entry(HVCALL_FLUSH_DEVICE_DOMAIN_LIST);

    if (!variant_active(VARIANT_LIST_LAST_LEVEL))
        return;
    usual_list = call->handler;
    usual_element = call->element;
    call->handler = list;
    call->element = element;
}
