/* SPDX-License-Identifier: MIT */
/* The forms of SIGNAL_EVENT (reference 2.7). */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "drivers/hypercall.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define OTHER_BYTES 0xEE
#define LAST        (HV_PAGE_SIZE - sizeof(struct hv_input_signal_event))

/* The host hears of the request by that call alone. */
static void signal(struct test_run *t, const struct vmbus_channel *channel, bool registers,
                   unsigned offset, uint64_t r8)
{
    const struct hv_input_signal_event input = {.connection_id = channel->offer->connection_id};
    uint8_t *page = hypercall_input_page();
    enum hv_status status;
    uint64_t rdx = 0;

    if (registers) {
        memcpy(&rdx, &input, sizeof(input));
    } else {
        memset(page, OTHER_BYTES, HV_PAGE_SIZE);
        memcpy(page + offset, &input, sizeof(input));
        rdx = gpa_of(page + offset);
    }
    status = hv_result_status(hypercall_raw(
        hv_control(HVCALL_SIGNAL_EVENT, 0, 0, registers ? HV_CONTROL_FAST : 0), rdx, r8));
    CHECK_SUCCESS(status, "SIGNAL_EVENT of an open channel");
}

static void ask_by(struct test_run *t, struct vmbus_channel *channel, bool registers,
                   unsigned offset, uint64_t r8)
{
    const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, client_slot(channel)};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                      .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                      .transaction = ++channel->transaction};
    uint64_t seen = 0;

    if (registers)
        STEP("SIGNAL_EVENT in registers, R8 0x%llx", r8);
    else
        STEP("SIGNAL_EVENT in memory at 0x%llx of a page, R8 0x%llx", offset, r8);
    CHECK(vmbus_ring_put(&channel->out, &head, &query, sizeof(query)),
          "a request does not fit into the ring to the host");
    signal(t, channel, registers, offset, r8);
    CHECK(client_completion(channel, &seen, CLIENT_WAIT_US), "the request has no completion");
    CHECK_EQ(seen, head.transaction, "transaction id of the completion");
}

TEST(signals_in_each_form,
     PROMISE("SIGNAL_EVENT does the same with its input in registers and in memory, wherever it "
             "lies in its page, and whatever is in R8")
     COVERS("BUS-46") ABI() DEVICES(NONE) KINDS("device")
     STEPS("The channel of a bus is open. Requests are put into its ring, and the host hears of "
           "each by one SIGNAL_EVENT: in registers, and in memory at the start of a page, in it "
           "and at its end, between other bytes; with R8 zero, all ones, odd, and the address of a "
           "page.")
     EXPECTS("Each call succeeds, and the request has its completion.")
     IF_IT_FAILS("The host knows one form of the call, takes the input from elsewhere, or looks at "
                 "a register that is no part of it. Guests leave in R8 what was there: their "
                 "requests are not heard of, and they wait for ever."))
{
    static const unsigned offsets[4] = {0, 8, HV_PAGE_SIZE / 2, LAST};
    const uint64_t r8s[ARRAY_SIZE(offsets)] = {0, UINT64_MAX, 1, gpa_of(hypercall_output_page())};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned i = 0; i < ARRAY_SIZE(r8s); i++) {
        ask_by(t, channel, true, 0, r8s[i]);
        ask_by(t, channel, false, offsets[i], r8s[i]);
    }
    vmbus_channel_close(channel);
}
