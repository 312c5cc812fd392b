/* SPDX-License-Identifier: MIT */
/* Two calls at the same moment: the host looks at something, lets go of its lock, and acts on what
 * it saw. */
#include "abi/hypercall.h"
#include "host/base/processor.h"
#include "host/defects/install.h"
#include "host/defects/race_window.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

#define LIST_PART 64u /* elements after which such a host lets go of its lock */
#define LIST_LOST 32u /* elements that it then leaves out */

static call_handler *right_create, *right_configure, *right_attach, *right_detach, *right_delete,
    *right_flush, *right_list;
static element_handler *right_element;
static uint32_t creates, configures, attaches, deletes, flushes, lists, elements; /* begun so far */
static uint64_t root;         /* of the last CONFIGURE of any processor */
static struct domain *listed; /* of the last list of any processor */
static uint32_t lost_until[HOST_CPUS_MAX];

/* An id that was free at the first look is taken for free. */
static enum hv_status create(struct call_context *context)
{
    bool is_free = defect_active(DEFECT_CREATE_RACES_CREATE) && call_header_valid(context) &&
                   !call_domain(context);
    enum hv_status status;

    creates++;
    if (is_free)
        race_window_until_count(&creates, creates);
    status = right_create(context);
    return is_free && status == HV_STATUS_KEY_ALREADY_EXISTS ? HV_STATUS_SUCCESS : status;
}

/* The domain was found before it was deleted. */
static void bring_back(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    if (!call_domain(context))
        (void)domain_create(name->domain_id.id);
}

static enum hv_status configure(struct call_context *context)
{
    struct hv_input_configure_device_domain *input = call_input(context);

    configures++;
    if (defect_active(DEFECT_CONFIGURE_RACES_DELETE) && call_domain(context) &&
        race_window_until_count(&deletes, deletes))
        bring_back(context);
    root = input->settings.page_table_root;
    if (defect_active(DEFECT_CONFIGURE_RACES_CONFIGURE) && root != 0 &&
        race_window_until_count(&configures, configures))
        input->settings.page_table_root = root;
    return right_configure(context);
}

/* The device joins a domain that is deleted meanwhile, or that it does not translate by. */
static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    struct domain *domain = call_domain(context);
    struct translation translation = domain ? domain->translation : translation_blocked();
    enum hv_status status;

    attaches++;
    if (defect_active(DEFECT_CONFIGURE_RACES_ATTACH) && device && domain && !domain->configured &&
        race_window_until_count(&configures, configures) && call_domain(context) == domain) {
        status = right_attach(context);
        device_switch(device, &translation);
        return status;
    }
    if (defect_active(DEFECT_ATTACH_RACES_DELETE) && device && domain && domain->configured &&
        race_window_until_count(&deletes, deletes) && !call_domain(context)) {
        device_switch(device, &translation);
        return HV_STATUS_SUCCESS;
    }
    status = right_attach(context);
    if (defect_active(DEFECT_ATTACH_RACES_ATTACH) && status == HV_STATUS_SUCCESS &&
        race_window_until_count(&attaches, attaches) && call_domain(context) == domain)
        device_move(device, domain);
    return status;
}

static enum hv_status detach(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);
    struct translation blocked = translation_blocked();
    enum hv_status status = right_detach(context);

    if (status == HV_STATUS_SUCCESS && race_window_until_count(&attaches, attaches))
        device_switch(device_find(input->device_id), &blocked);
    return status;
}

static enum hv_status delete_domain(struct call_context *context)
{
    struct domain *domain = call_domain(context);

    deletes++;
    if (defect_active(DEFECT_DELETE_RACES_DELETE) && domain && !domain->reserved &&
        !domain->devices) {
        (void)race_window_until_count(&deletes, deletes);
        if (!call_domain(context))
            return HV_STATUS_SUCCESS;
    }
    if (defect_active(DEFECT_DELETE_RACES_CREATE) && domain) {
        enum hv_status status = right_delete(context);

        if (status == HV_STATUS_SUCCESS && race_window_until_count(&creates, creates) &&
            call_domain(context) && !call_domain(context)->devices)
            (void)domain_delete(call_domain(context));
        return status;
    }
    if (defect_active(DEFECT_DELETE_RACES_ATTACH) && domain && !domain->reserved &&
        !domain->devices && race_window_until_count(&attaches, attaches) &&
        call_domain(context) == domain)
        while (domain->devices)
            device_move(domain->devices, NULL);
    return right_delete(context);
}

static enum hv_status flush(struct call_context *context)
{
    flushes++;
    if (defect_active(DEFECT_DELETE_RACES_FLUSH) && call_domain(context) &&
        race_window_until_count(&deletes, deletes))
        bring_back(context);
    if (defect_active(DEFECT_FLUSH_RACES_FLUSH) && call_domain(context) &&
        race_window_until_count(&flushes, flushes))
        return HV_STATUS_SUCCESS;
    return right_flush(context);
}

static enum hv_status list(struct call_context *context)
{
    enum hv_status status = right_list(context);

    lists++;
    if (hv_control_rep_start(context->control) == 0)
        lost_until[processor_index()] = 0;
    listed = context->domain;
    if (defect_active(DEFECT_LISTS_SHARE_DOMAIN) && status == HV_STATUS_SUCCESS &&
        race_window_until_count(&lists, lists) && listed)
        context->domain = listed;
    return status;
}

static enum hv_status element(struct call_context *context, uint64_t value)
{
    uint32_t *until = &lost_until[processor_index()];

    elements++;
    if (context->index < *until)
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_LIST_RACES_FLUSH)) {
        if (context->index % LIST_PART == LIST_PART - 1 &&
            race_window_until_count(&flushes, flushes))
            *until = UINT32_MAX;
        return right_element(context, value);
    }
    if (context->index % LIST_PART == LIST_PART - 1 && race_window_until_count(&elements, elements))
        *until = context->index + LIST_LOST;
    return right_element(context, value);
}

void defects_install_call_pairs(void)
{
    bool attach_races = ANY(
        DEFECT_ATTACH_RACES_DELETE, DEFECT_ATTACH_RACES_ATTACH, DEFECT_DETACH_RACES_ATTACH,
        DEFECT_DELETE_RACES_ATTACH, DEFECT_CONFIGURE_RACES_ATTACH, DEFECT_CONFIGURE_RACES_DELETE,
        DEFECT_DELETE_RACES_DELETE, DEFECT_DELETE_RACES_CREATE, DEFECT_DELETE_RACES_FLUSH);

    if (ANY(DEFECT_CREATE_RACES_CREATE, DEFECT_DELETE_RACES_CREATE))
        right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    if (ANY(DEFECT_CONFIGURE_RACES_CONFIGURE, DEFECT_CONFIGURE_RACES_ATTACH,
            DEFECT_CONFIGURE_RACES_DELETE))
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    if (attach_races) {
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete_domain);
    }
    if (defect_active(DEFECT_DETACH_RACES_ATTACH))
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    if (ANY(DEFECT_FLUSH_RACES_FLUSH, DEFECT_DELETE_RACES_FLUSH, DEFECT_LIST_RACES_FLUSH))
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush);
    if (ANY(DEFECT_LISTS_SHARE_DOMAIN, DEFECT_LISTS_SHARE_INDEX, DEFECT_LIST_RACES_FLUSH))
        right_list = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, list);
    if (ANY(DEFECT_LISTS_SHARE_INDEX, DEFECT_LIST_RACES_FLUSH))
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element);
}
