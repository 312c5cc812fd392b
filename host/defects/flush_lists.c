/* SPDX-License-Identifier: MIT */
/* Elements of a flush list that are misread or left out, and wrong numbers of completed ones. */
#include "abi/hypercall.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/hypercalls/flush_calls.h"

#define BATCH_END  256u
#define TABLE_BITS 48u

static call_handler *right_list;
static uint32_t last_id; /* of the domain of the last list; 0: none */
static element_handler *right_element;
static exit_handler *right_exit;
static bool was_refused; /* an element, in this part of the call */

static bool is_valid(uint64_t element)
{
    struct page_range range;

    return flush_element_decode(element, &range) == HV_STATUS_SUCCESS;
}

/* Reserved bits, or a shift beyond everything. */
static bool is_odd(uint64_t element)
{
    return (element & HV_IOMMU_RANGE_RESERVED) != 0 ||
           hv_iommu_range_shift(element) > HV_IOMMU_RANGE_SHIFT_ALL;
}

static bool any_bad(struct call_context *context)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);

    for (uint32_t i = 0; i < hv_control_rep_count(context->control); i++)
        if (!is_valid(list->range[i]))
            return true;
    return false;
}

/* The last page that the reported width, which is at most that of a table of four levels, has. */
static bool ends_with_last_page(uint64_t element)
{
    unsigned bits = domain_table.backend->limits()->iova_bits;
    struct page_range range;

    return flush_element_decode(element, &range) == HV_STATUS_SUCCESS &&
           range.first + range.count == UINT64_C(1)
                                            << ((bits < TABLE_BITS ? bits : TABLE_BITS) - 12);
}

/* An element before this one is zero. */
static bool zero_before(struct call_context *context)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);

    for (uint32_t i = 0; i < context->index; i++)
        if (list->range[i] == 0)
            return true;
    return false;
}

static bool is_large(uint64_t element)
{
    return hv_iommu_range_shift(element) >= 9;
}

/* Large elements in front of this large one: all of them, or those that lie side by side with it.
 */
static uint32_t large_before(struct call_context *context, bool joined)
{
    const struct hv_input_flush_device_domain_list *list = call_input(context);
    uint32_t count = 0;

    for (uint32_t i = context->index; i > 0; i--) {
        uint64_t before = list->range[i - 1];

        if (joined && (!is_large(before) || hv_iommu_range_page(before) +
                                                    (UINT64_C(1) << hv_iommu_range_shift(before)) !=
                                                hv_iommu_range_page(list->range[i])))
            break;
        count += is_large(before);
    }
    return count;
}

static bool is_left_out_of_batch(struct call_context *context, uint64_t element)
{
    return is_large(element) &&
           ((defect_active(DEFECT_LIST_LARGE_BATCH) && large_before(context, false) >= 64) ||
            (defect_active(DEFECT_LIST_LARGE_RUN) && large_before(context, true) % 9 == 8));
}

static bool is_left_out_by_number(uint32_t index, uint32_t count)
{
    if (index != count - 1)
        return false;
    return (defect_active(DEFECT_LIST_POWER_OF_TWO) && count > 2 && (count & (count - 1)) == 0) ||
           (defect_active(DEFECT_LIST_ODD_LAST) && count > 1 && count % 2 != 0);
}

static bool is_left_out_by_value(struct call_context *context, uint64_t element)
{
    return (element == 0 && ANY(DEFECT_LIST_ZERO_SKIPPED, DEFECT_LIST_ZERO_ENDS)) ||
           (defect_active(DEFECT_LIST_ZERO_ENDS) && zero_before(context)) ||
           (defect_active(DEFECT_LIST_LAST_PAGE) && ends_with_last_page(element));
}

static bool is_left_out(struct call_context *context, uint64_t element)
{
    uint32_t count = hv_control_rep_count(context->control), index = context->index;

    if (is_left_out_by_number(index, count) || is_left_out_by_value(context, element) ||
        is_left_out_of_batch(context, element))
        return true;
    if (defect_active(DEFECT_LIST_FIRST_ONLY) && index != 0)
        return true;
    if (defect_active(DEFECT_LIST_LAST_DROPPED) && count > 1 && index == count - 1)
        return true;
    if (defect_active(DEFECT_LIST_ELEMENT_256_LOST) && index == BATCH_END)
        return true;
    if (defect_active(DEFECT_LIST_ALL_IGNORED) &&
        hv_iommu_range_shift(element) == HV_IOMMU_RANGE_SHIFT_ALL)
        return true;
    return defect_active(DEFECT_LIST_ERROR_ROLLBACK) && any_bad(context);
}

