/* SPDX-License-Identifier: MIT */
/* Domains that are found, or kept apart, by their top table instead of by their id. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"

static call_handler *right_create, *right_configure, *right_attach, *right_delete, *right_flush,
    *right_flush_list;
static uint16_t freed_did = DID_NONE; /* of a deleted domain, while another one goes on using it */

static bool has_table(const struct domain *domain, uint64_t root)
{
    return domain->configured && domain->translation.kind == TRANSLATION_PAGING &&
           domain->translation.root == root;
}

/* Another domain with the top table of this one: the one that was created first; NULL when there is
 * none. */
static struct domain *partner_of(const struct domain *of)
{
    struct domain *found = NULL;

    if (!domain_has_entries(of))
        return NULL;
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++) {
        for (struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            if (domain != of && has_table(domain, of->translation.root) &&
                (!found || domain->id < found->id))
                found = domain;
    }
    return found;
}

static enum hv_status create(struct call_context *context)
{
    enum hv_status status = right_create(context);

    if (status == HV_STATUS_SUCCESS && freed_did != DID_NONE) {
        call_domain(context)->translation.did = freed_did;
        freed_did = DID_NONE;
    }
    return status;
}

static enum hv_status configure(struct call_context *context)
{
    enum hv_status status = right_configure(context);
    struct domain *domain = call_domain(context), *partner;

    if (status != HV_STATUS_SUCCESS)
        return status;
    partner = partner_of(domain);
    if (partner && defect_active(DEFECT_SHARED_ROOT_TAG))
        domain->translation.did = partner->translation.did;
    if (partner && defect_active(DEFECT_SHARED_ROOT_MOVES)) {
        block_devices(partner);
        partner->translation = translation_blocked();
    }
    return status;
}

/* A device is not moved to a domain whose top table it has. */
static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    struct domain *to = call_domain(context);
    struct device *device = device_find(input->device_id);

    if (to && device && device->domain && domain_has_entries(device->domain) &&
        has_table(to, device->domain->translation.root))
        return HV_STATUS_DEVICE_ALREADY_IN_DOMAIN;
    return right_attach(context);
}

static enum hv_status delete_domain(struct call_context *context)
{
    struct domain *domain = call_domain(context), *partner = domain ? partner_of(domain) : NULL;
    uint16_t did = domain ? domain->translation.did : DID_NONE;
    enum hv_status status = right_delete(context);

    if (status != HV_STATUS_SUCCESS || !partner)
        return status;
    if (defect_active(DEFECT_SHARED_ROOT_TAG) && partner->translation.did == did)
        freed_did = did;
    if (defect_active(DEFECT_SHARED_ROOT_DELETE_BLOCKS))
        block_devices(partner);
    return status;
}

/* Flushes the first domain of those with this top table, whichever is named. */
static enum hv_status flush_first(struct call_context *context, call_handler *handler)
{
    struct hv_input_device_domain *name = call_input(context);
    const struct domain *domain = call_domain(context),
                        *partner = domain ? partner_of(domain) : NULL;

    if (partner && partner->id < domain->id)
        name->domain_id.id = partner->id;
    return handler(context);
}

static enum hv_status flush(struct call_context *context)
{
    return flush_first(context, right_flush);
}

static enum hv_status flush_list(struct call_context *context)
{
    return flush_first(context, right_flush_list);
}

void defects_install_shared_tables(void)
{
    if (defect_active(DEFECT_SHARED_ROOT_TAG))
        right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    if (ANY(DEFECT_SHARED_ROOT_TAG, DEFECT_SHARED_ROOT_MOVES))
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    if (defect_active(DEFECT_SHARED_ROOT_NOT_MOVED))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    if (ANY(DEFECT_SHARED_ROOT_TAG, DEFECT_SHARED_ROOT_DELETE_BLOCKS))
        right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete_domain);
    if (defect_active(DEFECT_SHARED_ROOT_FLUSH_FIRST)) {
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush);
        right_flush_list = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, flush_list);
    }
}
