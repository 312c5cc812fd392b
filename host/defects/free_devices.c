/* SPDX-License-Identifier: MIT */
/*
 * A call that is refused changes devices that are in no domain: never attached since power-on, or
 * detached. Some are the device that the call names; some are all of them, of a host that looks for
 * the members of no domain where it has found no domain.
 */
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "lib/bits.h"

static call_handler *right[CALL_COUNT];
static uint32_t last_domain[DOMAIN_DEVICES_MAX]; /* that a device was detached from; 0: none */
static bool unmanaged[DOMAIN_DEVICES_MAX];

static bool is_untouched(const struct device *device)
{
    return !device->domain && device->translation.did != DID_NONE;
}

static bool is_detached(const struct device *device)
{
    return !device->domain && device->translation.did == DID_NONE;
}

static void block(struct device *device)
{
    struct translation blocked = translation_blocked();

    if (device && is_untouched(device))
        device_switch(device, &blocked);
}

static void open(struct device *device)
{
    if (device && is_detached(device))
        device_switch(device, &domain_table.default_translation);
}

static struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct hv_input_detach_device_domain *detach = call_input(context);

    return device_find(context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? attach->device_id
                                                                          : detach->device_id);
}

static void block_named(struct call_context *context)
{
    block(named_device(context));
}

static void open_named(struct call_context *context)
{
    open(named_device(context));
}

static void block_all(struct call_context *context)
{
    (void)context;
    for (unsigned i = 0; i < domain_table.devices; i++)
        block(&domain_table.device[i]);
}

static void open_all(struct call_context *context)
{
    (void)context;
    for (unsigned i = 0; i < domain_table.devices; i++)
        open(&domain_table.device[i]);
}

/* The settings, for all that are in no domain. */
static void configure_all(struct call_context *context)
{
    const struct hv_input_configure_device_domain *configure = call_input(context);

    if ((configure->settings.flags & HV_DEVICE_DOMAIN_TRANSLATION_ENABLED) == 0)
        open_all(context);
    else if ((configure->settings.flags & HV_DEVICE_DOMAIN_BLOCKED) != 0)
        block_all(context);
}

/* The tables of a domain, in which the device is not. */
static void lend_tables(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct domain *domain = domain_find(attach->device_domain.domain_id.id);
    struct device *device = named_device(context);

    if (domain && device && is_detached(device))
        device_switch(device, &domain->translation);
}

static void lend_tables_to_all(struct call_context *context)
{
    const struct hv_input_create_device_domain *create = call_input(context);
    const struct domain *domain = domain_find(create->device_domain.domain_id.id);

    for (unsigned i = 0; domain && i < domain_table.devices; i++)
        if (is_detached(&domain_table.device[i]))
            device_switch(&domain_table.device[i], &domain->translation);
}

static void rejoin(struct call_context *context)
{
    struct device *device = named_device(context);
    struct domain *domain = domain_find(last_domain[device - domain_table.device]);

    if (domain)
        device_move(device, domain);
}

static void join(struct call_context *context)
{
    struct device *device = named_device(context);

    if (!device->domain)
        device_move(device, call_domain(context));
}

static void disown(struct call_context *context)
{
    struct device *device = named_device(context);

    if (!device->domain)
        unmanaged[device - domain_table.device] = true;
}

static const struct effect {
    enum defect defect;
    uint16_t code;
    enum hv_status status;
    void (*effect)(struct call_context *context);
} effects[] = {
    {DEFECT_DETACH_UNTOUCHED_BLOCKS, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_STATE,
     block_named},
    {DEFECT_DETACH_FOREIGN_BLOCKS, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_PARTITION_ID,
     block_named},
    {DEFECT_DETACH_AGAIN_REJOINS, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_STATE,
     rejoin},
    {DEFECT_DETACH_AGAIN_DISOWNS, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_STATE,
     disown},
    {DEFECT_UNKNOWN_ATTACH_BLOCKS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     block_named},
    {DEFECT_UNKNOWN_ATTACH_OPENS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     open_named},
    {DEFECT_UNKNOWN_ATTACH_DISOWNS, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, disown},
    {DEFECT_BARE_ATTACH_BLOCKS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_OPERATION_DENIED,
     block_named},
    {DEFECT_BARE_ATTACH_OPENS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_OPERATION_DENIED,
     open_named},
    {DEFECT_BARE_ATTACH_JOINS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_OPERATION_DENIED, join},
    {DEFECT_UNSUPPORTED_ATTACH_OPENS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN,
     HV_STATUS_FEATURE_UNAVAILABLE, open_named},
    {DEFECT_UNSUPPORTED_ATTACH_BLOCKS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN,
     HV_STATUS_FEATURE_UNAVAILABLE, block_named},
    {DEFECT_UNSUPPORTED_ATTACH_JOINS_FREE, HVCALL_ATTACH_DEVICE_DOMAIN,
     HV_STATUS_FEATURE_UNAVAILABLE, join},
    {DEFECT_FOREIGN_ATTACH_LENDS, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_INVALID_PARTITION_ID,
     lend_tables},
    {DEFECT_UNKNOWN_FLUSH_OPENS_FREE, HVCALL_FLUSH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, open_all},
    {DEFECT_UNKNOWN_LIST_OPENS_FREE, HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_STATUS_NOT_FOUND,
     open_all},
    {DEFECT_UNKNOWN_FLUSH_BLOCKS_FREE, HVCALL_FLUSH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, block_all},
    {DEFECT_UNKNOWN_DELETE_BLOCKS_FREE, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     block_all},
    {DEFECT_UNKNOWN_DELETE_OPENS_FREE, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, open_all},
    {DEFECT_UNKNOWN_CONFIGURE_FREE, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     configure_all},
    {DEFECT_CREATE_AGAIN_LENDS, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_KEY_ALREADY_EXISTS,
     lend_tables_to_all},
};

static void note_detached(struct call_context *context, const struct domain *left)
{
    if (left)
        last_domain[named_device(context) - domain_table.device] = left->id;
}

static void hide(struct call_context *context)
{
    const struct hv_input_get_logical_device_property *query = call_input(context);
    const struct device *device = device_find(query->logical_device_id);
    struct hv_output_get_logical_device_property *property = call_output(context);

    if (device && unmanaged[device - domain_table.device])
        property->device_iommu &= ~(uint64_t)HV_DEVICE_IOMMU_ENABLED;
}

static enum hv_status handler(struct call_context *context)
{
    const bool detaches = context->call->code == HVCALL_DETACH_DEVICE_DOMAIN;
    const struct device *device = detaches ? named_device(context) : NULL;
    const struct domain *left = device ? device->domain : NULL;
    enum hv_status status = right[context->call - calls](context);

    for (unsigned i = 0; i < ARRAY_SIZE(effects); i++)
        if (status != HV_STATUS_SUCCESS && defect_active(effects[i].defect) &&
            effects[i].code == context->call->code && effects[i].status == status)
            effects[i].effect(context);
    if (detaches && status == HV_STATUS_SUCCESS)
        note_detached(context, left);
    if (context->call->code == HVCALL_GET_LOGICAL_DEVICE_PROPERTY && status == HV_STATUS_SUCCESS)
        hide(context);
    return status;
}

void defects_install_free_devices(void)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(effects); i++)
        any |= defect_active(effects[i].defect);
    if (any)
        calls_in_front(handler, right);
}
