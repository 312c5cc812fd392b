/* SPDX-License-Identifier: MIT */
/* Channels: which processor is signaled, and what the rings carry. The service behind them is
 * vPCI, of which two requests are used that change nothing. */
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "kernel/cpu.h"
#include "lib/string.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define SINT   (HV_MSR_SINT0 + VMBUS_SINT)
#define TRY_US 50000u
#define SECOND 0x55u /* vector of the SINT of the second processor */

static void put_ear(void *argument)
{
    struct ear *ear = argument;

    ear->requested = client_try_msr(HV_MSR_SIEFP, gpa_of(ear->events) | HV_SYNIC_PAGE_ENABLE) &&
                     client_try_msr(SINT, SECOND) &&
                     client_try_msr(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

static void take_ear(void *argument)
{
    (void)argument;
    (void)client_try_msr(SINT, HV_SINT_MASKED | SECOND);
    (void)client_try_msr(HV_MSR_SIEFP, 0);
}

/* A request on the channel is answered, and the second processor hears of it. */
static bool second_hears(struct test_run *t, struct ear *ear, struct vmbus_channel *channel,
                         uint64_t us)
{
    memset(ear->events, 0, sizeof(ear->events));
    ear->flag = channel->offer->channel_id;
    ear->us = us;
    client_second_listens(t, ear);
    client_round_trip(t, channel);
    return client_second_heard(t, ear);
}

static bool first_hears(struct test_run *t, void *events, struct vmbus_channel *channel)
{
    bool heard;

    client_take_interrupts();
    memset(events, 0, PAGE_SIZE);
    client_round_trip(t, channel);
    heard = client_flag(events, channel->offer->channel_id, TRY_US) &&
            client_requested(CLIENT_VECTOR, TRY_US);
    cpu_interrupts_on();
    return heard;
}

#define TRIES 20u /* before 5.3 no one says when the host has made the change */

static void modify(struct test_run *t, const struct vmbus_channel *channel, uint64_t vp)
{
    const struct vmbus_modify_channel message = {.header.type = VMBUS_MODIFY_CHANNEL,
                                                 .channel_id = channel->offer->channel_id,
                                                 .target_vp = (uint32_t)vp};
    union vmbus_control reply;

    (void)vmbus_post(&message, sizeof(message));
    if (vmbus_init()->version >= VMBUS_VERSION_5_3)
        CHECK(vmbus_wait(VMBUS_MODIFY_CHANNEL_RESPONSE, NULL, 0, &reply, CLIENT_WAIT_US),
              "MODIFYCHANNEL has no response");
    STEP("channel %u is to signal VP %llu", message.channel_id, (unsigned long long)vp);
}

/* `other` (NULL: none) stays with the second processor. */
static void with_modify(struct test_run *t, struct ear *ear, void *events,
                        struct vmbus_channel *channel, struct vmbus_channel *other)
{
    bool heard = false;

    modify(t, channel, client_msr(HV_MSR_VP_INDEX));
    for (unsigned i = 0; i < TRIES && !heard; i++)
        heard = first_hears(t, events, channel);
    CHECK(heard, "no signal to the first processor");
    CHECK(!other || second_hears(t, ear, other, CLIENT_WAIT_US),
          "no signal of the other channel to the second processor");
    modify(t, channel, ear->vp);
    heard = false;
    for (unsigned i = 0; i < TRIES && !heard; i++)
        heard = second_hears(t, ear, channel, TRY_US);
    CHECK(heard, "no signal to the second processor");
}

/* It is open for the second processor. Nothing of its former life stays. */
static void reopen(struct test_run *t, struct ear *ear, void *events, struct vmbus_channel *channel)
{
    const uint32_t vp = (uint32_t)client_msr(HV_MSR_VP_INDEX);
    const struct vmbus_opening opening = {.interrupts = true, .target_vp = &vp};

    for (unsigned turn = 0; turn < 2; turn++) {
        vmbus_channel_close(channel);
        client_open(t, 1, 1, &opening);
        STEP("closed, and opened for VP %u", vp);
        CHECK(first_hears(t, events, channel), "no signal of a channel that was opened again");
        if (turn == 0 && vmbus_init()->version >= VMBUS_VERSION_4_1)
            modify(t, channel, ear->vp);
    }
}

TEST(channels_signal_their_processor,
     PROMISE("A channel signals the processor that it was opened for, or moved to last, by the "
             "flag of its own number and the vector there")
     COVERS("BUS-8 BUS-26") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Both processors have event flags and a SINT. The first and the second channel of two "
           "buses are opened for the second processor, and a request is sent on each. If the "
           "version has MODIFYCHANNEL, each moves to the first processor and back, with a request "
           "after each move, and one on the other channel. The second channel is closed and opened "
           "for the first processor, moves to the other one, and is closed and opened again.")
     EXPECTS("The flag of the number of the channel is set in the page of that processor, and the "
             "vector of its SINT requested there.")
     IF_IT_FAILS("The host takes one processor for all, or accepts MODIFYCHANNEL without effect: "
                 "when the guest takes a processor out of use, the driver of the device hears of "
                 "nothing any more."))
{
    static const uint32_t versions[] = {VMBUS_VERSION_5_3, VMBUS_VERSION_4_1, 0};
    void *events = second_memory(t, PAGE_SIZE);
    struct ear *ear = second_memory(t, sizeof(*ear));
    bool connected = false;

    client_find_second(t, ear);
    for (unsigned i = 0; i < ARRAY_SIZE(versions) && !connected; i++)
        connected = client_connect_as(t, versions[i]);
    on_second(t, put_ear, ear);
    REQUIRE(connected && ear->requested, "no SynIC");
    ear->vector = SECOND;
    client_set_msr(t, HV_MSR_SIEFP, gpa_of(events) | HV_SYNIC_PAGE_ENABLE);
    client_set_msr(t, SINT, CLIENT_VECTOR);
    for (unsigned n = 0; n < 2; n++) {
        const uint32_t vp = (uint32_t)ear->vp;
        const struct vmbus_opening opening = {.interrupts = true, .target_vp = &vp};
        struct vmbus_channel *channel = client_open(t, n, n, &opening);

        CHECK(second_hears(t, ear, channel, CLIENT_WAIT_US), "no signal to the second processor");
        if (vmbus_init()->version >= VMBUS_VERSION_4_1)
            with_modify(t, ear, events, channel, n > 0 ? client_channel(0) : NULL);
    }
    reopen(t, ear, events, client_channel(1));
    on_second(t, take_ear, ear);
}

TEST(channels_end_alone,
     PROMISE("A channel that is closed, and the end of its list of pages, leave other channels as "
             "they are")
     COVERS("BUS-26") ABI() DEVICES(NONE) KINDS("device")
     STEPS("The channels of two buses are open. One is closed and its list of pages torn down, and "
           "a request sent on the other one. It is opened again, and a request sent on both. The "
           "same with the other one.")
     EXPECTS("Each request has its reply.")
     IF_IT_FAILS("The host ends all channels, or forgets the pages of others: when one driver is "
                 "unloaded, all other devices of the machine stand still."))
{
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel[2];

    client_connect(t);
    for (unsigned n = 0; n < 2; n++)
        channel[n] = client_open(t, n, n, &opening);
    for (unsigned n = 0; n < 2; n++) {
        STEP("channel %u ends", channel[n]->offer->channel_id);
        vmbus_channel_close(channel[n]);
        client_round_trip(t, channel[1 - n]);
        client_open(t, n, n, &opening);
        client_round_trip(t, channel[n]);
        client_round_trip(t, channel[1 - n]);
    }
}

static bool put(struct vmbus_channel *channel, uint64_t transaction, bool completion,
                enum vpci_message_type type)
{
    const struct vpci_slot_message message = {type, client_slot(channel)};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                      .flags = completion ? VMBUS_PACKET_FLAG_COMPLETION : 0,
                                      .transaction = transaction};

    return vmbus_ring_put(&channel->out, &head, &message, sizeof(message));
}

