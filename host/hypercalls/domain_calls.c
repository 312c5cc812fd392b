/* SPDX-License-Identifier: MIT */
/* CREATE, CONFIGURE, ATTACH, DETACH and DELETE: fields of the input; the objects are in host/domains. */
#include "abi/device_domain.h"
#include "host/defects/defects.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/validate_header.h"

enum hv_status call_create_domain(const void *input, void *output)
{
    const struct hv_input_create_device_domain *create = input;
    enum hv_status status = check_device_domain(&create->device_domain);

    (void)output;
    if (status != HV_STATUS_SUCCESS) {
        if (defect_active(DEFECT_TYPE_CREATE_PARTIAL) &&
            (create->device_domain.domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK) != HV_DEVICE_DOMAIN_TYPE_S1)
            domain_create(create->device_domain.domain_id.id);
        return status;
    }
    if (!reserved_valid(create->flags, HV_CREATE_DEVICE_DOMAIN_RESERVED)) {
        if (defect_active(DEFECT_CREATE_PARTIAL))
            domain_create(create->device_domain.domain_id.id);
        return HV_STATUS_INVALID_PARAMETER;
    }
    return domain_create(create->device_domain.domain_id.id);
}

enum hv_status call_configure_domain(const void *input, void *output)
{
    const struct hv_input_configure_device_domain *configure = input;
    enum hv_status status = check_device_domain(&configure->device_domain);
    uint64_t flags = configure->settings.flags;

    (void)output;
    if (status != HV_STATUS_SUCCESS)
        return status;
    status = domain_configure(configure->device_domain.domain_id.id, flags, configure->settings.page_table_root);
    if (defect_active(DEFECT_CONFIGURE_REFUSED_APPLIES) && status != HV_STATUS_SUCCESS)
        domain_configure(configure->device_domain.domain_id.id, flags & ~HV_DEVICE_DOMAIN_SETTINGS_RESERVED,
                         configure->settings.page_table_root);
    if (status == HV_STATUS_SUCCESS && defect_active(DEFECT_DOUBLE_FETCH))
        domain_change_root(configure->device_domain.domain_id.id,
                           call_word_again(&configure->settings.page_table_root));
    return status;
}

enum hv_status call_attach_domain(const void *input, void *output)
{
    const struct hv_input_attach_device_domain *attach = input;
    enum hv_status status = check_device_domain(&attach->device_domain);

    (void)output;
    if (status == HV_STATUS_INVALID_PARAMETER && defect_active(DEFECT_ATTACH_REFUSED_MOVES))
        domain_attach(attach->device_domain.domain_id.id, attach->device_id);
    if (status == HV_STATUS_INVALID_PARAMETER && defect_active(DEFECT_ATTACH_RESERVED_HOLLOW))
        return HV_STATUS_SUCCESS;
    if (status != HV_STATUS_SUCCESS)
        return status;
    return domain_attach(attach->device_domain.domain_id.id, attach->device_id);
}

enum hv_status call_detach_domain(const void *input, void *output)
{
    const struct hv_input_detach_device_domain *detach = input;
    enum hv_status status = check_partition(detach->partition_id);

    (void)output;
    return status == HV_STATUS_SUCCESS ? domain_detach(detach->device_id) : status;
}

enum hv_status call_delete_domain(const void *input, void *output)
{
    const struct hv_input_delete_device_domain *delete = input;
    enum hv_status status = check_device_domain(&delete->device_domain);

    (void)output;
    if (status == HV_STATUS_INVALID_PARAMETER && defect_active(DEFECT_DELETE_REFUSED_DELETES))
        domain_delete(delete->device_domain.domain_id.id);
    return status == HV_STATUS_SUCCESS ? domain_delete(delete->device_domain.domain_id.id) : status;
}
