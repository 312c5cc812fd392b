/* SPDX-License-Identifier: MIT */
/* CONFIGURE: from the guest's settings to a translation (Reference 3.4). */
#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"

/* Only the top table is checked: the walk checks what it reads, as far as the backend can
 * (docs/host-choices.md). */
static bool root_valid(uint64_t root)
{
    return (root & ~HV_DEVICE_DOMAIN_ROOT_MASK) == 0 && guest_is_ram(root, HV_PAGE_SIZE);
}

static enum hv_status paging_settings(bool five_level, uint64_t root,
                                      struct translation *translation)
{
    if (five_level && !domain_table.backend->limits()->five_level)
        return HV_STATUS_FEATURE_UNAVAILABLE;
    *translation = (struct translation){
        .kind = TRANSLATION_PAGING, .root = root, .levels = five_level ? 5 : 4};
    return root_valid(root) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER;
}

static enum hv_status settings_to_translation(uint64_t flags, uint64_t root,
                                              struct translation *translation)
{
    bool enabled = (flags & HV_DEVICE_DOMAIN_TRANSLATION_ENABLED) != 0;
    bool five_level = (flags & HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) != 0;

    if ((flags & domain_rules.settings_reserved) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if ((flags & HV_DEVICE_DOMAIN_BLOCKED) != 0) {
        translation->kind = TRANSLATION_BLOCKED;
        if (!enabled || five_level)
            return HV_STATUS_INVALID_PARAMETER;
        return root != 0 ? domain_rules.blocking_root : HV_STATUS_SUCCESS;
    }
    if (!enabled) {
        translation->kind = TRANSLATION_IDENTITY;
        return five_level || root != 0 ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
    }
    return paging_settings(five_level, root, translation);
}

/* Whether the settings of a domain may be replaced; they always may while it has none and no
 * devices. */
static enum hv_status reconfigure_allowed(const struct domain *domain)
{
    if (domain->reserved)
        return HV_STATUS_OPERATION_DENIED;
    if (domain->configured && domain_rules.reconfigured != HV_STATUS_SUCCESS)
        return domain_rules.reconfigured;
    return domain->devices ? domain_rules.reconfigured_in_use : HV_STATUS_SUCCESS;
}

enum hv_status domain_configure(struct domain *domain, uint64_t flags, uint64_t root)
{
    struct translation translation = {0};
    enum hv_status status = settings_to_translation(flags, root, &translation);

    if (status == HV_STATUS_SUCCESS)
        status = reconfigure_allowed(domain);
    if (status != HV_STATUS_SUCCESS)
        return status;

    translation.did = domain->translation.did;
    if (domain->configured)
        backend_forget_domain(domain_table.backend, &domain->translation);
    domain->translation = translation;
    domain->configured = true;
    /* Devices there are only where a domain in use may be configured: each is switched as by
     * ATTACH. */
    for (struct device *device = domain->devices; device; device = device->next)
        device_switch(device, &domain->translation);
    return HV_STATUS_SUCCESS;
}
