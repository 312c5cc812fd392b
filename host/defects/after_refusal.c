/* SPDX-License-Identifier: MIT */
/* A call that is refused has no effect (GEN-10). Here it has one after all. */
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "lib/bits.h"
#include "lib/string.h"

#define ANY_CALL 0u
#define TOP_BIT  UINT32_C(0x80000000)

static call_handler *right[CALL_COUNT];
static call_handler *right_delete;
/* Ids of domains that count a device which is not in them: DOMAIN_LIMIT of them. */
static uint32_t *phantom;
static unsigned phantoms;

static uint32_t named_id(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return name->domain_id.id;
}

static bool other_type(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return (name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK) != HV_DEVICE_DOMAIN_TYPE_S1;
}

static void block_of_other_type(struct call_context *context)
{
    if (call_names_domain(context->call) && other_type(context))
        block_domain(named_id(context));
}

static void create_of_other_type(struct call_context *context)
{
    if (other_type(context))
        domain_create(named_id(context));
}

static void create(struct call_context *context)
{
    if (call_header_valid(context))
        domain_create(named_id(context));
}

static void reset(struct call_context *context)
{
    struct domain *domain = domain_find(named_id(context));

    block_devices(domain);
    domain->configured = false;
}

static void configure(struct call_context *context)
{
    const struct hv_input_configure_device_domain *input = call_input(context);
    struct domain *domain = call_domain(context);

    if (domain)
        domain_configure(domain, input->settings.flags & ~HV_DEVICE_DOMAIN_SETTINGS_RESERVED,
                         input->settings.page_table_root);
}

static void forget_settings(struct call_context *context)
{
    struct domain *domain = call_domain(context);

    if (domain && !domain->devices)
        domain->configured = false;
}

/* The settings of a domain in use, which its devices do not get. */
static void keep_settings(struct call_context *context)
{
    const struct hv_input_configure_device_domain *input = call_input(context);
    uint64_t flags = input->settings.flags;
    struct translation *to = &call_domain(context)->translation;

    to->kind = (flags & HV_DEVICE_DOMAIN_BLOCKED) != 0               ? TRANSLATION_BLOCKED
               : (flags & HV_DEVICE_DOMAIN_TRANSLATION_ENABLED) == 0 ? TRANSLATION_IDENTITY
                                                                     : TRANSLATION_PAGING;
    to->root = input->settings.page_table_root;
    to->levels = (flags & HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL) != 0 ? 5 : 4;
}

/* It is configured no more, whatever its devices have. */
static void forget_in_use(struct call_context *context)
{
    call_domain(context)->configured = false;
}

static struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);

    return device_find(input->device_id);
}

static void attach(struct call_context *context)
{
    struct domain *domain = domain_find(named_id(context));
    struct device *device = named_device(context);

    if (domain && device)
        domain_attach(domain, device);
}

static void block_device(struct call_context *context)
{
    struct translation blocked = translation_blocked();

    device_switch(named_device(context), &blocked);
}

/* Off the list of its domain, and translated as before. */
static void leave(struct call_context *context)
{
    struct device *device = named_device(context);

    if (device)
        device_move(device, NULL);
}

/* On the list of the named domain, and translated as before. */
static void join(struct call_context *context)
{
    struct domain *domain = call_domain(context);

    if (domain && named_device(context))
        device_move(named_device(context), domain);
}

static bool counts_phantom(uint32_t id)
{
    for (unsigned i = 0; i < phantoms; i++)
        if (phantom[i] == id)
            return true;
    return false;
}

static void count_phantom(struct call_context *context)
{
    if (call_domain(context) && !counts_phantom(named_id(context)) && phantoms < DOMAIN_LIMIT)
        phantom[phantoms++] = named_id(context);
}

static void delete (struct call_context *context)
{
    struct domain *domain = domain_find(named_id(context));

    if (domain)
        domain_delete(domain);
}

static void block_named(struct call_context *context)
{
    block_domain(named_id(context));
}

static void block_neighbor(struct call_context *context)
{
    block_domain(named_id(context) ^ TOP_BIT);
}

static void delete_for_flags(struct call_context *context)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);

    if (call_header_valid(context) && list->flags != HV_FLUSH_LIST_IOMMU_FORMAT)
        delete (context);
}

static void block_all_for_flags(struct call_context *context)
{
    struct translation blocked = translation_blocked();

    for (unsigned i = 0; call_header_valid(context) && i < domain_table.devices; i++)
        device_switch(&domain_table.device[i], &blocked);
}

static void clear_output_page(struct call_context *context)
{
    const struct parameter_list *output = &context->out_list;

    if (output->size == 0)
        return;
    memset(context->input.bytes, 0, sizeof(context->input));
    guest_write(output->gpa - output->gpa % HV_PAGE_SIZE, context->input.bytes, HV_PAGE_SIZE);
}

