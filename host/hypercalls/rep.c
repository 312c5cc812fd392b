/* SPDX-License-Identifier: MIT */
/* Rep calls (Reference 2.2): completed reps are counted from the start of the list, in this call or in an earlier part
 * of it. */
#include "host/hypercalls/rep.h"

#include "abi/hypercall.h"
#include "host/defects/defects.h"
#include "host/variants/variants.h"

#define REP_LONG 256u /* DEFECT_LIST_LONG_REFUSED: more elements than such a host expects */

static uint64_t rep_success(uint32_t count)
{
    if (defect_active(DEFECT_LIST_REPS_SHORT) && count != 0)
        count--;
    return hv_result(HV_STATUS_SUCCESS, count);
}

static uint64_t rep_failure(enum hv_status status, uint32_t start, uint32_t done, uint32_t count)
{
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

static uint32_t batch(void)
{
    if (variant_active(VARIANT_LIST_ONE_BY_ONE))
        return 1;
    return variant_active(VARIANT_LIST_AT_ONCE) ? HV_REP_MAX : REP_BATCH;
}

uint64_t rep_run(const struct call *call, struct hypercall_frame *frame, const uint64_t *input)
{
    const uint64_t *element = input + call->input_size / sizeof(*input);
    uint32_t count = hv_control_rep_count(frame->control);
    uint32_t start = hv_control_rep_start(frame->control);
    enum hv_status status = call->handler(input, NULL);

    if (status != HV_STATUS_SUCCESS)
        return hv_result(status, start);
    if (defect_active(DEFECT_LIST_LONG_REFUSED) && count > REP_LONG)
        return hv_result(HV_STATUS_INSUFFICIENT_BUFFER, start);
    for (uint32_t i = start; i < count; i++) {
        if (i - start == batch()) {
            frame->control &= ~HV_CONTROL_REP_START_MASK;
            frame->control |= hv_control(0, 0, i, 0);
            frame->again = true;
            return frame->rax;
        }
        status = call->element(input, i, count, element[i]);
        if (status != HV_STATUS_SUCCESS)
            return rep_failure(status, start, i, count);
    }
    return rep_success(count);
}
