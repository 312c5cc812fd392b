/* SPDX-License-Identifier: MIT */
/* Devices and the domain that each of them is in: ATTACH and DETACH (Reference 3.5). */
#include "host/base/panic.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/domain_id.h"

struct translation translation_blocked(void)
{
    return (struct translation){.kind = TRANSLATION_BLOCKED, .did = DID_NONE};
}

static void switch_to_start(struct device *device)
{
    struct translation blocked = translation_blocked();

    device_switch(device,
                  domain_rules.start_blocked ? &blocked : &domain_table.default_translation);
}

void domains_add_device(uint64_t device_id, uint16_t bdf)
{
    struct device *device;

    if (domain_table.devices == DOMAIN_DEVICES_MAX)
        host_panic("more than %u devices behind the IOMMU", DOMAIN_DEVICES_MAX);
    device = &domain_table.device[domain_table.devices++];
    *device = (struct device){.id = device_id, .bdf = bdf};
    device->translation = translation_blocked();
    switch_to_start(device);
}

struct device *device_find(uint64_t device_id)
{
    for (unsigned i = 0; i < domain_table.devices; i++)
        if (domain_table.device[i].id == device_id)
            return &domain_table.device[i];
    return NULL;
}

void domains_device_reset(uint64_t device_id)
{
    struct device *device = device_find(device_id);

    if (!device)
        return;
    device_move(device, NULL);
    switch_to_start(device);
}

void device_switch(struct device *device, const struct translation *to)
{
    domain_table.backend->set_translation(device->bdf, &device->translation, to);
    device->translation = *to;
}

void device_move(struct device *device, struct domain *domain)
{
    if (device->domain) {
        struct device **link = &device->domain->devices;

        while (*link != device)
            link = &(*link)->next;
        *link = device->next;
    }
    device->domain = domain;
    device->next = NULL;
    if (domain) {
        device->next = domain->devices;
        domain->devices = device;
    }
}

static bool is_supported(const struct device *device, const struct translation *to)
{
    const struct iommu_backend *backend = domain_table.backend;

    return !backend->supports || backend->supports(device->bdf, to);
}

enum hv_status domain_attach(struct domain *domain, struct device *device)
{
    if (!domain->configured && domain_rules.unconfigured != HV_STATUS_SUCCESS)
        return domain_rules.unconfigured;
    if (device->domain == domain && domain_rules.attach_same != HV_STATUS_SUCCESS)
        return domain_rules.attach_same;
    if (!is_supported(device, &domain->translation))
        return HV_STATUS_FEATURE_UNAVAILABLE;
    device_switch(device, &domain->translation);
    device_move(device, domain);
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_detach(struct device *device)
{
    struct translation blocked = translation_blocked();

    if (!device->domain)
        return HV_STATUS_INVALID_DEVICE_STATE;
    device_switch(device, &blocked);
    device_move(device, NULL);
    return HV_STATUS_SUCCESS;
}
