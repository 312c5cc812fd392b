/* SPDX-License-Identifier: MIT */
/* Other legal hosts in the life of domains, and in the answers to malformed elements of a flush
 * list. */
#include "abi/hypercall.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/flush_calls.h"
#include "host/hypercalls/rules.h"
#include "host/hypercalls/validate.h"
#include "host/iommu/domain_id.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"

#define LIMIT_FEW 64u /* what a guest is sure to need (DOM-7) */
#define LIMIT_70  70u
#define LIMIT_32  32u

static call_handler *usual_create, *usual_configure, *usual_attach, *usual_detach,
    *usual_start_detach, *usual_delete, *usual_flush;
static element_handler *usual_element;
static const struct iommu_backend *usual_backend;

/* The domain that a call names in its first fields; NULL when these are not valid or there is none.
 */
static struct domain *named_domain(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return check_device_domain(name) == HV_STATUS_SUCCESS ? domain_find(name->domain_id.id) : NULL;
}

static void drop_all(void)
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        for (const struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            domain_table.backend->flush_domain(&domain->translation);
    domain_table.backend->flush_domain(&domain_table.default_translation);
}

static enum hv_status attach(struct call_context *context)
{
    enum hv_status status = usual_attach(context);

    if (status == HV_STATUS_SUCCESS)
        drop_all();
    return status;
}

static enum hv_status detach(struct call_context *context)
{
    enum hv_status status = usual_detach(context);

    if (status == HV_STATUS_SUCCESS)
        drop_all();
    return status;
}

/* A device that was never attached leaves the host's own domain. */
static enum hv_status detach_from_start(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);
    enum hv_status status = usual_start_detach(context);
    struct translation blocked = translation_blocked();
    struct device *device = device_find(input->device_id);

    if (status != HV_STATUS_INVALID_DEVICE_STATE || device->translation.did == DID_NONE)
        return status;
    device_switch(device, &blocked);
    return HV_STATUS_SUCCESS;
}

/* As a host does that asks for more memory when it runs out of it. */
static enum hv_status create(struct call_context *context)
{
    static unsigned room = LIMIT_FEW;
    unsigned domains = 0;

    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        for (const struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            domains++;
    if (domains < room)
        return usual_create(context);
    room++;
    return HV_STATUS_INSUFFICIENT_MEMORY;
}

static enum hv_status delete (struct call_context *context) {
    struct translation blocked = translation_blocked();
    struct domain *domain = named_domain(context);

