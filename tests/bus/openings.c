/* SPDX-License-Identifier: MIT */
/* Messages of the control protocol that a host has to refuse: OPENCHANNEL without two rings, and
 * INITIATE_CONTACT by a version that there is not (reference 3.2 and 3.3). */
#include "abi/msr.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define WHOLE      0x00E50001u /* a list of pages */
#define UNDONE     0x00E50002u /* one that lacks pages */
#define NEVER      0x00E50003u /* one that was not described */
#define OPEN_ID    0x00F6000Bu
#define RING_PAGES 2u
#define LIST_PAGES (2u * RING_PAGES)
#define LONG_LIST  30u /* takes a second message */

static const struct wrong {
    uint32_t list, place;
} wrong[] = {
    {NEVER, RING_PAGES},
    {UNDONE, LONG_LIST / 2},
    {UNDONE, RING_PAGES},
    {WHOLE, 0},
    {WHOLE, 1},
    {WHOLE, LIST_PAGES - 1},
    {WHOLE, LIST_PAGES},
    {WHOLE, LIST_PAGES + RING_PAGES},
    {WHOLE, 1u << 8 | RING_PAGES},
    {WHOLE, 1u << 16 | RING_PAGES},
    {WHOLE, 1u << 31 | RING_PAGES},
    {WHOLE, UINT32_MAX},
};

static bool has_list(const union vmbus_control *message, uint32_t list)
{
    return message->created.id == list;
}

static bool has_open_id(const union vmbus_control *message, uint32_t id)
{
    return message->opened.id == id;
}

/* The host left a message without an answer; it may leave out more of them, which are not waited
 * for. */
static bool silent;

/* Answered, or not, as the host likes. */
static void post_open(struct test_run *t, uint32_t id, uint32_t list, uint32_t place)
{
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = client_offer(t, 0)->channel_id,
                                            .open_id = id,
                                            .gpadl = list,
                                            .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX),
                                            .downstream_page = place};
    union vmbus_control reply;

    (void)vmbus_post(&open, sizeof(open));
    if (!vmbus_wait(VMBUS_OPEN_CHANNEL_RESULT, has_open_id, id, &reply,
                    silent ? CLIENT_LATE_US : CLIENT_WAIT_US)) {
        silent = true;
        STEP("the list 0x%x, the second ring at page 0x%x: no answer", list, place);
        return;
    }
    STEP("the list 0x%x, the second ring at page 0x%x: status 0x%x", list, place,
         reply.opened.status);
    CHECK(reply.opened.status != NT_STATUS_SUCCESS,
          "the channel is opened in the list 0x%x with the second ring at page 0x%x", list, place);
}

/* Rings could be there. */
static void describe(struct test_run *t)
{
    const uint32_t data = (RING_PAGES - 1) * (uint32_t)PAGE_SIZE;
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = client_offer(t, 0)->channel_id,
                                        .gpadl = WHOLE,
                                        .range_bytes = 8 + 8 * LIST_PAGES,
                                        .ranges = 1,
                                        .byte_count = LIST_PAGES * (uint32_t)PAGE_SIZE};
    uint8_t *memory = buffer(t, LIST_PAGES).data;
    union vmbus_control reply;
    struct vmbus_ring ring;

    silent = false;
    for (unsigned i = 0; i < LIST_PAGES; i++) {
        vmbus_ring_init(&ring, memory + i / RING_PAGES * RING_PAGES * PAGE_SIZE, data);
        header.page[i] = gpa_of(memory) / PAGE_SIZE + i;
    }
    client_describe(t, UNDONE, LONG_LIST);
    (void)vmbus_post(&header, offsetof(struct vmbus_gpadl_header, page[LIST_PAGES]));
    REQUIRE(vmbus_wait(VMBUS_GPADL_CREATED, has_list, WHOLE, &reply, CLIENT_WAIT_US) &&
                reply.created.status == NT_STATUS_SUCCESS,
            "a list of pages is refused");
}

