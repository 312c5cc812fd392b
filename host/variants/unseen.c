/* SPDX-License-Identifier: MIT */
/* Another legal host in the devices that it manages: some of them are on no bus that the guest can
 * look at. */
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "lib/bits.h"

#define LOGICAL_ID_BITS 62u
/* Stands for no function of the machine: bus 0xFF, device 31, function 7. */
#define UNSEEN_BDF 0xFFFFu

static call_handler *usual_attach, *usual_detach, *usual_property;
static const struct iommu_backend *usual_backend;

static void add(uint64_t device_id)
{
    if (!device_find(device_id) && domain_table.devices < DOMAIN_DEVICES_MAX)
        domains_add_device(device_id, UNSEEN_BDF);
}

/* Ids that a guest may take for free: those beside the id of a device that it sees, and numbers
 * that look made up. The devices that it sees are known by the time of its first call. */
static void add_devices(void)
{
    static const uint64_t made_up[] = {0xFFFF, 0x12345678, 0xFFFFFFF7, 0xFFFFFFFF,
                                       UINT64_C(0x3FFFFFFFFFFFFFFF)};
    static bool done;
    const unsigned seen = domain_table.devices;

    if (done)
        return;
    done = true;
    for (unsigned i = 0; i < ARRAY_SIZE(made_up); i++)
        add(made_up[i]);
    for (unsigned i = 0; i < seen; i++)
        for (unsigned bit = 0; bit < LOGICAL_ID_BITS; bit++)
            add(domain_table.device[i].id ^ UINT64_C(1) << bit);
}

static enum hv_status attach(struct call_context *context)
{
    add_devices();
    return usual_attach(context);
}

static enum hv_status detach(struct call_context *context)
{
    add_devices();
    return usual_detach(context);
}

static enum hv_status property(struct call_context *context)
{
    const struct hv_input_get_logical_device_property *query = call_input(context);
    struct hv_output_get_logical_device_property *answer = call_output(context);
    enum hv_status status;

    add_devices();
    status = usual_property(context);
    if (status != HV_STATUS_INVALID_DEVICE_ID || !device_find(query->logical_device_id))
        return status;
    answer->device_iommu = HV_DEVICE_IOMMU_ENABLED;
    return HV_STATUS_SUCCESS;
}

/* Their DMA is not that of any function of this machine. */
static bool supports(uint16_t bdf, const struct translation *to)
{
    return bdf == UNSEEN_BDF || !usual_backend->supports || usual_backend->supports(bdf, to);
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    if (bdf != UNSEEN_BDF)
        usual_backend->set_translation(bdf, from, to);
}

static const struct iommu_backend *with_unseen_devices(const struct iommu_backend *found)
{
    static struct iommu_backend backend;

    usual_backend = found;
    backend = *found;
    backend.supports = supports;
    backend.set_translation = set_translation;
    return &backend;
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

void variants_install_unseen(void)
{
    if (!variant_active(VARIANT_UNSEEN_DEVICES))
        return;
    domain_rules.backend = with_unseen_devices;
    usual_attach = in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    usual_detach = in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    usual_property = in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
}
