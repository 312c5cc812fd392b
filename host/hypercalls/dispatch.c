/* SPDX-License-Identifier: MIT */
/*
 * Entry of every hypercall. The order of the checks is part of the host's contract (docs/host-choices.md): code,
 * control word, input list, output list, overlap, then the fields in the order of the structure. Nothing is written
 * before all have passed.
 */
#include "abi/hypercall.h"
#include "host/base/counters.h"
#include "host/base/lock.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/race_window.h"
#include "host/hypercalls/rep.h"
#include "host/hypercalls/validate.h"
#include "lib/string.h"

#define OUTPUT_MAX 256u /* the longest output of any call, with room */

/* Of one call at a time: the caller holds the host's lock. */
static struct {
    /* The one copy of the input: the guest may change its page while the call runs. Too large for the host's stack. */
    union {
        uint8_t bytes[HV_PAGE_SIZE];
        uint64_t words[HV_PAGE_SIZE / sizeof(uint64_t)];
    } input;
    uint64_t output[OUTPUT_MAX / sizeof(uint64_t)];
    uint64_t input_gpa; /* 0: from registers */
    uint32_t vp_index;
    uint32_t header_qwords;
    uint32_t calls;
} front_end;

uint32_t call_vp_index(void)
{
    return front_end.vp_index;
}

uint32_t call_header_qwords(void)
{
    return front_end.header_qwords;
}

uint64_t call_word_again(const uint64_t *word)
{
    uint64_t gpa = front_end.input_gpa + (uint64_t)((const uint8_t *)word - front_end.input.bytes), now = *word;

    if (front_end.input_gpa == 0 || !race_window_until_store(gpa, word) || !guest_read(gpa, &now, sizeof(now)))
        return *word;
    return now;
}

/* DEFECT_UNUSED_GPA_CHECKED: treats R8 as the address of an output that the call does not have. */
static enum hv_status unused_output(const struct call *call, const struct hypercall_frame *frame)
{
    struct parameter_list list = {.gpa = frame->r8, .size = HV_PARAMETER_ALIGNMENT};

    if (!defect_active(DEFECT_UNUSED_GPA_CHECKED) || call->output_size != 0 || frame->r8 == 0)
        return HV_STATUS_SUCCESS;
    return validate_list(&list);
}

/* DEFECT_OUTPUT_UNALIGNED: any byte will do for an output. */
static enum hv_status validate_output(struct parameter_list *output)
{
    struct parameter_list rounded = *output;

    if (!defect_active(DEFECT_OUTPUT_UNALIGNED) || output->size == 0)
        return validate_list(output);
    rounded.gpa -= rounded.gpa % HV_PARAMETER_ALIGNMENT;
    return validate_list(&rounded);
}

/* Checks the lists and copies the input. */
static enum hv_status fetch(const struct call *call, const struct hypercall_frame *frame, struct parameter_list *output)
{
    struct parameter_list input = {.gpa = frame->rdx, .size = call->input_size};
    enum hv_status status;

    front_end.vp_index = frame->vp_index;
    front_end.header_qwords = call->variable_header ? hv_control_var_header_qwords(frame->control) : 0;
    input.size += front_end.header_qwords * (uint32_t)sizeof(uint64_t);
    front_end.input_gpa = 0;
    front_end.calls++;
    if ((frame->control & HV_CONTROL_FAST) != 0 && !defect_active(DEFECT_FAST_BIT_IGNORED)) {
        front_end.input.words[0] = frame->rdx;
        front_end.input.words[1] = frame->r8;
        memcpy(&front_end.input.words[2], frame->xmm, sizeof(frame->xmm));
        return HV_STATUS_SUCCESS;
    }
    if (!defect_active(DEFECT_LIST_HEADER_CHECKED))
        input.size += hv_control_rep_count(frame->control) * call->element_size;
    status = validate_list(&input);
    if (defect_active(DEFECT_LIST_HEADER_CHECKED))
        input.size += hv_control_rep_count(frame->control) * call->element_size;
    if (status == HV_STATUS_SUCCESS)
        status = validate_output(output);
    if (status == HV_STATUS_SUCCESS)
        status = validate_overlap(&input, output);
    if (status == HV_STATUS_SUCCESS)
        status = unused_output(call, frame);
    if (status == HV_STATUS_SUCCESS && input.size != 0 &&
        (input.size > sizeof(front_end.input) || !guest_read(input.gpa, front_end.input.bytes, input.size)))
        status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    front_end.input_gpa = input.gpa;
    if (status == HV_STATUS_SUCCESS && defect_active(DEFECT_INPUT_SHARED))
        race_window_until_count(&front_end.calls, front_end.calls);
    return status;
}

