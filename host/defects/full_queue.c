/* SPDX-License-Identifier: MIT */
/* Messages of the guest for whose answer there is no room. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"

static call_handler *right_post;
static struct hv_input_post_message refused;
static bool waits; /* refused, to be carried out all the same */

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    enum hv_status status;

    if (synic_room() == 0 && defect_active(DEFECT_POST_FULL_FORGETS))
        synic_drop_messages();
    if (waits && synic_room() > 1) {
        waits = false;
        (void)vmbus_post_message(&refused);
    }
    status = right_post(context);
    if (status != HV_STATUS_INSUFFICIENT_BUFFERS)
        return status;
    if (defect_active(DEFECT_POST_FULL_KEEPS)) {
        refused = *input;
        waits = true;
    }
    if (defect_active(DEFECT_POST_FULL_STATUS))
        return HV_STATUS_INVALID_PARAMETER;
    return defect_active(DEFECT_POST_FULL_UNSAID) ? HV_STATUS_SUCCESS : status;
}

void defects_install_full_queue(void)
{
    if (ANY(DEFECT_POST_FULL_UNSAID, DEFECT_POST_FULL_FORGETS, DEFECT_POST_FULL_KEEPS,
            DEFECT_POST_FULL_STATUS))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
