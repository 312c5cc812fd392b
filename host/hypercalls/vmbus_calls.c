/* SPDX-License-Identifier: MIT */
/* POST_MESSAGE, SIGNAL_EVENT and RETARGET_DEVICE_INTERRUPT: the calls of VMBus and vPCI. */
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "host/hypercalls/call.h"
#include "host/vmbus/vmbus.h"
#include "host/vpci/vpci.h"

enum hv_status call_post_message(const void *input, void *output)
{
    (void)output;
    return vmbus_post_message(input);
}

enum hv_status call_signal_event(const void *input, void *output)
{
    (void)output;
    return vmbus_signal_event(input);
}

enum hv_status call_retarget_interrupt(const void *input, void *output)
{
    const struct hv_input_retarget_device_interrupt *retarget = input;

    (void)output;
    return vpci_retarget(retarget, (const uint64_t *)(retarget + 1), call_header_qwords());
}
