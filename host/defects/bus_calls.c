/* SPDX-License-Identifier: MIT */
/* Calls for connections that there are not, and interrupts that lead nowhere. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "abi/vpci.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"
#include "host/vpci/bus.h"
#include "lib/bits.h"

#define ID_BITS     BITS(15, 0)
#define LENGTH_BITS BITS(7, 0)
#define NUMBER_BITS BITS(11, 0) /* of a channel */
#define VECTORS     256u

static call_handler *right_post, *right_signal;
static void (*right_received)(void *owner, const struct ring_packet *packet);
static struct ring_packet packet_copy;

static void change_create(struct vpci_create_interrupt *create)
{
    if (create->vector < HV_SINT_VECTOR_FIRST && defect_active(DEFECT_CREATE_EXCEPTION_TAKEN))
        create->vector += HV_SINT_VECTOR_FIRST;
    if (create->vector + create->count > VECTORS && defect_active(DEFECT_CREATE_VECTORS_CUT))
        create->count = (uint16_t)(VECTORS - create->vector);
    if (create->count == 0 && defect_active(DEFECT_CREATE_NOTHING_TAKEN))
        create->count = 1;
    if (create->vp_mask == 0 && defect_active(DEFECT_CREATE_FOR_NONE))
        create->vp_mask = 1;
    if (create->vp_mask >= BIT(synic_vps()) && defect_active(DEFECT_CREATE_PROCESSOR_ANY))
        create->vp_mask = 1;
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_create_interrupt *create = (void *)packet_copy.payload;

    packet_copy = *packet;
    if (create->type == VPCI_CREATE_INTERRUPT)
        change_create(create);
    right_received(owner, &packet_copy);
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);

    if (defect_active(DEFECT_POST_CONNECTION_ANY))
        input->connection_id = VMBUS_CONNECTION_MESSAGES;
    if (defect_active(DEFECT_POST_CONNECTION_CUT))
        input->connection_id &= (uint32_t)ID_BITS;
    if (input->payload_size > sizeof(input->payload) && defect_active(DEFECT_POST_LENGTH_MOST))
        input->payload_size = sizeof(input->payload);
    if (defect_active(DEFECT_POST_LENGTH_CUT))
        input->payload_size &= (uint32_t)LENGTH_BITS;
    return right_post(context);
}

static enum hv_status signal(struct call_context *context)
{
    struct hv_input_signal_event *input = call_input(context);
    enum hv_status status;

    if (defect_active(DEFECT_SIGNAL_CONNECTION_CUT))
        input->connection_id = CHANNEL_CONNECTIONS + (input->connection_id & (uint32_t)NUMBER_BITS);
    if (defect_active(DEFECT_SIGNAL_FLAG_CUT))
        input->flag_number %= HV_EVENT_FLAGS_PER_SINT;
    if (defect_active(DEFECT_SIGNAL_FLAG_ANY))
        input->flag_number = 0;
    if (input->flag_number != 0 && defect_active(DEFECT_SIGNAL_FLAG_UNSAID))
        return HV_STATUS_SUCCESS;
    status = right_signal(context);
    return defect_active(DEFECT_SIGNAL_REFUSAL_UNSAID) ? HV_STATUS_SUCCESS : status;
}

void defects_install_bus_calls(void)
{
    if (ANY(DEFECT_POST_CONNECTION_ANY, DEFECT_POST_CONNECTION_CUT, DEFECT_POST_LENGTH_MOST,
            DEFECT_POST_LENGTH_CUT))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    if (ANY(DEFECT_CREATE_EXCEPTION_TAKEN, DEFECT_CREATE_VECTORS_CUT, DEFECT_CREATE_NOTHING_TAKEN,
            DEFECT_CREATE_FOR_NONE, DEFECT_CREATE_PROCESSOR_ANY)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_SIGNAL_CONNECTION_CUT, DEFECT_SIGNAL_REFUSAL_UNSAID, DEFECT_SIGNAL_FLAG_CUT,
            DEFECT_SIGNAL_FLAG_ANY, DEFECT_SIGNAL_FLAG_UNSAID))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
