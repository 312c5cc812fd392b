/* SPDX-License-Identifier: MIT */
/* Padding of parameter lists that is taken for a field. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"

static call_handler *right[CALL_COUNT];

static bool is_padded(const struct hv_input_device_domain *name)
{
    for (unsigned i = 0; i < sizeof(name->padding); i++)
        if (name->padding[i] != 0)
            return true;
    return false;
}

static enum hv_status handler(struct call_context *context)
{
    const struct hv_input_create_device_domain *create = call_input(context);
    const uint16_t code = context->call->code;
    const bool named = call_names_domain(context->call) && call_header_valid(context),
               padded = named && is_padded(&create->device_domain);

    if ((padded && defect_active(DEFECT_PADDING_CHECKED)) ||
        (named && code == HVCALL_CREATE_DEVICE_DOMAIN && create->padding != 0 &&
         defect_active(DEFECT_CREATE_PADDING_CHECKED)))
        return HV_STATUS_INVALID_PARAMETER;
    if (padded && code == HVCALL_FLUSH_DEVICE_DOMAIN && defect_active(DEFECT_PADDED_FLUSH_HOLLOW))
        return HV_STATUS_SUCCESS;
    return right[context->call - calls](context);
}

void defects_install_padding(void)
{
    if (ANY(DEFECT_PADDING_CHECKED, DEFECT_CREATE_PADDING_CHECKED, DEFECT_PADDED_FLUSH_HOLLOW))
        calls_in_front(handler, right);
}
