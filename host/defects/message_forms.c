/* SPDX-License-Identifier: MIT */
/* Messages of the host whose slot gives them another size, and offers that say something else of
 * how their channel is signaled. */
#include <stddef.h>

#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/memory.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/synic.h"

#define ROUNDED(size) ((uint8_t)(((size) + 7u) & ~7u))

static struct synthetic_msr right;
static call_handler *right_post, *right_control;
static bool all_offered; /* the list of offers of this connection is over */

static uint8_t size_of(const struct hv_message *message, uint32_t type)
{
    if (type == VMBUS_OPEN_CHANNEL_RESULT && defect_active(DEFECT_OPEN_RESULT_CUT))
        return offsetof(struct vmbus_result, status);
    if (type == VMBUS_GPADL_CREATED && defect_active(DEFECT_LIST_RESULT_CUT))
        return offsetof(struct vmbus_result, status);
    if (defect_active(DEFECT_MESSAGE_SIZE_ROUNDED) ||
        (all_offered && defect_active(DEFECT_LATE_OFFER_ROUNDED)))
        return ROUNDED(message->size);
    return defect_active(DEFECT_MESSAGE_SIZE_OF_SLOT) ? HV_MESSAGE_PAYLOAD_MAX : message->size;
}

static void change_offer(struct vmbus_offer_channel *offer)
{
    if (defect_active(DEFECT_OFFER_WITH_MONITOR) ||
        (all_offered && defect_active(DEFECT_LATE_OFFER_WITH_MONITOR)))
        offer->monitor_allocated = 1;
    if (defect_active(DEFECT_OFFER_NOT_DEDICATED))
        offer->dedicated_interrupt = 0;
}

/* The message that a processor finds: it comes to the same however often this is done. */
static void change_slot(uint32_t vp)
{
    uint64_t page = 0, at;
    struct hv_message message;
    uint32_t type;

    (void)synic_msr_read(vp, HV_MSR_SIMP, &page);
    at = (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(message);
    if ((page & HV_SYNIC_PAGE_ENABLE) == 0 || !guest_read(at, &message, sizeof(message)) ||
        message.type != HV_MESSAGE_CHANNEL)
        return;
    type = ((const struct vmbus_message *)(const void *)message.payload)->type;
    if (type == VMBUS_ALL_OFFERS_DELIVERED)
        all_offered = true;
    message.size = size_of(&message, type);
    if (type == VMBUS_OFFER_CHANNEL)
        change_offer((void *)message.payload);
    (void)guest_write(at + offsetof(struct hv_message, size), &message.size, 1);
    (void)guest_write(at + offsetof(struct hv_message, payload), message.payload,
                      sizeof(message.payload));
}

static void change_slots(void)
{
    for (uint32_t vp = 0; vp < synic_vps(); vp++)
        change_slot(vp);
}

static bool write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    const bool done = right.write(cpu, msr, value);

    if (msr >= HV_MSR_SCONTROL && msr <= HV_MSR_SINT15)
        change_slots();
    return done;
}

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    const struct vmbus_message *message = (const void *)input->payload;
    enum hv_status status;

    if (message->type == VMBUS_INITIATE_CONTACT)
        all_offered = false;
    status = right_post(context);
    change_slots();
    return status;
}

static enum hv_status control(struct call_context *context)
{
    const enum hv_status status = right_control(context);

    change_slots();
    return status;
}

void defects_install_message_forms(void)
{
    if (!ANY(DEFECT_MESSAGE_SIZE_ROUNDED, DEFECT_LATE_OFFER_ROUNDED, DEFECT_MESSAGE_SIZE_OF_SLOT,
             DEFECT_OPEN_RESULT_CUT, DEFECT_LIST_RESULT_CUT, DEFECT_OFFER_WITH_MONITOR,
             DEFECT_LATE_OFFER_WITH_MONITOR, DEFECT_OFFER_NOT_DEDICATED))
        return;
    right = synthetic_msr;
    synthetic_msr.write = write;
    right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    right_control = call_in_front(HVCALL_BUS_CONTROL, control);
}
