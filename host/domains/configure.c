/* SPDX-License-Identifier: MIT */
/* CONFIGURE: from the guest's settings to a translation (Reference 3.4). */
#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/variants/variants.h"

/* Only the top table is checked: the walk checks what it reads, as far as the backend can (docs/host-choices.md). */
static bool root_valid(uint64_t root)
{
    return (root & ~HV_DEVICE_DOMAIN_ROOT_MASK) == 0 && guest_is_ram(root, HV_PAGE_SIZE);
}

/* What a top table that is none leads to: refused, unless a defect or a variant makes something of it. */
static enum hv_status root_refused(uint64_t root, struct translation *translation)
{
    uint64_t rounded = root & HV_DEVICE_DOMAIN_ROOT_MASK;

    if (variant_active(VARIANT_BAD_ROOT_BLOCKS)) {
        *translation = translation_blocked();
        return HV_STATUS_SUCCESS;
    }
    if (defect_active(DEFECT_ROOT_ROUNDED) && root_valid(rounded)) {
        translation->root = rounded;
        return HV_STATUS_SUCCESS;
    }
    if (defect_active(DEFECT_ROOT_UNCHECKED) && rounded == root) {
        translation->kind = TRANSLATION_IDENTITY;
        return HV_STATUS_SUCCESS;
    }
    return HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status paging_settings(uint64_t flags, uint64_t root, struct translation *translation)
{
    bool five_level = (flags & HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) != 0;

    if (five_level && !domain_table.backend->limits()->five_level)
        return variant_status(VARIANT_FIVE_LEVEL_PARAMETER, HV_STATUS_INVALID_PARAMETER, HV_STATUS_FEATURE_UNAVAILABLE);
    *translation = (struct translation){.kind = TRANSLATION_PAGING, .root = root, .levels = five_level ? 5 : 4};
    return root_valid(root) ? HV_STATUS_SUCCESS : root_refused(root, translation);
}

static enum hv_status settings_to_translation(uint64_t flags, uint64_t root, struct translation *translation)
{
    bool enabled = (flags & HV_DEVICE_DOMAIN_TRANSLATION_ENABLED) != 0;
    bool five_level = (flags & HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) != 0;

    if ((flags & HV_DEVICE_DOMAIN_SETTINGS_RESERVED) != 0 && defect_active(DEFECT_RESERVED_SETTINGS_PASS)) {
        translation->kind = TRANSLATION_IDENTITY;
        return HV_STATUS_SUCCESS;
    }
    if ((flags & HV_DEVICE_DOMAIN_SETTINGS_RESERVED) != 0 && !variant_active(VARIANT_RESERVED_IGNORED))
        return HV_STATUS_INVALID_PARAMETER;
    if (defect_active(DEFECT_FIVE_LEVELS_UNBLOCK) && enabled && five_level && (flags & HV_DEVICE_DOMAIN_BLOCKED) != 0)
        return paging_settings(HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, root, translation);
    if ((flags & HV_DEVICE_DOMAIN_BLOCKED) != 0) {
        translation->kind = TRANSLATION_BLOCKED;
        if (!enabled && defect_active(DEFECT_BLOCKED_UNTRANSLATED))
            translation->kind = TRANSLATION_IDENTITY;
        else if ((!enabled && !variant_active(VARIANT_BLOCKED_ALONE_BLOCKS)) || five_level)
            return HV_STATUS_INVALID_PARAMETER;
        if (root != 0 && variant_active(VARIANT_BLOCKED_ROOT_REFUSED))
            return HV_STATUS_INVALID_PARAMETER;
        return HV_STATUS_SUCCESS; /* whatever the root says */
    }
    if (!enabled) {
        translation->kind = TRANSLATION_IDENTITY;
        return five_level || root != 0 || defect_active(DEFECT_IDENTITY_REFUSED) ? HV_STATUS_INVALID_PARAMETER
                                                                                 : HV_STATUS_SUCCESS;
    }
    return paging_settings(flags, root, translation);
}

/* Whether the settings of a domain may be replaced; they always may while it has none and no devices. */
static enum hv_status reconfigure_allowed(const struct domain *domain)
{
    if (domain->reserved || (domain->configured && variant_active(VARIANT_RECONFIGURE_REFUSED)))
        return HV_STATUS_OPERATION_DENIED;
    if (domain->devices != NULL && !variant_active(VARIANT_RECONFIGURE_ATTACHED))
        return HV_STATUS_OBJECT_IN_USE;
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_configure(uint32_t id, uint64_t flags, uint64_t root)
{
    struct domain *domain = domain_find(id);
    struct translation translation = {0};
    const struct deleted_domain *deleted;
    enum hv_status status;

    if (domain == NULL)
        return status_unknown_domain();
    status = settings_to_translation(flags, root, &translation);
    if (status == HV_STATUS_SUCCESS)
        status = reconfigure_allowed(domain);
    if (status != HV_STATUS_SUCCESS) {
        if (defect_active(DEFECT_CONFIGURE_REFUSED_CLEARS) && domain->devices == NULL)
            domain->configured = false;
        return status;
    }

    deleted = deleted_domain_revived(id);
    if (deleted != NULL && translation.kind == TRANSLATION_PAGING && deleted->translation.kind == TRANSLATION_PAGING)
        translation.root = deleted->translation.root;
    translation.did = domain->translation.did;
    if (domain->configured)
        backend_forget_domain(domain_table.backend, &domain->translation);
    domain->translation = translation;
    domain->configured = true;
    /* Devices there are only where a domain in use may be configured: each is switched as by ATTACH. */
    for (struct device *device = domain->devices; device != NULL; device = device->next)
        device_switch(device, &domain->translation);
    if (translation.kind == TRANSLATION_PAGING)
        domain_table.last_configured = translation;
    return HV_STATUS_SUCCESS;
}

void domain_change_root(uint32_t id, uint64_t root)
{
    struct domain *domain = domain_find(id);

    if (domain != NULL && domain->translation.kind == TRANSLATION_PAGING)
        domain->translation.root = root & HV_DEVICE_DOMAIN_ROOT_MASK;
}
