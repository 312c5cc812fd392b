/* SPDX-License-Identifier: MIT */
/* Form of a call: control word, parameter lists, the fields in front; and writes to the lists that
 * no call asks for. */
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/defects/softiommu_faults.h"
#include "host/defects/softiommu_memory.h"
#include "host/domains/domains.h"
#include "host/hypercalls/rules.h"
#include "host/hypercalls/validate.h"

static call_handler *right_handler[CALL_COUNT];
static exit_handler *right_exit;
static call_handler *right_flush, *right_list;
static element_handler *right_element;
static bool first_only; /* of the list that is flushed */

static bool in_one_page(const struct call_context *context)
{
    const struct parameter_list *input = &context->in_list, *output = &context->out_list;

    return input->size != 0 && output->size != 0 &&
           input->gpa / HV_PAGE_SIZE == output->gpa / HV_PAGE_SIZE;
}

/* Flags without a meaning: less is flushed than without them. */
#define FLAGS_EMPTY       0xFFFFFFF0u
#define FLAG_FLUSH_LEAVES 4u

static enum hv_status flush_by_flags(struct call_context *context)
{
    struct hv_input_flush_device_domain *input = call_input(context);
    struct domain *domain = call_domain(context);
    const struct page_range page = {.first = 0, .count = 1};

    if (domain && defect_active(DEFECT_FLUSH_FLAG_EMPTY) && input->flags & FLAGS_EMPTY)
        return HV_STATUS_SUCCESS;
    if (domain && defect_active(DEFECT_FLUSH_FLAG_FIRST_PAGE) && input->flags == 1) {
        domain_flush_range(domain, page);
        return HV_STATUS_SUCCESS;
    }
    return right_flush(context);
}

static enum hv_status list_by_flags(struct call_context *context)
{
    struct hv_input_flush_device_domain_list *input = call_input(context);

    first_only = input->flags & ~HV_FLUSH_LIST_IOMMU_FORMAT;
    input->flags = first_only && input->flags & HV_FLUSH_LIST_IOMMU_FORMAT
                       ? HV_FLUSH_LIST_IOMMU_FORMAT
                       : input->flags;
    return right_list(context);
}

/* One flag means that no table has changed. */
static enum hv_status flush_leaves(struct call_context *context)
{
    struct hv_input_flush_device_domain *input = call_input(context);
    enum hv_status status;

    softiommu_memory.tables_kept = input->flags == FLAG_FLUSH_LEAVES;
    input->flags = softiommu_memory.tables_kept ? 0 : input->flags;
    status = right_flush(context);
    softiommu_memory.tables_kept = false;
    return status;
}

static enum hv_status element_by_flags(struct call_context *context, uint64_t element)
{
    return first_only && context->index > 0 ? HV_STATUS_SUCCESS : right_element(context, element);
}

/* R8 of a call without output, taken for the address of one. */
static enum hv_status unused_output(const struct call_context *context)
{
    struct parameter_list list = {.gpa = context->out_list.gpa, .size = HV_PARAMETER_ALIGNMENT};

    if (context->call->output_size != 0 || (context->control & HV_CONTROL_FAST) != 0 ||
        list.gpa == 0)
        return HV_STATUS_SUCCESS;
    return validate_list(&list, call_rules.list.output_alignment);
}

/* Writes beside the output. */
static void write_beside(const struct call_context *context)
{
    static const uint64_t mark = 1, rest;

    if (defect_active(DEFECT_INPUT_MARKED) && context->call->code == HVCALL_DELETE_DEVICE_DOMAIN)
        guest_write(context->in_list.gpa + sizeof(uint64_t), &mark, sizeof(mark)); /* padding */
    if (defect_active(DEFECT_OUTPUT_TOO_LONG) &&
        context->call->code == HVCALL_GET_LOGICAL_DEVICE_PROPERTY)
        guest_write(context->out_list.gpa + context->out_list.size, &rest, sizeof(rest));
}

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status = HV_STATUS_SUCCESS;

    if (defect_active(DEFECT_SAME_PAGE_REFUSED) && in_one_page(context))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if (defect_active(DEFECT_UNUSED_GPA_CHECKED))
        status = unused_output(context);
    if (status == HV_STATUS_SUCCESS)
        status = right_handler[context->call - calls](context);
    if (status == HV_STATUS_SUCCESS)
        write_beside(context);
    return status;
}