/* The header of a list, which means less where the list starts late. */
static enum hv_status list(struct call_context *context)
{
    bool late = hv_control_rep_start(context->control) != 0;
    struct domain *last = last_id != 0 ? domain_find(last_id) : NULL;
    enum hv_status status;

    if (late && last && defect_active(DEFECT_LATE_LIST_OLD_DOMAIN)) {
        context->domain = last;
        return HV_STATUS_SUCCESS;
    }
    status = right_list(context);
    if (status == HV_STATUS_SUCCESS) {
        last_id = context->domain->id;
    } else if (late && defect_active(DEFECT_LATE_LIST_HEADER_PASSES)) {
        context->domain = NULL;
        return HV_STATUS_SUCCESS;
    }
    return status;
}

static enum hv_status run_element(struct call_context *context, uint64_t element)
{
    bool all = hv_iommu_range_shift(element) == HV_IOMMU_RANGE_SHIFT_ALL;

    if (is_odd(element))
        return defect_active(DEFECT_LIST_SHIFT_TWELVE_BITS) ? HV_STATUS_SUCCESS
                                                            : right_element(context, element);
    if (all && defect_active(DEFECT_LIST_ALL_REFUSED))
        return HV_STATUS_INVALID_PARAMETER;
    if (!is_valid(element) && defect_active(DEFECT_LIST_UNALIGNED_SHORT))
        element = hv_iommu_range(hv_iommu_range_page(element), 0);
    if (is_valid(element) && is_left_out(context, element))
        return HV_STATUS_SUCCESS;
    return right_element(context, element);
}

static enum hv_status element(struct call_context *context, uint64_t value)
{
    enum hv_status status =
        context->domain ? run_element(context, value) : HV_STATUS_SUCCESS; /* nothing to flush */

    was_refused = status != HV_STATUS_SUCCESS;
    return status;
}

/* The right result of a list in other words. `start`: rep start of this part of the call. */
static uint64_t misreported(uint64_t result, uint32_t start, uint32_t count)
{
    enum hv_status status = hv_result_status(result);
    uint32_t done = hv_result_reps(result);

    if (status == HV_STATUS_SUCCESS)
        return hv_result(status, done - (defect_active(DEFECT_LIST_REPS_SHORT) && done != 0));
    if (!was_refused)
        return result;
    if (defect_active(DEFECT_LIST_ERROR_HIDDEN))
        return hv_result(HV_STATUS_SUCCESS, count);
    if (defect_active(DEFECT_LIST_ERROR_REPS))
        done = 0;
    if (defect_active(DEFECT_LIST_ERROR_REPS_PART))
        done -= start;
    if (defect_active(DEFECT_LIST_ERROR_REPS_ONE_MORE))
        done++;
    return hv_result(status, done);
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t control = regs->rcx, rip = cpu->guest->rip;

    was_refused = false;
    right_exit(cpu, regs);
    if (cpu->guest->rip != rip && hv_control_code(control) == HVCALL_FLUSH_DEVICE_DOMAIN_LIST)
        cpu->guest->rax = misreported(cpu->guest->rax, hv_control_rep_start(control),
                                      hv_control_rep_count(control));
}

void defects_install_flush_lists(void)
{
    bool results = ANY(DEFECT_LIST_REPS_SHORT, DEFECT_LIST_ERROR_HIDDEN, DEFECT_LIST_ERROR_REPS,
                       DEFECT_LIST_ERROR_REPS_PART, DEFECT_LIST_ERROR_REPS_ONE_MORE);

    if (results) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = hypercall;
    }
    if (ANY(DEFECT_LATE_LIST_OLD_DOMAIN, DEFECT_LATE_LIST_HEADER_PASSES))
        right_list = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, list);
    if (results ||
        ANY(DEFECT_LATE_LIST_HEADER_PASSES, DEFECT_LIST_SHIFT_TWELVE_BITS, DEFECT_LIST_ALL_REFUSED,
            DEFECT_LIST_UNALIGNED_SHORT, DEFECT_LIST_FIRST_ONLY, DEFECT_LIST_LAST_DROPPED,
            DEFECT_LIST_ELEMENT_256_LOST, DEFECT_LIST_ALL_IGNORED, DEFECT_LIST_ERROR_ROLLBACK,
            DEFECT_LIST_ZERO_SKIPPED, DEFECT_LIST_ZERO_ENDS, DEFECT_LIST_LAST_PAGE,
            DEFECT_LIST_POWER_OF_TWO, DEFECT_LIST_ODD_LAST, DEFECT_LIST_LARGE_BATCH,
            DEFECT_LIST_LARGE_RUN))
        right_element = call_element_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, element);
}
