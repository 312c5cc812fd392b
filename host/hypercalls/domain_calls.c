/* SPDX-License-Identifier: MIT */
/* CREATE, CONFIGURE, ATTACH, DETACH and DELETE: fields of the input; the objects are in
 * host/domains. */
#include "abi/device_domain.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/validate.h"

enum hv_status call_create_domain(struct call_context *context)
{
    const struct hv_input_create_device_domain *create = call_input(context);
    enum hv_status status = check_device_domain(&create->device_domain);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!reserved_valid(create->flags, HV_CREATE_DEVICE_DOMAIN_RESERVED))
        return HV_STATUS_INVALID_PARAMETER;
    return domain_create(create->device_domain.domain_id.id);
}

enum hv_status call_configure_domain(struct call_context *context)
{
    const struct hv_input_configure_device_domain *configure = call_input(context);
    enum hv_status status = check_device_domain(&configure->device_domain);
    struct domain *domain;

    if (status != HV_STATUS_SUCCESS)
        return status;
    domain = domain_find(configure->device_domain.domain_id.id);
    if (!domain)
        return HV_STATUS_NOT_FOUND;
    return domain_configure(domain, configure->settings.flags, configure->settings.page_table_root);
}

enum hv_status call_attach_domain(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    enum hv_status status = check_device_domain(&attach->device_domain);
    struct device *device;
    struct domain *domain;

    if (status != HV_STATUS_SUCCESS)
        return status;
    device = device_find(attach->device_id);
    if (!device)
        return HV_STATUS_INVALID_DEVICE_ID;
    domain = domain_find(attach->device_domain.domain_id.id);
    if (!domain)
        return HV_STATUS_NOT_FOUND;
    return domain_attach(domain, device);
}

enum hv_status call_detach_domain(struct call_context *context)
{
    const struct hv_input_detach_device_domain *detach = call_input(context);
    enum hv_status status = check_partition(detach->partition_id);
    struct device *device;

    if (status != HV_STATUS_SUCCESS)
        return status;
    device = device_find(detach->device_id);
    return device ? domain_detach(device) : HV_STATUS_INVALID_DEVICE_ID;
}

enum hv_status call_delete_domain(struct call_context *context)
{
    const struct hv_input_delete_device_domain *delete = call_input(context);
    enum hv_status status = check_device_domain(&delete->device_domain);
    struct domain *domain;

    if (status != HV_STATUS_SUCCESS)
        return status;
    domain = domain_find(delete->device_domain.domain_id.id);
    return domain ? domain_delete(domain) : HV_STATUS_NOT_FOUND;
}