/* Success for a rep call whose count and start allow none. */
static bool reps_accepted(const struct call *call, uint64_t control)
{
    uint32_t count = hv_control_rep_count(control), start = hv_control_rep_start(control);

    if (call->class != CALL_REP || start < count)
        return false;
    if (count == 0)
        return start == 0 && defect_active(DEFECT_LIST_EMPTY_ACCEPTED);
    return defect_active(DEFECT_REP_START_ACCEPTED) ||
           (start == count && defect_active(DEFECT_REP_START_EQUAL_ACCEPTED));
}

/* After a call was refused for its form. */
static void refused(const struct call *call, struct cpu *cpu, const struct guest_registers *regs)
{
    static const uint64_t nothing;
    enum hv_status status = hv_result_status(cpu->guest->rax);

    if (status == HV_STATUS_INVALID_HYPERCALL_INPUT && reps_accepted(call, regs->rcx))
        cpu->guest->rax = hv_result(HV_STATUS_SUCCESS, hv_control_rep_count(regs->rcx));
    /* R8, as if an output belonged there. */
    if (defect_active(DEFECT_REFUSED_SCRIBBLES) && call->output_size == 0 &&
        (status == HV_STATUS_INVALID_HYPERCALL_INPUT || status == HV_STATUS_INVALID_ALIGNMENT))
        guest_write(regs->r8, &nothing, sizeof(nothing));
}

/* The header of a list lies in one page, wherever its elements are. */
static bool header_in_page(const struct call *call, uint64_t gpa)
{
    return call && call->class == CALL_REP && gpa % HV_PAGE_SIZE + call->input_size <= HV_PAGE_SIZE;
}

/* In front of the exit: the call sees other registers than those of the guest. */
static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    const struct call *call = call_find(hv_control_code(regs->rcx));
    uint64_t fast = regs->rcx & HV_CONTROL_FAST, rdx = regs->rdx, r8 = regs->r8,
             rip = cpu->guest->rip;

    if (defect_active(DEFECT_FAST_BIT_IGNORED))
        regs->rcx &= ~HV_CONTROL_FAST;
    if (defect_active(DEFECT_MISALIGNED_ACCEPTED) && fast == 0) {
        regs->rdx -= rdx % HV_PARAMETER_ALIGNMENT;
        regs->r8 -= r8 % HV_PARAMETER_ALIGNMENT;
    }
    if (defect_active(DEFECT_INPUT_32_BITS) && fast == 0)
        regs->rdx = (uint32_t)rdx;
    if (defect_active(DEFECT_OUTPUT_32_BITS) && fast == 0)
        regs->r8 = (uint32_t)r8;
    if (defect_active(DEFECT_LISTS_HIGH_REFUSED) && fast == 0 && rdx > UINT32_MAX)
        regs->rdx = guest_gpa_limit();
    if (defect_active(DEFECT_LIST_HEADER_CHECKED))
        call_rules.list.end = header_in_page(call, rdx) ? UINT32_MAX : HV_PAGE_SIZE;
    right_exit(cpu, regs);
    regs->rcx |= fast;
    regs->rdx = rdx;
    regs->r8 = r8;
    if (call && cpu->guest->rip != rip)
        refused(call, cpu, regs);
}