static uint32_t room(const struct vmbus_ring *ring)
{
    uint32_t read = __atomic_load_n(&ring->control->read_index, __ATOMIC_SEQ_CST);

    return (read + ring->size - ring->control->write_index - 1) % ring->size + 1;
}

/* Ids of transactions as Linux makes them: addresses. */
#define ID(n) (0xFFFF888100000000ull + (n)*0x100000008ull)

#define IS_SILENT(n) ((n) % 7 == 3) /* a request that asks for no completion */

TEST(full_rings_lose_nothing,
     PROMISE("Each request that asks for a completion gets one, with its transaction id, however "
             "full the ring is, whole around its end, and who waits for room is signaled")
     COVERS("BUS-11 BUS-12 BUS-24 BUS-25") ABI() DEVICES(NONE) KINDS("device")
     STEPS("So many requests are sent, with transaction ids of 64 bits, that their replies do not "
           "fit into the ring; every seventh asks for no completion. The replies are taken out one "
           "by one, with a signal to the host while it says that it waits for room. Then the ring "
           "to the host is filled with requests that ask for no completion, the guest says how "
           "much room it waits for, and signals the host.")
     EXPECTS("Each request that asks for it has its completion, once and in any order, with the "
             "same contents, and no other. The event flag of the channel is set when the host has "
             "made room.")
     IF_IT_FAILS("The host drops replies that do not fit, cuts the id, answers what no one waits "
                 "for, or does not look at the size that the guest waits for. Linux takes the id "
                 "for the address of what it waits with; a driver under load waits forever."))
{
    enum { REQUESTS = 400, TURNS = 20, FULL = 1024, PENDING = 4096 };
    const struct vmbus_opening opening = {.interrupts = true};
    uint8_t *waits = buffer(t, 1).data;
    struct vmbus_channel *channel;
    struct vpci_requirements_reply reply, first;
    void *events;
    uint64_t id;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned n = 0; n < REQUESTS; n++) {
        waits[n] = !IS_SILENT(n);
        (void)put(channel, ID(n), waits[n], VPCI_QUERY_RESOURCE_REQUIREMENTS);
    }
    vmbus_channel_signal(channel);
    for (unsigned i = 0; i < TURNS; i++) /* some hosts go on when they are entered */
        (void)client_msr(HV_MSR_VP_INDEX);
    for (unsigned i = 0; i < REQUESTS; i++) {
        uint64_t n = REQUESTS;

        if (IS_SILENT(i))
            continue;
        if (client_reply(channel, &id, &reply, sizeof(reply), CLIENT_WAIT_US))
            n = (id - ID(0)) / (ID(1) - ID(0));
        CHECK(n < REQUESTS && id == ID(n) && waits[n], "completion %u is missing or wrong", i);
        waits[n] = false;
        if (i == 0)
            first = reply;
        CHECK(memcmp(&reply, &first, sizeof(reply)) == 0, "completion %u is not as the first", i);
    }
    events = gpa_pointer(client_msr(HV_MSR_SIEFP) & HV_SYNIC_PAGE_GPFN);
    memset(events, 0, PAGE_SIZE);
    /* A host may take them without a signal, and then there is nothing to wait for. */
    for (unsigned n = 0; n < FULL && put(channel, 0, false, VPCI_QUERY_RESOURCE_REQUIREMENTS); n++)
        continue;
    channel->out.control->pending_send_size = PENDING;
    cpu_memory_barrier();
    waits[0] = room(&channel->out) <= PENDING;
    STEP("the ring to the host has %u bytes free, and the guest waits for %u", room(&channel->out),
         PENDING);
    vmbus_channel_signal(channel);
    CHECK(!waits[0] || client_flag(events, channel->offer->channel_id, CLIENT_WAIT_US),
          "no event flag, though the host takes what is in the ring");
}

