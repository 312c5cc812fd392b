/* SPDX-License-Identifier: MIT */
/* CONFIGURE and ids: settings and names that are taken for others. */
#include "abi/device_id.h"
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"

#define IDENTITY_WITH_ROOT 1u /* which is refused */

static call_handler *right_configure, *right_create, *right_attach, *right_detach;

/* Settings that are taken for others before the call looks at them. */
static struct hv_device_domain_settings misread(struct hv_device_domain_settings settings)
{
    static const struct hv_device_domain_settings identity = {
        .flags = HV_DEVICE_DOMAIN_SETTINGS_IDENTITY};
    const uint64_t blocked_by_5 =
        HV_DEVICE_DOMAIN_SETTINGS_BLOCKING | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL;
    uint64_t kind = settings.flags & HV_DEVICE_DOMAIN_SETTINGS_BLOCKING;

    if (defect_active(DEFECT_RESERVED_SETTINGS_PASS) &&
        (settings.flags & HV_DEVICE_DOMAIN_SETTINGS_RESERVED) != 0)
        return identity;
    if (defect_active(DEFECT_BLOCKED_UNTRANSLATED) && kind == HV_DEVICE_DOMAIN_BLOCKED)
        return identity;
    if (defect_active(DEFECT_FIVE_LEVELS_UNBLOCK) && settings.flags == blocked_by_5)
        settings.flags = HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL;
    if (defect_active(DEFECT_IDENTITY_REFUSED) && kind == HV_DEVICE_DOMAIN_SETTINGS_IDENTITY)
        settings.page_table_root = IDENTITY_WITH_ROOT;
    return settings;
}

/* After a top table was refused: accepted all the same. */
static bool replace_root(struct hv_device_domain_settings *settings)
{
    uint64_t rounded = settings->page_table_root & HV_DEVICE_DOMAIN_ROOT_MASK;
    bool is_rounded = rounded == settings->page_table_root;

    if ((settings->flags & ~HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) !=
        HV_DEVICE_DOMAIN_TRANSLATION_ENABLED)
        return false;
    if (defect_active(DEFECT_ROOT_ROUNDED) && !is_rounded) {
        settings->page_table_root = rounded;
        return true;
    }
    if (defect_active(DEFECT_ROOT_UNCHECKED) && is_rounded) {
        *settings = (struct hv_device_domain_settings){.flags = HV_DEVICE_DOMAIN_SETTINGS_IDENTITY};
        return true;
    }
    return false;
}

/* Parts of the settings that a domain without devices had. */
static void keep_part(struct translation *now, const struct translation *old)
{
    if (defect_active(DEFECT_RECONFIGURE_KIND_KEPT) && old->kind != TRANSLATION_PAGING)
        now->kind = old->kind;
    /* A domain that is not paging has no root. */
    if (defect_active(DEFECT_RECONFIGURE_SAME_ROOT) && now->root == old->root)
        *now = *old;
    if (defect_active(DEFECT_RECONFIGURE_OPEN_STAYS) && old->kind == TRANSLATION_IDENTITY &&
        now->kind == TRANSLATION_BLOCKED)
        *now = *old;
    if (now->kind != TRANSLATION_PAGING || old->kind != TRANSLATION_PAGING)
        return;
    if (defect_active(DEFECT_RECONFIGURE_LEVELS_KEPT))
        now->levels = old->levels;
    if (defect_active(DEFECT_RECONFIGURE_ROOT_KEPT))
        now->root = old->root;
}

static enum hv_status configure(struct call_context *context)
{
    struct hv_input_configure_device_domain *input = call_input(context);
    struct domain *domain = call_domain(context);
    bool again = domain && domain->configured && !domain->devices;
    struct translation old = domain ? domain->translation : translation_blocked();
    enum hv_status status;

    input->settings = misread(input->settings);
    status = right_configure(context);
    if (status == HV_STATUS_INVALID_PARAMETER && replace_root(&input->settings))
        status = right_configure(context);
    if (status == HV_STATUS_SUCCESS && again)
        keep_part(&domain->translation, &old);
    return status;
}

/* A domain passes DMA through until it is configured. */
static enum hv_status create(struct call_context *context)
{
    enum hv_status status = right_create(context);

    if (status == HV_STATUS_SUCCESS)
        call_domain(context)->translation.kind = TRANSLATION_IDENTITY;
    return status;
}

static enum hv_status attach(struct call_context *context)
{
    struct hv_input_attach_device_domain *input = call_input(context);

    input->device_id = hv_device_id_logical(input->device_id);
    return right_attach(context);
}

static enum hv_status detach(struct call_context *context)
{
    struct hv_input_detach_device_domain *input = call_input(context);

    input->device_id = hv_device_id_logical(input->device_id);
    return right_detach(context);
}

void defects_install_settings(void)
{
    if (defect_active(DEFECT_ID_TRUNCATED))
        domain_rules.id_bits = UINT16_MAX;
    if (defect_active(DEFECT_ID_TOP_BIT_IGNORED))
        domain_rules.id_bits = INT32_MAX;
    if (ANY(DEFECT_RESERVED_SETTINGS_PASS, DEFECT_BLOCKED_UNTRANSLATED, DEFECT_FIVE_LEVELS_UNBLOCK,
            DEFECT_IDENTITY_REFUSED, DEFECT_ROOT_ROUNDED, DEFECT_ROOT_UNCHECKED,
            DEFECT_RECONFIGURE_LEVELS_KEPT, DEFECT_RECONFIGURE_ROOT_KEPT,
            DEFECT_RECONFIGURE_KIND_KEPT, DEFECT_RECONFIGURE_SAME_ROOT,
            DEFECT_RECONFIGURE_OPEN_STAYS))
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    if (defect_active(DEFECT_UNCONFIGURED_PASSES)) {
        domain_rules.unconfigured = HV_STATUS_SUCCESS;
        right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    }
    if (defect_active(DEFECT_DEVICE_TYPE_IGNORED)) {
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    }
}