TEST(refused_openings_leave_nothing,
     PROMISE("OPENCHANNEL without two rings in a complete list of pages opens nothing, and the "
             "channel can be opened afterwards")
     COVERS("BUS-33") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("A list of four pages is described, and another one without its last message. Twelve "
           "times the channel of a bus is opened in a list that was never described, in the one "
           "that lacks pages, or so that a ring has no page of data or lies outside of the list, "
           "also by any upper bit of the place. After each of these it is opened in a list of its "
           "own, and a request sent. At last all twelve come one after the other.")
     EXPECTS("None of the twelve succeeds. The channel opens each time, and the request has its "
             "reply.")
     IF_IT_FAILS("The host takes the list for another one, or does not compare the place of the "
                 "second ring with the length of the list: it writes to pages that the guest has "
                 "not given to it. Or it keeps a half-open channel, and a driver that tries again "
                 "after a failure gets no device."))
{
    const struct vmbus_opening opening = {.interrupts = false};
    uint32_t id = OPEN_ID;

    client_connect(t);
    describe(t);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        post_open(t, id++, wrong[i].list, wrong[i].place);
        client_round_trip(t, client_open(t, 0, 0, &opening));
        vmbus_channel_close(client_channel(0));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        post_open(t, id++, wrong[i].list, wrong[i].place);
    client_round_trip(t, client_open(t, 0, 0, &opening));
    vmbus_channel_close(client_channel(0));
}

TEST(open_channel_is_not_opened_again,
     PROMISE("OPENCHANNEL for a channel that is open is not carried out, and leaves it its rings")
     COVERS("BUS-33") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("The channel of a bus is open, and a request has its reply. OPENCHANNEL names the "
           "channel again, with another list of pages, twice, and a request is sent after each.")
     EXPECTS("OPENCHANNEL does not succeed. Each request has its reply in the ring of before.")
     IF_IT_FAILS("The host goes over to the rings of the second message: the driver of the first "
                 "waits forever, and the pages of its list stay in the hands of the host."))
{
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;

    client_connect(t);
    describe(t);
    channel = client_open(t, 0, 0, &opening);
    for (uint32_t n = 0; n < 2; n++) {
        client_round_trip(t, channel);
        post_open(t, OPEN_ID + n, WHOLE, RING_PAGES);
        client_round_trip(t, channel);
    }
    vmbus_channel_close(channel);
}

/* Returns whether the host agrees. */
static bool ask_for(struct test_run *t, uint32_t version)
{
    const struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                                   .version = version,
                                                   .target_vp =
                                                       (uint32_t)client_msr(HV_MSR_VP_INDEX),
                                                   .sint = VMBUS_SINT};
    union vmbus_control reply;
    bool answered, supported;

    vmbus.stage = VMBUS_REFUSED; /* no connection: an UNLOAD has no answer */
    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    (void)vmbus_post(&contact, sizeof(contact)); /* a host may refuse the call */
    /* A late answer would be taken for that to the next version. */
    answered = vmbus.post_status == HV_STATUS_SUCCESS &&
               vmbus_wait(VMBUS_VERSION_RESPONSE, NULL, 0, &reply,
                          silent ? CLIENT_LATE_US : VMBUS_REPLY_US);
    silent |= vmbus.post_status == HV_STATUS_SUCCESS && !answered;
    supported = answered && reply.version.supported != 0 &&
                reply.version.state == VMBUS_CONNECTION_STATE_OK;
    STEP("version 0x%x: %s", version, supported ? "agreed" : "refused");
    return supported;
}

TEST(unknown_versions_are_refused,
     PROMISE("A version of VMBus that there is not is refused, and a guest connects by one that "
             "there is afterwards")
     COVERS("BUS-34") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("INITIATE_CONTACT comes by versions of the future, by minor numbers that no version has "
           "and by versions of which one upper bit is wrong. After one, after four more and "
           "after all of them the suite connects, and a request on a channel has its reply.")
     EXPECTS("None of these versions is agreed on. The suite connects each time.")
     IF_IT_FAILS("The host compares a part of the version, or takes any version from its latest on "
                 "for one that it speaks. Each guest begins with the latest version that it "
                 "knows: it sends messages in a form that the host takes for another."))
{
    static const uint32_t unknown[] = {VMBUS_VERSION(0x7FFF, 1), VMBUS_VERSION(5, 0x7F),
                                       VMBUS_VERSION(4, 9),      VMBUS_VERSION(0x105, 3),
                                       VMBUS_VERSION(5, 0x103),  VMBUS_VERSION(3, 1),
                                       VMBUS_VERSION(4, 0x8000), 0};
    const struct vmbus_opening opening = {.interrupts = false};

    client_connect(t);
    silent = false;
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        CHECK(!ask_for(t, unknown[i]), "the host agrees to version 0x%x", unknown[i]);
        if (i % 4 != 0 && i + 1 != ARRAY_SIZE(unknown))
            continue;
        CHECK(client_connect_as(t, 0), "no version is agreed on after version 0x%x", unknown[i]);
        client_round_trip(t, client_open(t, 0, 0, &opening));
    }
}