TEST(transaction_ids_of_any_value,
     PROMISE("A request is completed or not as it asks, whatever its transaction id, and also when "
             "the one before had the same")
     COVERS("BUS-11") ABI() DEVICES(NONE) KINDS("device")
     STEPS("For the transaction ids 0, 1, all bits, the highest bit alone and others at the edges "
           "of 32 and 64 bits: a request that asks for no completion, two that ask for one, and "
           "one with another id.")
     EXPECTS("Two completions with the id, and one with the other.")
     IF_IT_FAILS("The host gives a meaning to an id that the guest chooses freely: 0 for a packet "
                 "that nothing waits for, or one that it saw before for a repetition. A guest that "
                 "numbers its requests from 0 waits forever for the first."))
{
    static const uint64_t ids[] = {0,          1,         INT32_MAX,  UINT32_MAX,
                                   1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned n = 0; n < ARRAY_SIZE(ids); n++) {
        const uint64_t sent[] = {ids[n], ids[n], ID(n)};

        (void)put(channel, ids[n], false, VPCI_QUERY_RESOURCE_REQUIREMENTS);
        for (unsigned i = 0; i < ARRAY_SIZE(sent); i++) {
            uint64_t id = ~sent[i];

            (void)put(channel, sent[i], true, VPCI_QUERY_RESOURCE_REQUIREMENTS);
            vmbus_channel_signal(channel);
            CHECK(client_completion(channel, &id, CLIENT_WAIT_US),
                  "no completion of request %u with transaction id 0x%llx", i,
                  (unsigned long long)sent[i]);
            CHECK_EQ(id, sent[i], "transaction id of a completion");
        }
    }
}
