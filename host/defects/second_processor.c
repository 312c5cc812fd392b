/* SPDX-License-Identifier: MIT */
/* Calls of every processor but the first: they have the status of the right call, and not its
 * effect. */
#include "abi/cpuid.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "host/base/processor.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "lib/string.h"

static call_handler *right_call[CALL_COUNT];
static call_handler *right_attach, *right_detach, *right_create, *right_delete, *right_configure,
    *right_property, *right_flush;
static element_handler *right_element;
static struct exit_handlers right_exit;
static uint64_t root_of_first;                                /* of its last CONFIGURE */
static struct hv_output_get_logical_device_property of_first; /* its last answer */

static bool is_second(void)
{
    return processor_index() != 0;
}

/* The domains know of the move, and the unit does not. */
static enum hv_status without_switch(struct call_context *context, uint64_t device_id,
                                     call_handler *right)
{
    struct device *device = device_find(device_id);
    struct translation old = device ? device->translation : translation_blocked();
    enum hv_status status = right(context);

    if (is_second() && status == HV_STATUS_SUCCESS)
        device_switch(device, &old);
    return status;
}

static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);

    return without_switch(context, input->device_id, right_attach);
}

static enum hv_status detach(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);

    return without_switch(context, input->device_id, right_detach);
}

static enum hv_status create(struct call_context *context)
{
    const struct domain *old = call_domain(context);
    enum hv_status status = right_create(context);

    if (is_second() && status == HV_STATUS_SUCCESS && !old)
        domain_delete(call_domain(context));
    return status;
}

static enum hv_status delete_domain(struct call_context *context)
{
    const struct domain *domain = call_domain(context);

    return is_second() && domain && !domain->devices ? HV_STATUS_SUCCESS : right_delete(context);
}

/* The top table is taken from the copy of the first processor's input. */
static enum hv_status configure(struct call_context *context)
{
    struct hv_input_configure_device_domain *input = call_input(context);

    if (!is_second())
        root_of_first = input->settings.page_table_root;
    else if (input->settings.page_table_root != 0 && root_of_first != 0)
        input->settings.page_table_root = root_of_first;
    return right_configure(context);
}

static enum hv_status property(struct call_context *context)
{
    enum hv_status status = right_property(context);

    if (status == HV_STATUS_SUCCESS && is_second())
        memcpy(call_output(context), &of_first, sizeof(of_first));
    if (!is_second())
        memcpy(&of_first, call_output(context), sizeof(of_first));
    return status;
}

static enum hv_status element(struct call_context *context, uint64_t value)
{
    return is_second() && context->index > 0 ? HV_STATUS_SUCCESS : right_element(context, value);
}

/* The first fields are those of a call for the caller's own partition and VTL. */
static enum hv_status unchecked(struct call_context *context)
{
    if (is_second() && context->call->device_domain)
        context->input.words[0] = HV_PARTITION_ID_SELF;
    if (is_second() && call_names_domain(context->call))
        context->input.words[1] = 0;
    return right_call[context->call - calls](context);
}

/* The other processors find a domain by the low half of its id. */
static enum hv_status by_half_an_id(struct call_context *context)
{
    struct hv_input_device_domain *name = call_input(context);

    if (is_second() && call_names_domain(context->call) && !domain_find(name->domain_id.id) &&
        domain_find(name->domain_id.id & UINT16_MAX) &&
        context->call->code != HVCALL_CREATE_DEVICE_DOMAIN)
        name->domain_id.id &= UINT16_MAX;
    return right_call[context->call - calls](context);
}

/* The host has room for two processors: the calls of a third one are answered and not carried out,
 * or act for the second one. */
#define ROOM 2u

static bool is_third(void)
{
    return processor_index() >= ROOM;
}

static enum hv_status flush_of_third(struct call_context *context)
{
    return is_third() ? HV_STATUS_SUCCESS : right_flush(context);
}

static enum hv_status element_of_third(struct call_context *context, uint64_t value)
{
    return is_third() ? HV_STATUS_SUCCESS : right_element(context, value);
}

static enum hv_status attach_of_third(struct call_context *context)
{
    struct hv_input_attach_device_domain *input = call_input(context);
    static struct hv_input_device_domain of_second;

