/* SPDX-License-Identifier: MIT */
/* Messages of the guest while so many answers wait for the slot that the host has no room for
 * another one (reference 2.7 and 7.5). */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/synic.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST_LIST 0x00470001u
#define MOST       200u /* a host may have room for any number of answers */

/* Nothing is tried again. */
static enum hv_status describe(struct test_run *t, uint64_t page, uint32_t list)
{
    struct hv_input_post_message input = {.connection_id = vmbus.connection_id,
                                          .message_type = HV_MESSAGE_CHANNEL};
    const struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                              .channel_id = client_offer(t, 0)->channel_id,
                                              .gpadl = list,
                                              .range_bytes = 16,
                                              .ranges = 1,
                                              .byte_count = (uint32_t)PAGE_SIZE,
                                              .page = {page}};

    input.payload_size = offsetof(struct vmbus_gpadl_header, page[1]);
    memcpy(input.payload, &header, input.payload_size);
    return hypercall_simple(HVCALL_POST_MESSAGE, &input, sizeof(input), NULL, 0);
}

/* The number of the list that the next answer names. */
static uint32_t next_answer(struct test_run *t, const char *which)
{
    union vmbus_control reply;

    CHECK(vmbus_wait(VMBUS_GPADL_CREATED, NULL, 0, &reply, CLIENT_WAIT_US),
          "%s: a message that POST_MESSAGE took has no answer", which);
    return reply.created.id - FIRST_LIST;
}

static void settle(void)
{
    struct hv_message message;
    const uint64_t end = time_us() + CLIENT_LATE_US;

    do
        vmbus_give_way();
    while (synic_take(&message) || time_us() < end);
}

TEST(full_queue_loses_no_message,
     PROMISE("A message that POST_MESSAGE takes is answered, however many answers wait for the "
             "slot, and one that it refuses then is as if it had not been sent")
     COVERS("BUS-51") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Lists of one page are described to the host, and no message is taken, until "
           "POST_MESSAGE reports an error, or 200 are described. Then all answers are taken. The "
           "list that was refused is described again, and another one. This happens three times.")
     EXPECTS("The error is one after which guests try again: INSUFFICIENT_BUFFERS, "
             "INSUFFICIENT_MEMORY or INVALID_CONNECTION_ID. Each list is answered once, by any "
             "status, and that which was refused not before it is described again.")
     IF_IT_FAILS("The host reports SUCCESS and drops the message or one of those that wait, or "
                 "carries out what it refused, so that the guest that tries again is answered "
                 "twice. A guest that opens many devices at the same time waits forever."))
{
    enum { TURNS = 3 };
    const uint64_t page = gpa_of(buffer(t, 1).data) / PAGE_SIZE;
    uint8_t *answered = buffer(t, 1).data;
    uint32_t next = 0;

    client_connect(t);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        const uint32_t first = next;
        enum hv_status status = HV_STATUS_SUCCESS;

        memset(answered, 0, MOST);
        settle();
        while (next < first + MOST && status == HV_STATUS_SUCCESS)
            status = describe(t, page, FIRST_LIST + next++);
        STEP("%u lists are described, the last call reports %s", next - first,
             hv_status_name(status));
        CHECK(status == HV_STATUS_SUCCESS || status == HV_STATUS_INSUFFICIENT_BUFFERS ||
                  status == HV_STATUS_INSUFFICIENT_MEMORY ||
                  status == HV_STATUS_INVALID_CONNECTION_ID,
              "POST_MESSAGE reports %s, after which no guest tries again", hv_status_name(status));
        if (status != HV_STATUS_SUCCESS)
            next--;
        for (uint32_t i = first; i < next; i++) {
            const uint32_t list = next_answer(t, "while the slot is in use");

            CHECK(list != next, "list %u is answered, which POST_MESSAGE refused", list);
            CHECK(list >= first && list < next && !answered[list - first],
                  "list %u is answered twice, or was never described", list);
            answered[list - first] = true;
        }
        for (unsigned i = 0; i < 2; i++, next++) {
            client_describe(t, FIRST_LIST + next, 1);
            CHECK_EQ(next_answer(t, "afterwards"), next, "the list of the answer");
        }
    }
}
