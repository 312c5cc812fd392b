/* SPDX-License-Identifier: MIT */
/* Messages of the host that go to another processor than the one that INITIATE_CONTACT named. */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/synic.h"

static call_handler *right_post, *right_control;
static uint32_t named; /* by the last INITIATE_CONTACT */
static bool connected;

/* The messages that the right handler sends land in the slot of `to`. */
static enum hv_status redirected(call_handler *right, struct call_context *context, uint32_t to)
{
    uint64_t own = 0, others = 0;
    enum hv_status status;

    if (to == named || to >= synic_vps())
        return right(context);
    (void)synic_msr_read(named, HV_MSR_SIMP, &own);
    (void)synic_msr_read(to, HV_MSR_SIMP, &others);
    (void)synic_msr_write(named, HV_MSR_SIMP, others);
    status = right(context);
    (void)synic_msr_write(named, HV_MSR_SIMP, own);
    return status;
}

static void contact(struct vmbus_initiate_contact *contact)
{
    if (connected && defect_active(DEFECT_CONTACT_KEEPS_PROCESSOR))
        contact->target_vp = named;
    if ((contact->version < VMBUS_VERSION_4_0 &&
         defect_active(DEFECT_CONTACT_PROCESSOR_FROM_4_0)) ||
        (contact->version < VMBUS_VERSION_5_0 && defect_active(DEFECT_CONTACT_PROCESSOR_FROM_5_0)))
        contact->target_vp = 0;
    named = contact->target_vp < synic_vps() ? contact->target_vp : 0;
    connected = true;
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    struct vmbus_message *message = (void *)input->payload;
    const struct vmbus_open_channel *open = (const void *)message;
    uint32_t to = named;

    if (message->type == VMBUS_INITIATE_CONTACT) {
        contact((void *)message);
        return right_post(context);
    }
    if (message->type == VMBUS_UNLOAD) {
        connected = false;
        if (defect_active(DEFECT_UNLOAD_ANSWERS_FIRST))
            to = 0;
    }
    if (message->type == VMBUS_OPEN_CHANNEL && defect_active(DEFECT_OPEN_ANSWERS_CHANNEL))
        to = open->target_vp;
    if (defect_active(DEFECT_ANSWERS_TO_CALLER))
        to = context->vp_index;
    return redirected(right_post, context, to);
}

static enum hv_status control(struct call_context *context)
{
    return redirected(right_control, context, 0);
}

void defects_install_host_messages(void)
{
    if (ANY(DEFECT_CONTACT_KEEPS_PROCESSOR, DEFECT_CONTACT_PROCESSOR_FROM_4_0,
            DEFECT_CONTACT_PROCESSOR_FROM_5_0, DEFECT_UNLOAD_ANSWERS_FIRST,
            DEFECT_OPEN_ANSWERS_CHANNEL, DEFECT_ANSWERS_TO_CALLER, DEFECT_RESCIND_TO_FIRST))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    if (defect_active(DEFECT_RESCIND_TO_FIRST))
        right_control = call_in_front(HVCALL_BUS_CONTROL, control);
}