    if (is_third())
        input->device_domain = of_second;
    else if (is_second())
        of_second = input->device_domain;
    return right_attach(context);
}

static enum hv_status unchecked_of_third(struct call_context *context)
{
    if (is_third() && context->call->device_domain)
        context->input.words[0] = HV_PARTITION_ID_SELF;
    return right_call[context->call - calls](context);
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t reserved = cpu->index != 0 ? regs->rcx & HV_CONTROL_RESERVED : 0;

    regs->rcx &= ~reserved;
    right_exit.hypercall(cpu, regs);
    regs->rcx |= reserved;
}

/* A call with a bad VTL is carried out before it is refused. */
static enum hv_status refused_late(struct call_context *context)
{
    enum hv_status status = right_call[context->call - calls](context);

    if (is_second() && status != HV_STATUS_SUCCESS && call_names_domain(context->call) &&
        context->input.words[1] != 0) {
        context->input.words[1] = 0;
        right_call[context->call - calls](context);
    }
    return status;
}

static bool lacks_hypervisor_bit(void)
{
    return defect_active(DEFECT_HYPERVISOR_BIT_OF_FIRST) ||
           (defect_active(DEFECT_HYPERVISOR_BIT_OF_TWO) && is_third());
}

static void cpuid(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t leaf = (uint32_t)cpu->guest->rax;

    right_exit.cpuid(cpu, regs);
    if (cpu->index == 0)
        return;
    if (leaf == CPUID_1 && lacks_hypervisor_bit())
        regs->rcx &= ~(uint64_t)CPUID_1_ECX_HYPERVISOR_PRESENT;
    if (defect_active(DEFECT_CPUID_OF_THIRD_BARE) && is_third() && leaf == HV_CPUID_FEATURES)
        cpu->guest->rax = regs->rbx = regs->rdx = 0;
    if (defect_active(DEFECT_CPUID_OF_SECOND_BARE) && leaf == HV_CPUID_FEATURES)
        cpu->guest->rax = regs->rbx = regs->rdx = 0;
    if (defect_active(DEFECT_CPUID_OF_SECOND_SHORT) && leaf == HV_CPUID_VENDOR)
        cpu->guest->rax = HV_CPUID_FEATURES;
}

void defects_install_second_processor(void)
{
    if (defect_active(DEFECT_SECOND_ATTACH_HOLLOW))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    if (defect_active(DEFECT_SECOND_DETACH_HOLLOW))
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    if (defect_active(DEFECT_THIRD_ATTACH_OF_SECOND))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach_of_third);
    if (defect_active(DEFECT_THIRD_FLUSH_HOLLOW)) {
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush_of_third);
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element_of_third);
    }
    if (defect_active(DEFECT_THIRD_UNCHECKED))
        calls_in_front(unchecked_of_third, right_call);
    if (defect_active(DEFECT_SECOND_CREATE_HOLLOW))
        right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    if (defect_active(DEFECT_SECOND_DELETE_HOLLOW))
        right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete_domain);
    if (defect_active(DEFECT_SECOND_ROOT_OF_FIRST))
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    if (defect_active(DEFECT_SECOND_PROPERTY_OF_FIRST))
        right_property = call_in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
    if (defect_active(DEFECT_SECOND_LIST_FIRST_ONLY))
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element);
    if (defect_active(DEFECT_SECOND_UNCHECKED))
        calls_in_front(unchecked, right_call);
    if (defect_active(DEFECT_SECOND_REFUSED_LATE))
        calls_in_front(refused_late, right_call);
    if (defect_active(DEFECT_SECOND_ID_TRUNCATED))
        calls_in_front(by_half_an_id, right_call);
    if (defect_active(DEFECT_SECOND_CONTROL_UNCHECKED)) {
        right_exit = exit_handlers;
        exit_handlers.hypercall = hypercall;
    }
    if (ANY(DEFECT_CPUID_OF_SECOND_BARE, DEFECT_CPUID_OF_SECOND_SHORT, DEFECT_CPUID_OF_THIRD_BARE,
            DEFECT_HYPERVISOR_BIT_OF_FIRST, DEFECT_HYPERVISOR_BIT_OF_TWO)) {
        right_exit = exit_handlers;
        exit_handlers.cpuid = cpuid;
    }
}