/* What a defective host does after it has refused a call for one of its fields. */
static void refused_defective(const struct call *call, const struct parameter_list *output, enum hv_status status)
{
    if (defect_active(DEFECT_OUTPUT_PAGE_CLEARED) && output->size != 0) {
        memset(front_end.input.bytes, 0, sizeof(front_end.input));
        guest_write(output->gpa - output->gpa % HV_PAGE_SIZE, front_end.input.bytes, HV_PAGE_SIZE);
    }
    if (defect_active(DEFECT_FOREIGN_CARRIED_OUT) && output->size == 0 && status == HV_STATUS_INVALID_PARTITION_ID) {
        front_end.input.words[0] = HV_PARTITION_ID_SELF; /* where every call has it */
        call->handler(front_end.input.bytes, NULL);
    }
}

/* What a defective host writes beside the output. */
static void write_defective(const struct call *call, uint64_t input_gpa, const struct parameter_list *output)
{
    static const uint64_t mark = 1;

    if (defect_active(DEFECT_INPUT_MARKED) && call->code == HVCALL_DELETE_DEVICE_DOMAIN)
        guest_write(input_gpa + sizeof(uint64_t), &mark, sizeof(mark)); /* padding */
    if (defect_active(DEFECT_OUTPUT_TOO_LONG) && call->code == HVCALL_GET_LOGICAL_DEVICE_PROPERTY)
        guest_write(output->gpa + output->size, &front_end.output[output->size / sizeof(uint64_t)], sizeof(uint64_t));
}

static uint64_t run_simple(const struct call *call, uint64_t input_gpa, const struct parameter_list *output)
{
    enum hv_status status;

    memset(front_end.output, 0, sizeof(front_end.output));
    status = call->handler(front_end.input.bytes, front_end.output);
    if (status != HV_STATUS_SUCCESS)
        refused_defective(call, output, status);
    else
        write_defective(call, input_gpa, output);
    if (status == HV_STATUS_SUCCESS && output->size != 0 && !guest_write(output->gpa, front_end.output, output->size))
        status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    return hv_result(status, 0);
}

/* DEFECT_REFUSED_SCRIBBLES: clears a word at R8, as if an output belonged there. */
static void scribble(const struct call *call, const struct hypercall_frame *frame)
{
    static const uint64_t nothing;

    if (defect_active(DEFECT_REFUSED_SCRIBBLES) && call->output_size == 0)
        guest_write(frame->r8, &nothing, sizeof(nothing));
}

static uint64_t run(const struct call *call, struct hypercall_frame *frame)
{
    struct parameter_list output = {.gpa = frame->r8, .size = call->output_size};
    enum hv_status status = validate_control(call, frame->control);

    if (defect_active(DEFECT_SECOND_REFUSED) && frame->vp_index != 0 && call->device_domain)
        return hv_result(HV_STATUS_ACCESS_DENIED, 0);
    if (status == HV_STATUS_SUCCESS)
        status = fetch(call, frame, &output);
    if (status != HV_STATUS_SUCCESS) {
        scribble(call, frame);
        return hv_result(status, 0);
    }
    return call->class == CALL_REP ? rep_run(call, frame, front_end.input.words)
                                   : run_simple(call, frame->rdx, &output);
}

void hypercalls_dispatch(struct hypercall_frame *frame)
{
    const struct call *call = call_find(hv_control_code(frame->control));
    uint64_t control = frame->control;

    frame->again = false;
    if (call == NULL) {
        bool wrong = defect_active(DEFECT_UNKNOWN_CODE_STATUS);

        frame->rax = hv_result(wrong ? HV_STATUS_INVALID_HYPERCALL_INPUT : HV_STATUS_INVALID_HYPERCALL_CODE, 0);
        host_log(LOG_TRACE, "hypercall 0x%llx: unknown code\n", (unsigned long long)control);
        return;
    }
    if (call->device_domain)
        cpu_counters()->hypercalls_device_domain++;
    frame->rax = run(call, frame);
    host_log(LOG_TRACE, "%s control 0x%llx: result 0x%llx%s\n", call->name, (unsigned long long)control,
             (unsigned long long)frame->rax, frame->again ? ", to be continued" : "");
}
