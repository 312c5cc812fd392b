/* SPDX-License-Identifier: MIT */
/*
 * ATTACH to a domain that the unit of the device cannot use: tables of five levels behind VT-d,
 * which walks four. It is refused, and has an effect after all.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

#define LEVELS_4 4u

static call_handler *right_attach, *right_delete;
static uint32_t counted; /* id of a domain that counts a device which is not in it; 0: none */

/* By the number of levels that the unit of the device has. */
static enum hv_status attach_as_four(struct domain *domain, struct call_context *context)
{
    const unsigned levels = domain->translation.levels;
    enum hv_status status;

    domain->translation.levels = LEVELS_4;
    status = right_attach(context);
    domain->translation.levels = levels;
    return status;
}

static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    enum hv_status status = right_attach(context);
    struct translation blocked = translation_blocked();
    struct device *device;
    struct domain *domain;

    if (status != HV_STATUS_FEATURE_UNAVAILABLE)
        return status;
    device = device_find(input->device_id);
    domain = call_domain(context);
    if (defect_active(DEFECT_ATTACH_UNSUPPORTED_AS_FOUR))
        return attach_as_four(domain, context);
    if (defect_active(DEFECT_ATTACH_UNSUPPORTED_MOVES))
        device_move(device, domain);
    if (defect_active(DEFECT_ATTACH_UNSUPPORTED_LEAVES))
        device_move(device, NULL);
    if (defect_active(DEFECT_ATTACH_UNSUPPORTED_BLOCKS) && device->domain)
        device_switch(device, &blocked);
    if (defect_active(DEFECT_ATTACH_UNSUPPORTED_COUNTED))
        counted = domain->id;
    return status;
}

static enum hv_status delete (struct call_context *context) {
    const struct domain *domain = call_domain(context);

    return domain && counted != 0 && domain->id == counted ? HV_STATUS_OBJECT_IN_USE
                                                           : right_delete(context);
}

void defects_install_unsupported_domains(void)
{
    if (!ANY(DEFECT_ATTACH_UNSUPPORTED_AS_FOUR, DEFECT_ATTACH_UNSUPPORTED_MOVES,
             DEFECT_ATTACH_UNSUPPORTED_LEAVES, DEFECT_ATTACH_UNSUPPORTED_BLOCKS,
             DEFECT_ATTACH_UNSUPPORTED_COUNTED))
        return;
    right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete);
}
