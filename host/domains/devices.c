/* SPDX-License-Identifier: MIT */
/* Devices and the domain that each of them is in: ATTACH and DETACH. */
#include "abi/device_id.h"
#include "host/base/panic.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/domains/table_corruption.h"
#include "host/domains/writable.h"
#include "host/hypercalls/race_window.h"
#include "host/iommu/domain_id.h"
#include "host/variants/variants.h"

struct translation translation_blocked(void)
{
    return (struct translation){.kind = TRANSLATION_BLOCKED, .did = DID_NONE};
}

void domains_add_device(uint64_t device_id, uint16_t bdf)
{
    struct device *device;

    if (domain_table.devices == DOMAIN_DEVICES_MAX)
        host_panic("more than %u devices behind the IOMMU", DOMAIN_DEVICES_MAX);
    device = &domain_table.device[domain_table.devices++];
    *device = (struct device){.id = device_id, .bdf = bdf};
    device->translation = translation_blocked();
    if (!variant_active(VARIANT_START_BLOCKED))
        device_switch(device, &domain_table.default_translation);
}

struct device *device_find(uint64_t device_id)
{
    if (defect_active(DEFECT_DEVICE_TYPE_IGNORED))
        device_id = hv_device_id_logical(device_id);
    for (unsigned i = 0; i < domain_table.devices; i++) {
        if (domain_table.device[i].id == device_id)
            return &domain_table.device[i];
    }
    return NULL;
}

bool domains_manage(uint64_t device_id)
{
    return device_find(device_id) != NULL;
}

void device_switch(struct device *device, const struct translation *to)
{
    translation_make_writable(to);
    table_corrupt(to);
    domain_table.backend->set_translation(device->bdf, &device->translation, to);
    device->translation = *to;
}

void domains_device_reset(uint64_t device_id)
{
    struct device *device = device_find(device_id);
    struct translation blocked = translation_blocked();

    if (device == NULL)
        return;
    device_move(device, NULL);
    device->detached_once = false;
    device_switch(device, variant_active(VARIANT_START_BLOCKED) ? &blocked : &domain_table.default_translation);
}

void domains_guest_gone(void)
{
    for (unsigned i = 0; defect_active(DEFECT_RESTART_PASSES) && i < domain_table.devices; i++)
        device_switch(&domain_table.device[i], &domain_table.default_translation);
}

void domains_block_all(void)
{
    struct translation blocked = translation_blocked();

    for (unsigned i = 0; i < domain_table.devices; i++)
        device_switch(&domain_table.device[i], &blocked);
}

void device_move(struct device *device, struct domain *domain)
{
    if (device->domain != NULL) {
        struct device **link = &device->domain->devices;

        while (*link != device)
            link = &(*link)->next;
        *link = device->next;
    }
    device->domain = domain;
    device->next = NULL;
    if (domain != NULL) {
        device->next = domain->devices;
        domain->devices = device;
    }
}

/* Carries out what DEFECT_ATTACH_LATE left undone. */
static void switch_late(void)
{
    if (domain_table.late != NULL)
        device_switch(domain_table.late, &domain_table.late_translation);
    domain_table.late = NULL;
}

/* What a device of `domain` gets; differs from the domain's own settings under a defect only. */
static struct translation translation_for(const struct device *device, const struct domain *domain)
{
    struct translation to = domain->translation;

    if (!domain->configured)
        return defect_active(DEFECT_UNCONFIGURED_PASSES) ? domain_table.default_translation : to;
    if (defect_active(DEFECT_EMPTY_TABLE_PASSES) && translation_is_empty(&to))
        return domain_table.default_translation;
    if (defect_active(DEFECT_CONFIGURE_LAST_ROOT) && to.kind == TRANSLATION_PAGING)
        to.root = domain_table.last_configured.root;
    if ((defect_active(DEFECT_IDENTITY_KEEPS_TABLES) && to.kind == TRANSLATION_IDENTITY) ||
        (defect_active(DEFECT_BLOCKED_KEEPS_TABLES) && to.kind == TRANSLATION_BLOCKED))
        return device->translation;
    if (defect_active(DEFECT_ATTACH_SECOND_IGNORED) && domain->devices != NULL)
        return device->translation;
    if (defect_active(DEFECT_FLUSH_SKIPS_SECOND) && domain->devices != NULL)
        to.did = UINT16_MAX; /* no flush of the domain reaches it */
    return to;
}

