/* SPDX-License-Identifier: MIT */
/* Answers that depend on more than the question: on what exists, and on what the guest was told
 * before. */
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "lib/string.h"

#define FEW_DOMAINS 4u
#define REMAINS     0x1234u

static call_handler *right_capabilities, *right_property;

static unsigned devices_in_use(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < domain_table.devices; i++)
        count += domain_table.device[i].domain &&
                 domain_table.device[i].translation.kind == TRANSLATION_PAGING;
    return count;
}

static unsigned domains_alive(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        for (const struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            count += !domain->reserved;
    return count;
}

/* The answer ends early; what the guest had there stays. */
static void cut(struct call_context *context, uint32_t size)
{
    context->out_list.size = size;
}

/* An answer that equals the last one at this address is not written again. */
static void once(struct call_context *context)
{
    static uint64_t gpa, last[CALL_OUTPUT_MAX / sizeof(uint64_t)];

    if (gpa == context->out_list.gpa &&
        memcmp(last, call_output(context), context->out_list.size) == 0)
        cut(context, 0);
    gpa = context->out_list.gpa;
    memcpy(last, call_output(context), sizeof(last));
}

static enum hv_status capabilities(struct call_context *context)
{
    enum hv_status status = right_capabilities(context);
    struct hv_output_get_iommu_capabilities *caps = call_output(context);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (defect_active(DEFECT_CAP_RESERVED_IN_USE) && devices_in_use() > 0)
        caps->reserved = REMAINS;
    if (defect_active(DEFECT_CAP_NARROW_IN_USE) && domains_alive() > FEW_DOMAINS)
        caps->max_iova_width--;
    if (defect_active(DEFECT_CAP_TAIL_IN_USE) && devices_in_use() > 0)
        cut(context, context->out_list.size - (uint32_t)sizeof(uint64_t));
    if (defect_active(DEFECT_CAP_WRITTEN_ONCE))
        once(context);
    return status;
}

static enum hv_status property(struct call_context *context)
{
    const struct hv_input_get_logical_device_property *input = call_input(context);
    const struct device *device = device_find(input->logical_device_id);
    enum hv_status status = right_property(context);
    struct hv_output_get_logical_device_property *output = call_output(context);

    if (status != HV_STATUS_SUCCESS || !device)
        return status;
    if (defect_active(DEFECT_PROPERTY_TAIL_UNWRITTEN))
        cut(context, context->out_list.size - (uint32_t)sizeof(uint64_t));
    if (defect_active(DEFECT_PROPERTY_RESERVED_OF_BLOCKED) && device->domain &&
        device->translation.kind == TRANSLATION_BLOCKED)
        output->reserved = REMAINS;
    if (defect_active(DEFECT_PROPERTY_CLEAR_IN_IDENTITY) && device->domain &&
        device->translation.kind == TRANSLATION_IDENTITY)
        output->device_iommu = 0;
    if (defect_active(DEFECT_PROPERTY_WRITTEN_ONCE))
        once(context);
    return status;
}

void defects_install_outputs(void)
{
    if (ANY(DEFECT_CAP_RESERVED_IN_USE, DEFECT_CAP_NARROW_IN_USE, DEFECT_CAP_TAIL_IN_USE,
            DEFECT_CAP_WRITTEN_ONCE))
        right_capabilities = call_in_front(HVCALL_GET_IOMMU_CAPABILITIES, capabilities);
    if (ANY(DEFECT_PROPERTY_TAIL_UNWRITTEN, DEFECT_PROPERTY_RESERVED_OF_BLOCKED,
            DEFECT_PROPERTY_CLEAR_IN_IDENTITY, DEFECT_PROPERTY_WRITTEN_ONCE))
        right_property = call_in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
}
