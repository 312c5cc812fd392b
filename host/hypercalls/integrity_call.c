/* SPDX-License-Identifier: MIT */
/* The call of abi/host_integrity.h. */
#include "abi/host_integrity.h"
#include "host/base/image_bounds.h"
#include "host/base/integrity.h"
#include "host/hypercalls/call.h"

enum hv_status call_host_integrity(struct call_context *context)
{
    const struct integrity_input *input = call_input(context);
    struct integrity_output *output = call_output(context);
    struct integrity_finding finding;

    if ((input->flags & INTEGRITY_FLAGS_RESERVED) != 0 || input->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    integrity_check((input->flags & INTEGRITY_ALL_PAGES) != 0, &finding);
    output->constants_changed = finding.constants_changed;
    output->words_changed = finding.words_changed;
    output->first_changed = finding.first_changed;
    output->bytes_checked = finding.bytes_checked;
    integrity_target(&output->target, &output->target_length);
    output->text = (uintptr_t)host_image_start;
    output->text_length = (uintptr_t)host_constants_end - (uintptr_t)host_image_start;
    return HV_STATUS_SUCCESS;
}
