/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/rules.h"

#include "abi/hypercall.h"
#include "lib/hot.h"

/* Elements that one entry into the host handles; the rest is done in continuations, so that
 * interrupts get in between.
 */
#define REP_BATCH 64u

HOT_DATA struct call_rules call_rules = {
    /* This host is not nested, so there is no other hypervisor that could handle the call; and no
     * call of the pvIOMMU has a header of variable size. */
    .control_reserved = HV_CONTROL_RESERVED | HV_CONTROL_NESTED | HV_CONTROL_VAR_HEADER_MASK,
    .control_reserved_simple = HV_CONTROL_REP_COUNT_MASK | HV_CONTROL_REP_START_MASK,
    .fast_input_max = HV_FAST_INPUT_MAX,
    .fast_input_max_other = HV_FAST_INPUT_MAX,
    .rep_batch = REP_BATCH,
    .list =
        {
            .input_alignment = HV_PARAMETER_ALIGNMENT,
            .output_alignment = HV_PARAMETER_ALIGNMENT,
            .end = HV_PAGE_SIZE,
            .beyond = HV_STATUS_INVALID_ALIGNMENT,
            .outside = HV_STATUS_INVALID_ALIGNMENT,
            .overlap = HV_STATUS_INVALID_HYPERCALL_INPUT,
        },
    .partition_bits = UINT64_MAX,
    .partition_number =
        HV_PARTITION_ID_SELF, /* the guest is not told its number: any other is foreign */
    .reserved_bits = UINT64_MAX,
    .vtl_bits = HV_INPUT_VTL_TARGET_MASK,
    .domain_type =
        {
            [HV_DEVICE_DOMAIN_TYPE_S1] = HV_STATUS_SUCCESS,
            [HV_DEVICE_DOMAIN_TYPE_S2] = HV_STATUS_ACCESS_DENIED,
            [HV_DEVICE_DOMAIN_TYPE_SOC] = HV_STATUS_ACCESS_DENIED,
            [HV_DEVICE_DOMAIN_TYPE_SOC + 1 ... HV_DEVICE_DOMAIN_TYPE_MASK] =
                HV_STATUS_INVALID_PARAMETER,
        },
};
