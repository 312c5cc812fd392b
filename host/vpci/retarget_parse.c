/* SPDX-License-Identifier: MIT */
#include "host/vpci/retarget_parse.h"

/* Number of the lowest bit that is set; RETARGET_NO_VP: none is. */
static uint32_t first_of(uint64_t mask)
{
    return mask != 0 ? (uint32_t)__builtin_ctzll(mask) : RETARGET_NO_VP;
}

/* Banks of 64 processors; those that are not valid are not there. */
static bool first_of_set(const uint64_t *header, uint32_t header_qwords, uint32_t *vp)
{
    uint32_t given = 1;

    *vp = RETARGET_NO_VP;
    if (header_qwords == 0)
        return false;
    for (uint32_t bank = 0; bank < HV_PROCESSOR_SET_BANKS; bank++) {
        if ((header[0] >> bank & 1) == 0)
            continue;
        if (given == header_qwords)
            return false;
        if (*vp == RETARGET_NO_VP && header[given] != 0)
            *vp = bank * HV_PROCESSOR_SET_BANK_BITS + first_of(header[given]);
        given++;
    }
    return given == header_qwords;
}

bool retarget_parse(const struct hv_input_retarget_device_interrupt *input, const uint64_t *header,
                    uint32_t header_qwords, struct retarget *retarget)
{
    *retarget = (struct retarget){
        .device_id = (uint32_t)input->device_id,
        .address = input->address,
        .data = input->data,
        .vector = input->vector,
    };
    if (input->source != HV_INTERRUPT_SOURCE_MSI)
        return false;
    if ((input->flags & HV_RETARGET_PROCESSOR_SET) != 0)
        return input->processor_mask == HV_PROCESSOR_SET_SPARSE_4K &&
               first_of_set(header, header_qwords, &retarget->vp);
    retarget->vp = first_of(input->processor_mask);
    return header_qwords == 0;
}