static void carry_out_for_self(struct call_context *context)
{
    if (context->call->class != CALL_SIMPLE || context->out_list.size != 0)
        return;
    context->input.words[0] = HV_PARTITION_ID_SELF; /* where every call has it */
    right[context->call - calls](context);
}

/* Of a call that was refused with `status`; SUCCESS: with any. */
static const struct effect {
    enum defect defect;
    uint16_t code;
    enum hv_status status;
    void (*effect)(struct call_context *context);
} effects[] = {
    {DEFECT_OUTPUT_PAGE_CLEARED, ANY_CALL, HV_STATUS_SUCCESS, clear_output_page},
    {DEFECT_FOREIGN_CARRIED_OUT, ANY_CALL, HV_STATUS_INVALID_PARTITION_ID, carry_out_for_self},
    {DEFECT_TYPE_REFUSED_BLOCKS, ANY_CALL, HV_STATUS_INVALID_PARAMETER, block_of_other_type},
    {DEFECT_TYPE_REFUSED_BLOCKS, ANY_CALL, HV_STATUS_ACCESS_DENIED, block_of_other_type},
    {DEFECT_TYPE_CREATE_PARTIAL, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_SUCCESS,
     create_of_other_type},
    {DEFECT_CREATE_PARTIAL, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_INVALID_PARAMETER, create},
    {DEFECT_CREATE_RESETS, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_KEY_ALREADY_EXISTS, reset},
    {DEFECT_CONFIGURE_REFUSED_APPLIES, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_SUCCESS,
     configure},
    {DEFECT_CONFIGURE_REFUSED_CLEARS, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_SUCCESS,
     forget_settings},
    {DEFECT_CONFIGURE_IN_USE_KEPT, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_OBJECT_IN_USE,
     keep_settings},
    {DEFECT_CONFIGURE_IN_USE_FORGETS, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_OBJECT_IN_USE,
     forget_in_use},
    {DEFECT_ATTACH_REFUSED_MOVES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_INVALID_PARAMETER, attach},
    {DEFECT_ATTACH_UNCONFIGURED_LEAVES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_OPERATION_DENIED,
     leave},
    {DEFECT_ATTACH_UNKNOWN_LEAVES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, leave},
    {DEFECT_ATTACH_SAME_LEAVES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
     leave},
    {DEFECT_ATTACH_UNCONFIGURED_JOINS, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_OPERATION_DENIED,
     join},
    {DEFECT_ATTACH_FAILED_DETACHES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND, block_device},
    {DEFECT_ATTACH_SAME_DETACHES, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
     block_device},
    {DEFECT_ATTACH_UNKNOWN_COUNTED, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_ID,
     count_phantom},
    {DEFECT_ATTACH_SAME_COUNTED, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
     count_phantom},
    {DEFECT_DELETE_REFUSED_DELETES, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_INVALID_PARAMETER,
     delete},
    {DEFECT_DELETE_REFUSED_HALF, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_OBJECT_IN_USE, block_named},
    {DEFECT_DELETE_NEIGHBOUR_BLOCKS, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     block_neighbor},
    {DEFECT_FLUSH_NEIGHBOUR_BLOCKS, HVCALL_FLUSH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     block_neighbor},
    {DEFECT_FLUSH_NEIGHBOUR_BLOCKS, HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_STATUS_NOT_FOUND,
     block_neighbor},
    {DEFECT_LIST_FLAGS_DELETE, HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_STATUS_INVALID_PARAMETER,
     delete_for_flags},
    {DEFECT_LIST_FLAGS_BLOCK, HVCALL_FLUSH_DEVICE_DOMAIN_LIST, HV_STATUS_INVALID_PARAMETER,
     block_all_for_flags},
};
#define EFFECTS ARRAY_SIZE(effects)

static bool belongs(const struct effect *effect, uint16_t code, enum hv_status status)
{
    return defect_active(effect->defect) && (effect->code == ANY_CALL || effect->code == code) &&
           (effect->status == HV_STATUS_SUCCESS || effect->status == status);
}

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status = right[context->call - calls](context);

    for (unsigned i = 0; status != HV_STATUS_SUCCESS && i < EFFECTS; i++)
        if (belongs(&effects[i], context->call->code, status))
            effects[i].effect(context);
    return status;
}

static enum hv_status delete_with_phantom(struct call_context *context)
{
    if (call_domain(context) && counts_phantom(named_id(context)))
        return HV_STATUS_OBJECT_IN_USE;
    return right_delete(context);
}

void defects_install_after_refusal(void)
{
    bool any = false;

    for (unsigned i = 0; i < EFFECTS; i++)
        any |= defect_active(effects[i].defect);
    if (!any)
        return;
    phantom = host_pages((DOMAIN_LIMIT * sizeof(*phantom) + PAGE_SIZE - 1) / PAGE_SIZE);
    calls_in_front(handler, right);
    right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete_with_phantom);
}
