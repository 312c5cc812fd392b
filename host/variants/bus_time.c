/* SPDX-License-Identifier: MIT */
/*
 * Hosts whose VMBus is a program of another partition: POST_MESSAGE and SIGNAL_EVENT return at
 * once, and what they ask for is done some time later, in the order of the calls.
 */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "host/base/reference_time.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/vmbus.h"
#include "host/vmbus/vmbus_rules.h"

#define QUEUE         64u
#define MESSAGE_TICKS 40000u /* of 100 ns: 4 ms */
#define SIGNAL_TICKS  1000u

static call_handler *usual_post, *usual_signal, *usual_control;
static bool (*usual_waiting)(void);

static struct {
    struct waiting_call {
        bool message;
        uint64_t due;
        struct hv_input_post_message post;
        struct hv_input_signal_event signal;
    } call[QUEUE];
    unsigned first, count;
} queue;

/* NULL: there is no room. */
static struct waiting_call *add(uint64_t ticks)
{
    const struct waiting_call *last = &queue.call[(queue.first + queue.count + QUEUE - 1) % QUEUE];
    struct waiting_call *c = &queue.call[(queue.first + queue.count) % QUEUE];

    if (queue.count == QUEUE)
        return NULL;
    c->due = reference_time() + ticks;
    if (queue.count > 0 && c->due < last->due)
        c->due = last->due;
    queue.count++;
    vmbus_waiting = true;
    return c;
}

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    struct waiting_call *c;

    if ((input->connection_id != VMBUS_CONNECTION_MESSAGES &&
         input->connection_id != VMBUS_CONNECTION_MESSAGES_5) ||
        input->reserved != 0 || input->message_type != HV_MESSAGE_CHANNEL ||
        input->payload_size > sizeof(input->payload))
        return usual_post(context);
    c = add(MESSAGE_TICKS);
    if (!c)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    c->message = true;
    c->post = *input;
    return HV_STATUS_SUCCESS;
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    const struct vmbus_channel *channel =
        channel_at(input->connection_id - CHANNEL_CONNECTIONS - 1);
    struct waiting_call *c;

    if (!channel || channel->state != CHANNEL_OPEN || input->flag_number != 0 ||
        input->reserved != 0)
        return usual_signal(context);
    c = add(SIGNAL_TICKS);
    if (!c)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    c->message = false;
    c->signal = *input;
    return HV_STATUS_SUCCESS;
}

static void carry_out_all(uint64_t now);

/* It is of this host alone, and expects what was asked for before to be done. */
static enum hv_status control(struct call_context *context)
{
    carry_out_all(UINT64_MAX);
    return usual_control(context);
}

/* False: there is no room for the answer. */
static bool carry_out(const struct waiting_call *c)
{
    if (c->message)
        return vmbus_post_message(&c->post) != HV_STATUS_INSUFFICIENT_BUFFERS;
    (void)vmbus_signal_event(&c->signal);
    return true;
}

static void carry_out_all(uint64_t now)
{
    while (queue.count > 0 && queue.call[queue.first].due <= now &&
           carry_out(&queue.call[queue.first])) {
        queue.first = (queue.first + 1) % QUEUE;
        queue.count--;
    }
}

static bool carry_out_due(void)
{
    bool others = usual_waiting && usual_waiting();

    carry_out_all(reference_time());
    return others || queue.count > 0;
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

void variants_install_bus_time(void)
{
    if (!variant_active(VARIANT_VMBUS_LATER))
        return;
    usual_post = in_front(HVCALL_POST_MESSAGE, post);
    usual_signal = in_front(HVCALL_SIGNAL_EVENT, signal);
    usual_control = in_front(HVCALL_BUS_CONTROL, control);
    usual_waiting = vmbus_rules.waiting;
    vmbus_rules.waiting = carry_out_due;
}
