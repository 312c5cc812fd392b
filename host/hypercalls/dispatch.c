/* SPDX-License-Identifier: MIT */
/*
 * Entry of every hypercall. The order of the checks is part of the host's contract
 * (docs/host-choices.md): code, control word, input list, output list, overlap, then the fields in
 * the order of the structure. Nothing is written before all have passed.
 */
#include "abi/hypercall.h"
#include "host/base/counters.h"
#include "host/base/memory.h"
#include "host/base/processor.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/rules.h"
#include "host/hypercalls/validate.h"
#include "lib/hot.h"
#include "lib/string.h"

/* Too large for the host's stack. */
static struct call_context contexts[HOST_CPUS_MAX];

HOT_DATA call_observer_function *call_observer;

uint32_t call_header_qwords(const struct call_context *context)
{
    return context->call->variable_header ? hv_control_var_header_qwords(context->control) : 0;
}

HOT static enum hv_status fetch_registers(struct call_context *context,
                                          const struct hypercall_frame *frame)
{
    context->in_list.gpa = 0;
    context->input.words[0] = frame->rdx;
    context->input.words[1] = frame->r8;
    memcpy(&context->input.words[2], frame->xmm, sizeof(frame->xmm));
    return HV_STATUS_SUCCESS;
}

HOT static enum hv_status fetch_list(struct call_context *context)
{
    const struct parameter_list *input = &context->in_list, *output = &context->out_list;
    enum hv_status status = validate_list(input, call_rules.list.input_alignment);

    if (status == HV_STATUS_SUCCESS)
        status = validate_list(output, call_rules.list.output_alignment);
    if (status == HV_STATUS_SUCCESS)
        status = validate_overlap(input, output);
    if (status != HV_STATUS_SUCCESS || input->size == 0)
        return status;
    if (input->size > sizeof(context->input) ||
        !guest_read(input->gpa, context->input.bytes, input->size))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

/* The control word, the lists, and the copy of the input. */
HOT static enum hv_status accept(struct call_context *context, const struct hypercall_frame *frame)
{
    const struct call *call = context->call;
    enum hv_status status = validate_control(call, frame->control);

    context->vp_index = frame->vp_index;
    context->in_list = (struct parameter_list){.gpa = frame->rdx, .size = call->input_size};
    context->in_list.size += hv_control_rep_count(frame->control) * call->element_size;
    context->in_list.size += call_header_qwords(context) * (uint32_t)sizeof(uint64_t);
    context->out_list = (struct parameter_list){.gpa = frame->r8, .size = call->output_size};
    if (status != HV_STATUS_SUCCESS)
        return status;
    return (frame->control & HV_CONTROL_FAST) != 0 ? fetch_registers(context, frame)
                                                   : fetch_list(context);
}

HOT static uint64_t run_simple(struct call_context *context)
{
    const struct parameter_list *output = &context->out_list;
    enum hv_status status;

    memset(context->output, 0, sizeof(context->output));
    status = context->call->handler(context);
    if (status == HV_STATUS_SUCCESS && output->size != 0 &&
        !guest_write(output->gpa, context->output, output->size))
        status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    return hv_result(status, 0);
}

/* Header, then the elements from rep start on, in order (Reference 2.2). Completed reps are counted
 * from the start of the list, in this part of the call or in an earlier one. */
HOT static uint64_t run_reps(struct call_context *context, struct hypercall_frame *frame)
{
    const uint64_t *element = &context->input.words[context->call->input_size / sizeof(uint64_t)];
    uint32_t count = hv_control_rep_count(frame->control);
    uint32_t start = hv_control_rep_start(frame->control);
    enum hv_status status = context->call->handler(context);

    for (context->index = start; status == HV_STATUS_SUCCESS && context->index < count;
         context->index++) {
        if (context->index - start == call_rules.rep_batch) {
            frame->control &= ~HV_CONTROL_REP_START_MASK;
            frame->control |= hv_control(0, 0, context->index, 0);
            frame->again = true;
            return frame->rax;
        }
        status = context->call->element(context, element[context->index]);
        if (status != HV_STATUS_SUCCESS)
            break;
    }
    return hv_result(status, context->index);
}

HOT static uint64_t run(struct call_context *context, struct hypercall_frame *frame)
{
    enum hv_status status = accept(context, frame);

    context->accepted = status == HV_STATUS_SUCCESS;
    if (!context->accepted)
        return hv_result(status, 0);
    return context->call->class == CALL_REP ? run_reps(context, frame) : run_simple(context);
}

HOT void hypercalls_dispatch(struct hypercall_frame *frame)
{
    struct call_context *context = &contexts[frame->vp_index];

    frame->again = false;
    context->control = frame->control;
    context->call = call_find(hv_control_code(frame->control));
    if (context->call && context->call->device_domain)
        cpu_counters()->hypercalls_device_domain++;
    frame->rax =
        context->call ? run(context, frame) : hv_result(HV_STATUS_INVALID_HYPERCALL_CODE, 0);
    if (call_observer)
        call_observer(context, frame);
}
