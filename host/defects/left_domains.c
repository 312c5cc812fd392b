/* SPDX-License-Identifier: MIT */
/* Devices that leave a domain, and stay on its list of members. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

static call_handler *right_attach, *right_detach;

static bool detach_leaves(const struct domain *left)
{
    enum translation_kind kind = left->translation.kind;

    return (kind == TRANSLATION_BLOCKED && defect_active(DEFECT_DETACH_BLOCKED_STAYS)) ||
           (kind == TRANSLATION_IDENTITY && defect_active(DEFECT_DETACH_IDENTITY_STAYS)) ||
           (left->devices->next && defect_active(DEFECT_DETACH_SHARED_STAYS));
}

static enum hv_status detach(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    struct domain *left = device ? device->domain : NULL;
    bool leaves = left && detach_leaves(left);
    enum hv_status status = right_detach(context);

    if (status == HV_STATUS_SUCCESS && leaves)
        device_move(device, left);
    return status;
}

static bool attach_leaves(const struct domain *left, const struct domain *to)
{
    bool same = left->translation.kind == to->translation.kind;

    return left != to && ((same && left->translation.kind == TRANSLATION_BLOCKED &&
                           defect_active(DEFECT_BLOCKED_MOVE_STAYS)) ||
                          (same && left->translation.kind == TRANSLATION_IDENTITY &&
                           defect_active(DEFECT_IDENTITY_MOVE_STAYS)));
}

static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    struct domain *left = device ? device->domain : NULL, *to = call_domain(context);
    bool leaves = left && to && attach_leaves(left, to);
    enum hv_status status = right_attach(context);

    if (status == HV_STATUS_SUCCESS && leaves)
        device_move(device, left);
    return status;
}

void defects_install_left_domains(void)
{
    if (ANY(DEFECT_DETACH_BLOCKED_STAYS, DEFECT_DETACH_IDENTITY_STAYS, DEFECT_DETACH_SHARED_STAYS))
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    if (ANY(DEFECT_BLOCKED_MOVE_STAYS, DEFECT_IDENTITY_MOVE_STAYS))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
}
