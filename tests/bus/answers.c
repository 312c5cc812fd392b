/* SPDX-License-Identifier: MIT */
/* Answers of the control protocol, and by which ids a guest finds what they answer (reference 3.3).
 */
#include "abi/msr.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST_LIST 0x00A10007u
#define FIRST_OPEN 0x00B2000Bu /* no id of a channel or of a list */
#define CHANNELS   2u
#define RING_PAGES 2u
#define LIST_PAGES (2u * RING_PAGES)

struct asked {
    uint32_t channel, list, open;
    bool answered;
};

static void post_list(const struct asked *a, uint64_t gpa)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = a->channel,
                                        .gpadl = a->list,
                                        .range_bytes = 8 + 8 * LIST_PAGES,
                                        .ranges = 1,
                                        .byte_count = LIST_PAGES * (uint32_t)PAGE_SIZE};

    for (unsigned i = 0; i < LIST_PAGES; i++)
        header.page[i] = gpa / PAGE_SIZE + i;
    (void)vmbus_post(&header, offsetof(struct vmbus_gpadl_header, page[LIST_PAGES]));
}

static void init_rings(uint8_t *memory)
{
    const uint32_t data = (RING_PAGES - 1) * (uint32_t)PAGE_SIZE;
    struct vmbus_ring out, in;

    vmbus_ring_init(&out, memory, data);
    vmbus_ring_init(&in, memory + RING_PAGES * PAGE_SIZE, data);
}

static void post_open(const struct asked *a)
{
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = a->channel,
                                            .open_id = a->open,
                                            .gpadl = a->list,
                                            .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX),
                                            .downstream_page = RING_PAGES};

    (void)vmbus_post(&open, sizeof(open));
}

static void post_modify(const struct asked *a)
{
    const struct vmbus_modify_channel modify = {.header.type = VMBUS_MODIFY_CHANNEL,
                                                .channel_id = a->channel,
                                                .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX)};

    (void)vmbus_post(&modify, sizeof(modify));
}

/* Takes an answer for each channel, in any order. */
static void expect_answers(struct test_run *t, struct asked asked[CHANNELS], uint32_t type)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        asked[i].answered = false;
    for (unsigned n = 0; n < CHANNELS; n++) {
        union vmbus_control reply;
        unsigned i = 0;

        CHECK(vmbus_wait(type, NULL, 0, &reply, CLIENT_WAIT_US), "answer %u of %u is missing",
              n + 1, CHANNELS);
        while (i < CHANNELS && asked[i].channel != reply.opened.channel_id)
            i++;
        CHECK(i < CHANNELS && !asked[i].answered,
              "an answer names channel %u, which waits for none", reply.opened.channel_id);
        asked[i].answered = true;
        if (type == VMBUS_MODIFY_CHANNEL_RESPONSE) {
            CHECK_EQ(reply.modified.status, NT_STATUS_SUCCESS, "status of the answer");
            continue;
        }
        CHECK_EQ(reply.opened.id, type == VMBUS_GPADL_CREATED ? asked[i].list : asked[i].open,
                 "id of the answer");
        CHECK_EQ(reply.opened.status, NT_STATUS_SUCCESS, "status of the answer");
    }
}

/* One answer is due for each, and names the list that goes. */
static void end(struct test_run *t, struct asked asked[CHANNELS])
{
    for (unsigned i = CHANNELS; i > 0; i--) {
        const struct vmbus_channel_message close = {.header.type = VMBUS_CLOSE_CHANNEL,
                                                    .channel_id = asked[i - 1].channel};
        const struct vmbus_gpadl_teardown teardown = {.header.type = VMBUS_GPADL_TEARDOWN,
                                                      .channel_id = asked[i - 1].channel,
                                                      .gpadl = asked[i - 1].list};
        union vmbus_control reply;

        (void)vmbus_post(&close, sizeof(close));
        (void)vmbus_post(&teardown, sizeof(teardown));
        CHECK(vmbus_wait(VMBUS_GPADL_TORNDOWN, NULL, 0, &reply, CLIENT_WAIT_US),
              "GPADL_TEARDOWN has no answer");
        CHECK_EQ(reply.torndown.gpadl, asked[i - 1].list, "list of the answer");
    }
}

TEST(answers_name_what_they_answer,
     PROMISE("Each answer of the control protocol names the channel and the id of the message that "
             "it answers")
     COVERS("BUS-28") ABI() DEVICES(NONE) KINDS("device")
     STEPS("The second of two buses gets a list of pages, then the first, before an answer is "
           "looked at. Both are opened in this order, by open ids that are neither a channel's "
           "nor a list's, and modified if the version answers MODIFYCHANNEL. They are closed and "
           "their lists torn down.")
     EXPECTS("Each message has one answer, with the channel and the id of the message and with "
             "success.")
     IF_IT_FAILS("The host puts another id into an answer, such as the channel in the place of the "
                 "open id. Linux finds the request that it answers by both, and waits forever for "
                 "one that it does not find."))
{
    uint8_t *memory = buffer(t, CHANNELS * LIST_PAGES).data;
    struct asked asked[CHANNELS];

    if (!client_connect_as(t, VMBUS_VERSION_5_3))
        client_connect(t);
    for (unsigned i = 0; i < CHANNELS; i++)
        asked[i] = (struct asked){.channel = client_offer(t, i)->channel_id,
                                  .list = FIRST_LIST + i,
                                  .open = FIRST_OPEN + i};
    for (unsigned i = CHANNELS; i > 0; i--) {
        uint8_t *rings = memory + (i - 1) * LIST_PAGES * PAGE_SIZE;

        init_rings(rings);
        post_list(&asked[i - 1], gpa_of(rings));
    }
    expect_answers(t, asked, VMBUS_GPADL_CREATED);
    for (unsigned i = CHANNELS; i > 0; i--)
        post_open(&asked[i - 1]);
    expect_answers(t, asked, VMBUS_OPEN_CHANNEL_RESULT);
    if (vmbus_init()->version >= VMBUS_VERSION_5_3) {
        for (unsigned i = CHANNELS; i > 0; i--)
            post_modify(&asked[i - 1]);
        expect_answers(t, asked, VMBUS_MODIFY_CHANNEL_RESPONSE);
    }
    end(t, asked);
}
