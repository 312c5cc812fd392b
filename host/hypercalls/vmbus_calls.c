/* SPDX-License-Identifier: MIT */
/* The calls of VMBus and vPCI: POST_MESSAGE, SIGNAL_EVENT, RETARGET_DEVICE_INTERRUPT, and
 * BUS_CONTROL. */
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "host/hypercalls/call.h"
#include "host/vmbus/vmbus.h"
#include "host/vpci/vpci.h"

enum hv_status call_post_message(struct call_context *context)
{
    return vmbus_post_message(call_input(context));
}

enum hv_status call_signal_event(struct call_context *context)
{
    return vmbus_signal_event(call_input(context));
}

enum hv_status call_bus_control(struct call_context *context)
{
    return vpci_control(call_input(context));
}

enum hv_status call_retarget_interrupt(struct call_context *context)
{
    const struct hv_input_retarget_device_interrupt *retarget = call_input(context);

    return vpci_retarget(retarget, (const uint64_t *)(retarget + 1), call_header_qwords(context));
}