    while (domain && domain->devices){device_switch(domain->devices, &blocked);
                                      device_move(domain->devices, NULL);}
return usual_delete(context);
}

/* There is no room for the settings of one more: a host may take the tag of a domain at CONFIGURE.
 */
static bool is_full_for(const struct domain *named)
{
    unsigned configured = 0;

    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        for (const struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            configured += domain->configured;
    return named && !named->configured && configured >= LIMIT_FEW &&
           variant_active(VARIANT_CONFIGURED_64);
}

static enum hv_status configure(struct call_context *context)
{
    static const struct hv_device_domain_settings blocking = {
        .flags = HV_DEVICE_DOMAIN_SETTINGS_BLOCKING};
    struct hv_input_configure_device_domain *input = call_input(context);
    struct hv_device_domain_settings *settings = &input->settings;
    enum hv_status status;

    if (is_full_for(named_domain(context)))
        return HV_STATUS_INSUFFICIENT_MEMORY;
    if (variant_active(VARIANT_BLOCKED_ALONE_BLOCKS) &&
        (settings->flags & HV_DEVICE_DOMAIN_SETTINGS_BLOCKING) == HV_DEVICE_DOMAIN_BLOCKED)
        settings->flags |= HV_DEVICE_DOMAIN_TRANSLATION_ENABLED;
    status = usual_configure(context);
    /* The top table is what is wrong with settings like these. */
    if (status == HV_STATUS_INVALID_PARAMETER && variant_active(VARIANT_BAD_ROOT_BLOCKS) &&
        (settings->flags & ~HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) ==
            HV_DEVICE_DOMAIN_TRANSLATION_ENABLED) {
        *settings = blocking;
        status = usual_configure(context);
    }
    return status;
}

/* Nothing to flush: refused. */
static enum hv_status flush(struct call_context *context)
{
    enum hv_status status = usual_flush(context);

    if (status == HV_STATUS_SUCCESS && variant_active(VARIANT_FLUSH_SPECIAL_REFUSED) &&
        !domain_has_entries(named_domain(context)))
        return HV_STATUS_OPERATION_DENIED;
    if (status == HV_STATUS_SUCCESS && variant_active(VARIANT_FLUSH_DROPS_ALL))
        drop_all();
    return status;
}

/* The named pages lie in two aligned blocks of their size; a block past the end of the IOVAs does
 * not exist. */
static enum hv_status flush_outwards(struct call_context *context, uint64_t page, uint32_t shift)
{
    uint64_t size = UINT64_C(1) << shift, first = page & ~(size - 1);
    enum hv_status status = usual_element(context, hv_iommu_range(first, shift));

    if (status == HV_STATUS_SUCCESS && (first + size) >> HV_IOMMU_RANGE_SHIFT_ALL == 0)
        status = usual_element(context, hv_iommu_range(first + size, shift));
    return status;
}

static enum hv_status malformed(struct call_context *context, uint64_t value)
{
    uint32_t shift = hv_iommu_range_shift(value);

    if ((value & HV_IOMMU_RANGE_RESERVED) != 0 || shift > HV_IOMMU_RANGE_SHIFT_ALL)
        return usual_element(context, variant_active(VARIANT_LIST_ODD_FULL)
                                          ? hv_iommu_range(0, HV_IOMMU_RANGE_SHIFT_ALL)
                                          : value);
    if (variant_active(VARIANT_LIST_MISALIGNED_OUTWARDS))
        return flush_outwards(context, hv_iommu_range_page(value), shift);
    return variant_active(VARIANT_LIST_MISALIGNED_ALIGNMENT) ? HV_STATUS_INVALID_ALIGNMENT
                                                             : usual_element(context, value);
}

static enum hv_status element(struct call_context *context, uint64_t value)
{
    struct page_range range;

    if (flush_element_decode(value, &range) != HV_STATUS_SUCCESS)
        return malformed(context, value);
    if (variant_active(VARIANT_FLUSH_SPECIAL_REFUSED) && !domain_has_entries(context->domain))
        return HV_STATUS_OPERATION_DENIED;
    if (variant_active(VARIANT_FLUSH_DROPS_ALL))
        drop_all();
    return usual_element(context, value);
}

static void flush_whole_domain(const struct translation *t, struct page_range range)
{
    (void)range;
    usual_backend->flush_domain(t);
}

static const struct iommu_backend *without_ranges(const struct iommu_backend *found)
{
    static struct iommu_backend backend;

    usual_backend = found;
    backend = *found;
    backend.flush_range = flush_whole_domain;
    return &backend;
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

static void install_rules(void)
{
    if (variant_active(VARIANT_START_BLOCKED))
        domain_rules.start_blocked = true;
    if (variant_active(VARIANT_FEW_DOMAINS))
        domain_rules.limit = LIMIT_FEW;
    if (variant_active(VARIANT_DOMAINS_70))
        domain_rules.limit = LIMIT_70;
    if (variant_active(VARIANT_DOMAINS_32))
        domain_rules.limit = LIMIT_32;
    if (variant_active(VARIANT_SPECIAL_DOMAINS))
        domain_rules.reserved_domains = call_rules.reserved_ids = true;
    if (variant_active(VARIANT_RESERVED_IGNORED))
        domain_rules.settings_reserved = 0;
    if (variant_active(VARIANT_BLOCKED_ROOT_REFUSED))
        domain_rules.blocking_root = HV_STATUS_INVALID_PARAMETER;
    if (variant_active(VARIANT_RECONFIGURE_REFUSED))
        domain_rules.reconfigured = HV_STATUS_OPERATION_DENIED;
    if (variant_active(VARIANT_RECONFIGURE_ATTACHED))
        domain_rules.reconfigured_in_use = HV_STATUS_SUCCESS;
    if (variant_active(VARIANT_UNCONFIGURED_BLOCKS))
        domain_rules.unconfigured = HV_STATUS_SUCCESS;
    if (variant_active(VARIANT_UNCONFIGURED_STATE))
        domain_rules.unconfigured = HV_STATUS_INVALID_DEVICE_STATE;
    if (variant_active(VARIANT_ATTACH_SAME_SUCCESS))
        domain_rules.attach_same = HV_STATUS_SUCCESS;
    if (variant_active(VARIANT_LIST_DROPS_DOMAIN))
        domain_rules.backend = without_ranges;
}

static void install_flushes(void)
{
    bool both =
        variant_active(VARIANT_FLUSH_SPECIAL_REFUSED) || variant_active(VARIANT_FLUSH_DROPS_ALL);
    struct call *list = call_entry(HVCALL_FLUSH_DEVICE_DOMAIN_LIST);

    if (both)
        usual_flush = in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush);
    if (both || variant_active(VARIANT_LIST_MISALIGNED_OUTWARDS) ||
        variant_active(VARIANT_LIST_MISALIGNED_ALIGNMENT) ||
        variant_active(VARIANT_LIST_ODD_FULL)) {
        usual_element = list->element;
        list->element = element;
    }
}

void variants_install_domains(void)
{
    install_rules();
    install_flushes();
    if (variant_active(VARIANT_BLOCKED_ALONE_BLOCKS) || variant_active(VARIANT_BAD_ROOT_BLOCKS) ||
        variant_active(VARIANT_CONFIGURED_64))
        usual_configure = in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    if (variant_active(VARIANT_DOMAINS_GROW))
        usual_create = in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    if (variant_active(VARIANT_ATTACH_DROPS_ALL)) {
        usual_attach = in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        usual_detach = in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    }
    if (variant_active(VARIANT_DETACH_FROM_START))
        usual_start_detach = in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach_from_start);
    if (variant_active(VARIANT_DELETE_ATTACHED_BLOCKS))
        usual_delete = in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete);
}
