/* SPDX-License-Identifier: MIT */
/* SIGNAL_EVENT in one of its two forms, and registers that are no part of its
 * input. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "lib/bits.h"

static call_handler *right_signal;

/* In memory, the page of the input begins with another one. */
static void take_page_start(struct call_context *context)
{
    if (defect_active(DEFECT_SIGNAL_FROM_PAGE_START))
        (void)guest_read(context->in_list.gpa & ~(uint64_t)(HV_PAGE_SIZE - 1), call_input(context),
                         sizeof(struct hv_input_signal_event));
}

static enum hv_status signal_in_memory(struct call_context *context)
{
    if (defect_active(DEFECT_SIGNAL_IN_REGISTERS_ONLY))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if (defect_active(DEFECT_SIGNAL_IN_MEMORY_UNHEARD))
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_SIGNAL_OUTPUT_CHECKED) &&
        !is_aligned(context->out_list.gpa, HV_PARAMETER_ALIGNMENT))
        return HV_STATUS_INVALID_ALIGNMENT;
    take_page_start(context);
    return right_signal(context);
}

static enum hv_status signal(struct call_context *context)
{
    if ((context->control & HV_CONTROL_FAST) == 0)
        return signal_in_memory(context);
    if (defect_active(DEFECT_SIGNAL_R8_RESERVED) && context->input.words[1] != 0)
        return HV_STATUS_INVALID_PARAMETER;
    return right_signal(context);
}

void defects_install_signal_forms(void)
{
    if (ANY(DEFECT_SIGNAL_IN_REGISTERS_ONLY, DEFECT_SIGNAL_IN_MEMORY_UNHEARD,
            DEFECT_SIGNAL_FROM_PAGE_START, DEFECT_SIGNAL_OUTPUT_CHECKED, DEFECT_SIGNAL_R8_RESERVED))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
