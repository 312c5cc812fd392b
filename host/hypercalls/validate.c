/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/validate.h"

#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/hypercalls/rules.h"

/* RDX and R8 carry 16 bytes of input and no output: DETACH is the one call of the pvIOMMU that fits. */
static bool fast_form_exists(const struct call *call, uint64_t control)
{
    uint32_t size = call->input_size + hv_control_rep_count(control) * call->element_size;

    return call->output_size == 0 && size <= call_rules.fast_input_max;
}

static bool reps_valid(const struct call *call, uint64_t control)
{
    if (call->class == CALL_SIMPLE)
        return (control & call_rules.control_reserved_simple) == 0;
    return hv_control_rep_start(control) < hv_control_rep_count(control);
}

enum hv_status validate_control(const struct call *call, uint64_t control)
{
    uint64_t reserved = call_rules.control_reserved;

    if (call->variable_header)
        reserved &= ~HV_CONTROL_VAR_HEADER_MASK;
    if ((control & reserved) != 0 || !reps_valid(call, control))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if ((control & HV_CONTROL_FAST) != 0 && !fast_form_exists(call, control))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

enum hv_status validate_list(const struct parameter_list *list, uint32_t alignment)
{
    if (list->size == 0)
        return HV_STATUS_SUCCESS;
    if (list->gpa % alignment != 0)
        return HV_STATUS_INVALID_ALIGNMENT;
    if (list->gpa % HV_PAGE_SIZE + list->size > call_rules.list.end)
        return call_rules.list.beyond;
    if (list->gpa >= guest_gpa_limit())
        return call_rules.list.outside;
    /* A real hypervisor would ask the parent partition to fill the hole; there is no parent. */
    if (!guest_is_ram(list->gpa, list->size))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

enum hv_status validate_overlap(const struct parameter_list *input, const struct parameter_list *output)
{
    if (input->size == 0 || output->size == 0)
        return HV_STATUS_SUCCESS;
    if (input->gpa < output->gpa + output->size && output->gpa < input->gpa + input->size)
        return call_rules.list.overlap;
    return HV_STATUS_SUCCESS;
}