static void install_control_rules(void)
{
    if (defect_active(DEFECT_RESERVED_CONTROL_ACCEPTED))
        call_rules.control_reserved &= ~HV_CONTROL_RESERVED;
    if (defect_active(DEFECT_CONTROL_BIT_63_IGNORED))
        call_rules.control_reserved &= INT64_MAX;
    if (defect_active(DEFECT_VAR_HEADER_ACCEPTED))
        call_rules.control_reserved &= ~HV_CONTROL_VAR_HEADER_MASK;
    if (defect_active(DEFECT_SIMPLE_REP_ACCEPTED))
        call_rules.control_reserved_simple = 0;
    if (defect_active(DEFECT_SIMPLE_START_ACCEPTED))
        call_rules.control_reserved_simple &= ~HV_CONTROL_REP_START_MASK;
}

static void install_list_rules(void)
{
    if (defect_active(DEFECT_ALIGNED_TO_FOUR))
        call_rules.list.input_alignment = call_rules.list.output_alignment =
            HV_PARAMETER_ALIGNMENT / 2;
    if (defect_active(DEFECT_OUTPUT_UNALIGNED))
        call_rules.list.output_alignment = 1;
    if (defect_active(DEFECT_PAGE_CROSSING_ACCEPTED))
        call_rules.list.end = UINT32_MAX;
    if (defect_active(DEFECT_PAGE_END_REFUSED))
        call_rules.list.end = HV_PAGE_SIZE - 1;
    if (defect_active(DEFECT_PAGE_END_OFF_BY_ONE))
        call_rules.list.end = HV_PAGE_SIZE + sizeof(uint64_t);
}

static void install_header_rules(void)
{
    if (defect_active(DEFECT_FOREIGN_PARTITION))
        call_rules.partition_bits = 0;
    if (defect_active(DEFECT_PARTITION_LOW_WORD))
        call_rules.partition_bits = UINT32_MAX;
    if (defect_active(DEFECT_PARTITION_ZERO))
        call_rules.partition_number = HV_PARTITION_ID_INVALID;
    if (defect_active(DEFECT_VTL_IGNORED))
        call_rules.vtl_bits = 0;
    for (uint32_t type = HV_DEVICE_DOMAIN_TYPE_SOC + 1; type <= HV_DEVICE_DOMAIN_TYPE_MASK; type++)
        if (defect_active(DEFECT_TYPE_BEYOND_ACCEPTED))
            call_rules.domain_type[type] = HV_STATUS_SUCCESS;
}

void defects_install_parameter_lists(void)
{
    install_control_rules();
    install_list_rules();
    install_header_rules();
    if (ANY(DEFECT_FLUSH_FLAG_EMPTY, DEFECT_FLUSH_FLAG_FIRST_PAGE))
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush_by_flags);
    if (defect_active(DEFECT_FLUSH_FLAG_LEAVES))
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush_leaves);
    softiommu_faulty = softiommu_faulty || defect_active(DEFECT_FLUSH_FLAG_LEAVES);
    if (defect_active(DEFECT_LIST_FLAG_FIRST)) {
        right_list = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, list_by_flags);
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element_by_flags);
    }
    if (ANY(DEFECT_SAME_PAGE_REFUSED, DEFECT_UNUSED_GPA_CHECKED, DEFECT_INPUT_MARKED,
            DEFECT_OUTPUT_TOO_LONG))
        calls_in_front(handler, right_handler);
    if (ANY(DEFECT_FAST_BIT_IGNORED, DEFECT_MISALIGNED_ACCEPTED, DEFECT_LIST_HEADER_CHECKED,
            DEFECT_REFUSED_SCRIBBLES, DEFECT_LIST_EMPTY_ACCEPTED, DEFECT_REP_START_ACCEPTED,
            DEFECT_REP_START_EQUAL_ACCEPTED, DEFECT_INPUT_32_BITS, DEFECT_OUTPUT_32_BITS,
            DEFECT_LISTS_HIGH_REFUSED)) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = hypercall;
    }
}
