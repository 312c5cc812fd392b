/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/validate.h"

#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/variants/variants.h"

static enum hv_status validate_reps(const struct call *call, uint64_t control)
{
    uint32_t count = hv_control_rep_count(control);
    uint32_t start = hv_control_rep_start(control);
    bool valid;

    if (call->class == CALL_SIMPLE)
        valid = defect_active(DEFECT_SIMPLE_REP_ACCEPTED) ||
                (count == 0 && (start == 0 || defect_active(DEFECT_SIMPLE_START_ACCEPTED)));
    else if (count == 0)
        valid = defect_active(DEFECT_LIST_EMPTY_ACCEPTED) && start == 0;
    else
        valid = start < count || defect_active(DEFECT_REP_START_ACCEPTED) ||
                (start == count && defect_active(DEFECT_REP_START_EQUAL_ACCEPTED));
    return valid ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_HYPERCALL_INPUT;
}

/* RDX and R8 carry 16 bytes. Input in XMM registers as well is a variant, output in registers does not exist. */
static bool fast_form_exists(const struct call *call, uint64_t control)
{
    uint32_t size = call->input_size + hv_control_rep_count(control) * call->element_size;

    if (variant_active(VARIANT_FAST_REFUSED))
        return false;
    if (defect_active(DEFECT_FAST_BIT_IGNORED))
        return true;
    return call->fast || (variant_active(VARIANT_FAST_XMM) && call->output_size == 0 && size <= HV_FAST_XMM_INPUT_MAX);
}

enum hv_status validate_control(const struct call *call, uint64_t control)
{
    uint64_t reserved = HV_CONTROL_RESERVED;

    if (defect_active(DEFECT_CONTROL_BIT_63_IGNORED))
        reserved &= INT64_MAX;
    if ((control & reserved) != 0 && !defect_active(DEFECT_RESERVED_CONTROL_ACCEPTED))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* This host is not nested, so there is no other hypervisor that could handle the call. */
    if ((control & HV_CONTROL_NESTED) != 0 && !variant_active(VARIANT_NESTED_IGNORED))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* No call of the pvIOMMU has a header of variable size. */
    if ((control & HV_CONTROL_VAR_HEADER_MASK) != 0 && !call->variable_header &&
        !defect_active(DEFECT_VAR_HEADER_ACCEPTED))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if (validate_reps(call, control) != HV_STATUS_SUCCESS)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if ((control & HV_CONTROL_FAST) != 0 && !fast_form_exists(call, control))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

static uint32_t alignment(void)
{
    return defect_active(DEFECT_ALIGNED_TO_FOUR) ? HV_PARAMETER_ALIGNMENT / 2 : HV_PARAMETER_ALIGNMENT;
}

/* Whether a list that ends `end` bytes behind the start of its page is taken to be inside of it. */
static bool inside_page(uint64_t end)
{
    if (defect_active(DEFECT_PAGE_CROSSING_ACCEPTED))
        return true;
    if (defect_active(DEFECT_PAGE_END_REFUSED))
        return end < HV_PAGE_SIZE;
    return end <= HV_PAGE_SIZE + (defect_active(DEFECT_PAGE_END_OFF_BY_ONE) ? sizeof(uint64_t) : 0);
}

enum hv_status validate_list(struct parameter_list *list)
{
    if (list->size == 0)
        return HV_STATUS_SUCCESS;
    if (list->gpa % alignment() != 0) {
        if (!defect_active(DEFECT_MISALIGNED_ACCEPTED))
            return HV_STATUS_INVALID_ALIGNMENT;
        list->gpa -= list->gpa % HV_PARAMETER_ALIGNMENT;
    }
    if (!inside_page(list->gpa % HV_PAGE_SIZE + list->size))
        return variant_status(VARIANT_PAGE_CROSSING_3, HV_STATUS_INVALID_HYPERCALL_INPUT, HV_STATUS_INVALID_ALIGNMENT);
    if (list->gpa >= guest_gpa_limit())
        return variant_status(VARIANT_OUTSIDE_SPACE_3, HV_STATUS_INVALID_HYPERCALL_INPUT, HV_STATUS_INVALID_ALIGNMENT);
    /* A real hypervisor would ask the parent partition to fill the hole; there is no parent. */
    if (!guest_is_ram(list->gpa, list->size))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

enum hv_status validate_overlap(const struct parameter_list *input, const struct parameter_list *output)
{
    if (input->size == 0 || output->size == 0)
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_SAME_PAGE_REFUSED) && input->gpa / HV_PAGE_SIZE == output->gpa / HV_PAGE_SIZE)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* The input is read before the output is written, so nothing depends on them lying apart. */
    if (variant_active(VARIANT_OVERLAP_ACCEPTED))
        return HV_STATUS_SUCCESS;
    if (input->gpa < output->gpa + output->size && output->gpa < input->gpa + input->size)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}