static enum hv_status attach_same(struct device *device)
{
    if (defect_active(DEFECT_ATTACH_SAME_DETACHES)) {
        struct translation blocked = translation_blocked();

        device_switch(device, &blocked);
    }
    if (defect_active(DEFECT_ATTACH_SAME_COUNTED))
        device->domain->phantom = true;
    if (variant_active(VARIANT_ATTACH_SAME_SUCCESS)) {
        struct translation same = device->translation;

        device_switch(device, &same);
        return HV_STATUS_SUCCESS;
    }
    return defect_active(DEFECT_ATTACH_SAME_REFUSED) ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
}

/* Statuses that only a defective host returns. */
static enum hv_status attach_refused(const struct device *device, const struct domain *domain)
{
    if (defect_active(DEFECT_ATTACH_NEEDS_DETACH) && device->domain != NULL)
        return HV_STATUS_INVALID_DEVICE_STATE;
    if (defect_active(DEFECT_ATTACH_BLOCKING_FAILS) && domain->translation.kind == TRANSLATION_BLOCKED)
        return HV_STATUS_OPERATION_FAILED;
    if (defect_active(DEFECT_DETACH_FINAL) && device->detached_once)
        return HV_STATUS_INVALID_DEVICE_STATE;
    return HV_STATUS_SUCCESS;
}

static void attach_others(struct device *device, struct domain *domain)
{
    struct domain *old = device->domain;

    while (old != NULL && old->devices != NULL) {
        struct device *other = old->devices;
        struct translation to = translation_for(other, domain);

        device_switch(other, &to);
        device_move(other, domain);
    }
}

/* The settings of a domain that has none are those of a blocking domain, where it can be used at all. */
static bool may_be_used(const struct domain *domain)
{
    return domain->configured || defect_active(DEFECT_UNCONFIGURED_PASSES) ||
           variant_active(VARIANT_UNCONFIGURED_BLOCKS);
}

enum hv_status domain_attach(uint32_t id, uint64_t device_id)
{
    struct device *device = device_find(device_id);
    struct domain *domain = domain_find(id);
    enum hv_status refused;
    struct translation to;

    if (device == NULL) {
        if (defect_active(DEFECT_ATTACH_UNKNOWN_COUNTED) && domain != NULL)
            domain->phantom = true;
        return defect_active(DEFECT_ATTACH_UNKNOWN_ACCEPTED) ? HV_STATUS_SUCCESS : status_unknown_device();
    }
    if (domain == NULL) {
        struct translation blocked = translation_blocked();

        if (defect_active(DEFECT_ATTACH_FAILED_DETACHES))
            device_switch(device, &blocked);
        return status_unknown_domain();
    }
    if (!may_be_used(domain))
        return variant_status(VARIANT_UNCONFIGURED_STATE, HV_STATUS_INVALID_DEVICE_STATE, HV_STATUS_OPERATION_DENIED);
    if (device->domain == domain)
        return attach_same(device);
    refused = attach_refused(device, domain);
    if (refused != HV_STATUS_SUCCESS)
        return refused;

    domain_table.last_unused = 0;
    switch_late();
    to = translation_for(device, domain);
    if (domain_table.backend->supports != NULL && !domain_table.backend->supports(device->bdf, &to))
        return HV_STATUS_FEATURE_UNAVAILABLE;
    if (defect_active(DEFECT_ATTACH_LATE)) {
        domain_table.late = device;
        domain_table.late_translation = to;
    } else if (!defect_active(DEFECT_ATTACH_LOST_WHEN_BUSY) || !race_window_until_exit()) {
        device_switch(device, &to);
    }
    if (defect_active(DEFECT_ATTACH_MOVES_ALL))
        attach_others(device, domain);
    if (device->domain != domain)
        device_move(device, domain);
    if (variant_active(VARIANT_ATTACH_DROPS_ALL))
        domains_drop_all();
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_detach(uint64_t device_id)
{
    struct device *device = device_find(device_id);
    struct translation to = translation_blocked();

    if (device == NULL)
        return defect_active(DEFECT_DETACH_UNKNOWN_ACCEPTED) ? HV_STATUS_SUCCESS : status_unknown_device();
    if (device->domain == NULL)
        return variant_status(VARIANT_DETACH_AGAIN_SUCCESS, HV_STATUS_SUCCESS, HV_STATUS_INVALID_DEVICE_STATE);
    switch_late();
    if (defect_active(DEFECT_DETACH_IDENTITY))
        to = domain_table.default_translation;
    if (!defect_active(DEFECT_DETACH_IGNORED))
        device_switch(device, &to);
    device_move(device, NULL);
    device->detached_once = true;
    if (variant_active(VARIANT_ATTACH_DROPS_ALL))
        domains_drop_all();
    return HV_STATUS_SUCCESS;
}
