/* SPDX-License-Identifier: MIT */
/* Event flags that were set before the host sets another one, or the same one again. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"
#include "lib/bits.h"

static call_handler *right_signal;

/* The flags of VMBus on the processor that the channel signals. */
static uint64_t flags_of(const struct vmbus_channel *channel)
{
    uint64_t page = 0;

    if (channel->vp < synic_vps())
        (void)synic_msr_read(channel->vp, HV_MSR_SIEFP, &page);
    return (page & HV_SYNIC_PAGE_ENABLE) == 0
               ? 0
               : (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_event_flags);
}

/* The host has set flag `own` in a word that was `before`. */
static void set_otherwise(uint64_t flags, uint64_t word, uint32_t own, uint32_t before)
{
    static const struct hv_event_flags none;

    if (defect_active(DEFECT_EVENT_FLAGS_CLEARED))
        (void)guest_write(flags, &none, sizeof(none));
    if (ANY(DEFECT_EVENT_FLAGS_CLEARED, DEFECT_EVENT_FLAG_STORED))
        (void)guest_store32(word, own);
    if (defect_active(DEFECT_EVENT_FLAG_TOGGLED))
        (void)guest_store32(word, before ^ own);
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at((input->connection_id & 0xFFFFu) - 1);
    uint64_t flags = channel && channel->state == CHANNEL_OPEN ? flags_of(channel) : 0, word;
    uint32_t before = 0, after = 0, own;
    enum hv_status status;

    if (flags == 0)
        return right_signal(context);
    word = flags + channel->id / 32 * sizeof(uint32_t);
    own = UINT32_C(1) << channel->id % 32;
    (void)guest_load32(word, &before);
    (void)guest_store32(word, before & ~own); /* to see whether the host sets it */
    status = right_signal(context);
    (void)guest_load32(word, &after);
    if ((after & own) != 0)
        set_otherwise(flags, word, own, before);
    else
        (void)guest_store32(word, before);
    return status;
}

void defects_install_event_flags(void)
{
    if (ANY(DEFECT_EVENT_FLAG_STORED, DEFECT_EVENT_FLAGS_CLEARED, DEFECT_EVENT_FLAG_TOGGLED))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
