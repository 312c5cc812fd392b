/* SPDX-License-Identifier: MIT */
/* Input of HVCALL_RETARGET_DEVICE_INTERRUPT, taken apart. No dependence on the rest of the host. */
#ifndef PVT_HOST_VPCI_RETARGET_PARSE_H
#define PVT_HOST_VPCI_RETARGET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/retarget_interrupt.h"

#define RETARGET_NO_VP UINT32_MAX

struct retarget {
    uint32_t device_id; /* lower half: guests were seen to sign-extend it */
    uint32_t address, data, vector;
    uint32_t vp; /* the first one of the set; RETARGET_NO_VP: the set is empty */
};

/* `header` follows the fixed part and has `header_qwords` words. False for anything else than a
 * message and for a set of processors that contradicts itself. */
bool retarget_parse(const struct hv_input_retarget_device_interrupt *input, const uint64_t *header,
                    uint32_t header_qwords, struct retarget *retarget);

#endif
