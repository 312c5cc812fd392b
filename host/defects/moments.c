/* SPDX-License-Identifier: MIT */
/*
 * Calls that leave a device where it is, and take its translation away while they run. A host that
 * makes a device quiet before it looks at a call, or while it works on its domain, does so.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "lib/bits.h"

static call_handler *right[CALL_COUNT];

static const struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct hv_input_detach_device_domain *detach = call_input(context);

    return device_find(context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? attach->device_id
                                                                          : detach->device_id);
}

/* Each: does the call take this device out for a moment? It is in a domain. */

static bool is_there_already(struct call_context *context, const struct device *device)
{
    return named_device(context) == device && device->domain == call_domain(context);
}

static bool is_sent_nowhere(struct call_context *context, const struct device *device)
{
    return named_device(context) == device && !call_domain(context);
}

static bool is_sent_to_bare_domain(struct call_context *context, const struct device *device)
{
    const struct domain *to = call_domain(context);

    return named_device(context) == device && to && !to->configured;
}

/* Of the domain to which another device goes. */
static bool gets_company(struct call_context *context, const struct device *device)
{
    return named_device(context) != device && device->domain == call_domain(context);
}

/* Of the domain that another device leaves for none. */
static bool loses_company(struct call_context *context, const struct device *device)
{
    const struct device *named = named_device(context);

    return named && named != device && device->domain == named->domain;
}

static bool is_of_the_domain(struct call_context *context, const struct device *device)
{
    return device->domain == call_domain(context);
}

static bool is_elsewhere(struct call_context *context, const struct device *device)
{
    return device->domain != call_domain(context);
}

static const struct moment {
    enum defect defect;
    uint16_t code;
    bool opens; /* passes through meanwhile; otherwise it is blocked */
    bool (*concerns)(struct call_context *context, const struct device *device);
} moments[] = {
    {DEFECT_ATTACH_AGAIN_BLOCKS, HVCALL_ATTACH_DEVICE_DOMAIN, false, is_there_already},
    {DEFECT_ATTACH_AGAIN_OPENS, HVCALL_ATTACH_DEVICE_DOMAIN, true, is_there_already},
    {DEFECT_UNKNOWN_ATTACH_PAUSES, HVCALL_ATTACH_DEVICE_DOMAIN, false, is_sent_nowhere},
    {DEFECT_BARE_ATTACH_PAUSES, HVCALL_ATTACH_DEVICE_DOMAIN, false, is_sent_to_bare_domain},
    {DEFECT_COMPANY_PAUSES, HVCALL_ATTACH_DEVICE_DOMAIN, false, gets_company},
    {DEFECT_LESS_COMPANY_PAUSES, HVCALL_DETACH_DEVICE_DOMAIN, false, loses_company},
    {DEFECT_FLUSH_PAUSES, HVCALL_FLUSH_DEVICE_DOMAIN, false, is_of_the_domain},
    {DEFECT_FLUSH_PAUSES_OTHERS, HVCALL_FLUSH_DEVICE_DOMAIN, false, is_elsewhere},
    {DEFECT_LIST_PAUSES, HVCALL_FLUSH_DEVICE_DOMAIN_LIST, false, is_of_the_domain},
    {DEFECT_CREATE_PAUSES, HVCALL_CREATE_DEVICE_DOMAIN, false, is_elsewhere},
    {DEFECT_CREATE_AGAIN_PAUSES, HVCALL_CREATE_DEVICE_DOMAIN, false, is_of_the_domain},
    {DEFECT_CONFIGURE_PAUSES, HVCALL_CONFIGURE_DEVICE_DOMAIN, false, is_elsewhere},
    {DEFECT_DELETE_PAUSES, HVCALL_DELETE_DEVICE_DOMAIN, false, is_elsewhere},
    {DEFECT_REFUSED_DELETE_PAUSES, HVCALL_DELETE_DEVICE_DOMAIN, false, is_of_the_domain},
};

static bool out[DOMAIN_DEVICES_MAX];

static void take_out(struct call_context *context, const struct moment *moment)
{
    for (unsigned i = 0; i < domain_table.devices; i++) {
        struct device *device = &domain_table.device[i];
        struct translation between = {.kind = moment->opens ? TRANSLATION_IDENTITY
                                                            : TRANSLATION_BLOCKED,
                                      .did = device->translation.did};

        out[i] = device->domain && moment->concerns(context, device);
        if (out[i])
            device_switch(device, &between);
    }
}

static void put_back(void)
{
    for (unsigned i = 0; i < domain_table.devices; i++) {
        struct device *device = &domain_table.device[i];

        if (out[i] && device->domain)
            device_switch(device, &device->domain->translation);
        out[i] = false;
    }
}

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status;

    for (unsigned i = 0; i < ARRAY_SIZE(moments); i++)
        if (defect_active(moments[i].defect) && moments[i].code == context->call->code)
            take_out(context, &moments[i]);
    status = right[context->call - calls](context);
    put_back();
    return status;
}

void defects_install_moments(void)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(moments); i++)
        any |= defect_active(moments[i].defect);
    if (any)
        calls_in_front(handler, right);
}
