/* SPDX-License-Identifier: MIT */
/* Mistakes that show with several devices at once: in one domain, on several buses, behind both
 * units. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/soft_backend.h"

#define DEVICES_COUNTED 4u /* by two bits */
#define FIRST_SERVED    4u
#define CONTEXT_ENTRIES 6u
#define DID_OF_NONE     UINT16_MAX /* no flush of any domain reaches it */

static call_handler *right_attach, *right_detach, *right_delete;
static const struct iommu_backend *right;
static const struct iommu_backend *(*right_backend)(const struct iommu_backend *found);
static uint32_t left_once; /* id of the domain that a device has left last; 0: none */

static unsigned devices_of(const struct domain *domain)
{
    unsigned count = 0;

    for (const struct device *device = domain->devices; device; device = device->next)
        count++;
    return count;
}

static struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct hv_input_detach_device_domain *detach = call_input(context);

    return device_find(context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? attach->device_id
                                                                          : detach->device_id);
}

/* Devices of other buses with the same number there go along. */
static void switch_namesakes(const struct device *device)
{
    for (unsigned i = 0; i < domain_table.devices; i++) {
        struct device *other = &domain_table.device[i];

        if (other != device && (uint8_t)other->bdf == (uint8_t)device->bdf)
            device_switch(other, &device->translation);
    }
}

static void after_attach(struct device *device, const struct translation *old)
{
    if (defect_active(DEFECT_ATTACH_SAME_DEVFN))
        switch_namesakes(device);
    if (defect_active(DEFECT_ATTACH_AFTER_SIX_LOST) && devices_of(device->domain) > CONTEXT_ENTRIES)
        device_switch(device, old);
    if (defect_active(DEFECT_FLUSH_FOUR_DEVICES) && devices_of(device->domain) > FIRST_SERVED) {
        struct translation other = device->translation;

        other.did = DID_OF_NONE;
        device_switch(device, &other);
    }
}

static enum hv_status attach(struct call_context *context)
{
    struct device *device = named_device(context);
    struct translation old = device ? device->translation : translation_blocked();
    const struct domain *domain = device ? device->domain : NULL;
    enum hv_status status = right_attach(context);

    if (status == HV_STATUS_SUCCESS) {
        left_once = domain ? domain->id : 0;
        if (device)
            after_attach(device, &old);
    }
    return status;
}

static enum hv_status detach(struct call_context *context)
{
    struct device *device = named_device(context);
    const struct domain *domain = device ? device->domain : NULL;
    enum hv_status status = right_detach(context);

    if (status == HV_STATUS_SUCCESS && domain)
        left_once = domain->id;
    if (status == HV_STATUS_SUCCESS && device && defect_active(DEFECT_DETACH_SAME_DEVFN))
        switch_namesakes(device);
    return status;
}

/* The domain takes itself for one without devices, and they keep its translation. */
static enum hv_status delete_domain(struct call_context *context)
{
    struct domain *domain = call_domain(context);
    bool wrong = false;

    if (domain && !domain->reserved && domain->devices) {
        wrong |= defect_active(DEFECT_DELETE_COUNTS_TWO_BITS) &&
                 devices_of(domain) % DEVICES_COUNTED == 0;
        wrong |= defect_active(DEFECT_DELETE_AFTER_ONE_LEFT) && domain->id == left_once &&
                 devices_of(domain) > 1;
    }
    while (wrong && domain->devices)
        device_move(domain->devices, NULL);
    return right_delete(context);
}

/* The unit of the device that was attached last. */
static const struct iommu_backend *last_unit(const struct translation *t)
{
    for (unsigned i = 0; i < domain_table.devices; i++) {
        const struct device *device = &domain_table.device[i];

        if (device->domain && device->domain->translation.did == t->did)
            return backend_soft.owns(device->domain->devices->bdf) ? &backend_soft : &backend_vtd;
    }
    return NULL;
}

static void flush_domain(const struct translation *t)
{
    const struct iommu_backend *unit = last_unit(t);

    if (unit)
        unit->flush_domain(t);
    else
        right->flush_domain(t);
}

static void flush_range(const struct translation *t, struct page_range range)
{
    const struct iommu_backend *unit = last_unit(t);

    if (unit)
        unit->flush_range(t, range);
    else
        right->flush_range(t, range);
}

static const struct iommu_backend *in_front_of(const struct iommu_backend *found)
{
    static struct iommu_backend one_unit;

    right = right_backend(found);
    one_unit = *right;
    one_unit.flush_domain = flush_domain;
    one_unit.flush_range = flush_range;
    return &one_unit;
}

void defects_install_many_devices(void)
{
    if (ANY(DEFECT_ATTACH_SAME_DEVFN, DEFECT_DETACH_SAME_DEVFN, DEFECT_ATTACH_AFTER_SIX_LOST,
            DEFECT_FLUSH_FOUR_DEVICES, DEFECT_DELETE_COUNTS_TWO_BITS,
            DEFECT_DELETE_AFTER_ONE_LEFT)) {
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
        right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete_domain);
    }
    if (defect_active(DEFECT_FLUSH_LAST_UNIT)) {
        right_backend = domain_rules.backend;
        domain_rules.backend = in_front_of;
    }
}
