/* SPDX-License-Identifier: MIT */
/* Traces of a refused call show in a later call about other objects (GEN-10). */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/hypercalls/flush_calls.h"

#define NO_ID UINT32_MAX

static call_handler *right[CALL_COUNT];
static element_handler *right_element;

static struct {
    uint64_t root, flags;   /* of the last CONFIGURE, which was refused; 0: it was not */
    uint32_t created;       /* id of a refused CREATE */
    uint32_t waiting_id;    /* of a refused ATTACH */
    struct device *waiting; /* its device */
    uint32_t doomed;        /* id of a refused DELETE */
    bool detach_refused, attach_refused;
    unsigned refused_element; /* number of the element that ended the last list */
} left = {.created = NO_ID, .waiting_id = NO_ID, .doomed = NO_ID};

static uint32_t named_id(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return name->domain_id.id;
}

static void before_create(struct call_context *context)
{
    struct hv_input_create_device_domain *input = call_input(context);

    if (defect_active(DEFECT_REFUSED_CREATE_NAMES_NEXT) && left.created != NO_ID &&
        !domain_find(left.created))
        input->device_domain.domain_id.id = left.created;
    left.created = NO_ID;
}

static void before_configure(struct call_context *context)
{
    struct hv_input_configure_device_domain *input = call_input(context);
    uint64_t *flags = &input->settings.flags;

    if (defect_active(DEFECT_REFUSED_ROOT_STICKS) && left.root != 0 &&
        *flags == HV_DEVICE_DOMAIN_TRANSLATION_ENABLED)
        input->settings.page_table_root = left.root;
    if (defect_active(DEFECT_REFUSED_FLAGS_STICK) && left.flags != 0 &&
        *flags == HV_DEVICE_DOMAIN_TRANSLATION_ENABLED)
        *flags |= HV_DEVICE_DOMAIN_BLOCKED;
    left.root = left.flags = 0;
}

static void before_attach(struct call_context *context)
{
    struct hv_input_attach_device_domain *input = call_input(context);

    if (defect_active(DEFECT_REFUSED_ATTACH_NAMES_NEXT) && left.attach_refused &&
        domain_find(left.waiting_id))
        input->device_domain.domain_id.id = left.waiting_id;
}

static void before(struct call_context *context)
{
    switch (context->call->code) {
    case HVCALL_CREATE_DEVICE_DOMAIN:
        before_create(context);
        break;
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        before_configure(context);
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        before_attach(context);
        break;
    default:
        break;
    }
}

static void refused(struct call_context *context)
{
    const struct hv_input_configure_device_domain *settings = call_input(context);
    const struct hv_input_attach_device_domain *attach = call_input(context);

    switch (context->call->code) {
    case HVCALL_CREATE_DEVICE_DOMAIN:
        left.created = named_id(context);
        break;
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        left.root = settings->settings.page_table_root;
        left.flags = settings->settings.flags & HV_DEVICE_DOMAIN_SETTINGS_RESERVED;
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        left.waiting_id = named_id(context);
        left.waiting = device_find(attach->device_id);
        left.attach_refused = true;
        break;
    case HVCALL_DELETE_DEVICE_DOMAIN:
        left.doomed = call_domain(context) ? named_id(context) : NO_ID;
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        left.detach_refused = true;
        break;
    default:
        break;
    }
}

/* The device of a refused ATTACH goes to the domain as soon as it exists. */
static void attach_waiting(struct call_context *context)
{
    struct domain *domain = call_domain(context);

    if (defect_active(DEFECT_REFUSED_ATTACH_WAITS) && left.waiting && domain->id == left.waiting_id)
        domain_attach(domain, left.waiting);
}

/* The domain of a refused DELETE goes with its last device. */
static void delete_doomed(void)
{
    struct domain *doomed = left.doomed != NO_ID ? domain_find(left.doomed) : NULL;

    if (defect_active(DEFECT_REFUSED_DELETE_WAITS) && doomed && !doomed->devices &&
        !doomed->reserved) {
        domain_delete(doomed);
        left.doomed = NO_ID;
    }
}

static void attach_is_hollow(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    struct translation blocked = translation_blocked();

    if (defect_active(DEFECT_REFUSED_DETACH_STICKS) && left.detach_refused)
        device_switch(device_find(attach->device_id), &blocked);
    left.detach_refused = left.attach_refused = false;
}

static void accepted(struct call_context *context)
{
    switch (context->call->code) {
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        attach_waiting(context);
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        attach_is_hollow(context);
        delete_doomed();
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        delete_doomed();
        break;
    default:
        break;
    }
}

/* The devices of the domain whose top table a refused CONFIGURE named are blocked. */
static void block_owner(struct call_context *context)
{
    const struct hv_input_configure_device_domain *input = call_input(context);
    struct translation blocked = translation_blocked();
    uint64_t root = input->settings.page_table_root;

    for (unsigned i = 0; i < domain_table.devices && root != 0; i++) {
        struct device *device = &domain_table.device[i];

        if (device->translation.kind == TRANSLATION_PAGING && device->translation.root == root)
            device_switch(device, &blocked);
    }
}

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status;

    before(context);
    status = right[context->call - calls](context);
    if (status == HV_STATUS_SUCCESS)
        accepted(context);
    else
        refused(context);
    if (status != HV_STATUS_SUCCESS && defect_active(DEFECT_REFUSED_ROOT_BLOCKS_OWNER) &&
        context->call->code == HVCALL_CONFIGURE_DEVICE_DOMAIN)
        block_owner(context);
    return status;
}

/* A list goes on where the last one was refused. */
static enum hv_status element(struct call_context *context, uint64_t value)
{
    enum hv_status status;

    if (context->index < left.refused_element)
        return HV_STATUS_SUCCESS;
    status = right_element(context, value);
    left.refused_element = status != HV_STATUS_SUCCESS ? context->index : 0;
    return status;
}

void defects_install_later_objects(void)
{
    if (defect_active(DEFECT_REFUSED_ELEMENT_STICKS))
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element);
    if (ANY(DEFECT_REFUSED_CREATE_NAMES_NEXT, DEFECT_REFUSED_ROOT_STICKS,
            DEFECT_REFUSED_FLAGS_STICK, DEFECT_REFUSED_ATTACH_NAMES_NEXT,
            DEFECT_REFUSED_ATTACH_WAITS, DEFECT_REFUSED_DELETE_WAITS, DEFECT_REFUSED_DETACH_STICKS,
            DEFECT_REFUSED_ROOT_BLOCKS_OWNER))
        calls_in_front(handler, right);
}
