/* SPDX-License-Identifier: MIT */
/* The form of packets in the rings of a channel: the host's, and some of the guest's that no guest
 * sends (reference 4.2, 4.4). */
#include "abi/vpci.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define NO_SLOT UINT32_C(0xFF) /* device 31, function 7 */
#define GRAIN   VMBUS_RING_ALIGNMENT
#define ROUNDS  600u /* of several packets; more bytes than a ring has, twice */
#define WRAPS   2u
#define BATCH   3u
#define BYTES   2048u /* of a packet after its first 16 */
/* For the completion of a right request after an odd packet: there is none where that ended the
 * channel. */
#define AFTER_ODD_US 20000u

static const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, 0};

static struct vmbus_channel *open_bus(struct test_run *t, unsigned n)
{
    const struct vmbus_opening opening = {.interrupts = false};

    return client_open(t, 0, n, &opening);
}

/* Requests with replies of different lengths, one signal. */
static void send_batch(struct test_run *t, struct vmbus_channel *channel)
{
    static const uint32_t assigned[38] = {VPCI_RESOURCES_ASSIGNED, 0},
                          unknown[2] = {VPCI_MESSAGE(0xFE)};
    const struct {
        const void *message;
        size_t size;
    } requests[BATCH] = {
        {&query, sizeof(query)}, {unknown, sizeof(unknown)}, {assigned, sizeof(assigned)}};
    struct vpci_requirements_reply reply;
    uint64_t seen = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                          .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                          .transaction = ++channel->transaction};

        REQUIRE(vmbus_ring_put(&channel->out, &head, requests[i].message, requests[i].size),
                "the ring to the host is full");
    }
    vmbus_channel_signal(channel);
    for (unsigned i = 0; i < BATCH; i++)
        CHECK(client_reply(channel, &seen, &reply, sizeof(reply), CLIENT_WAIT_US),
              "a request has no completion");
}

static void expect_form(struct test_run *t, const struct vmbus_channel *channel)
{
    const struct vmbus_ring_seen *seen = &channel->in.seen;

    CHECK(seen->odd == 0,
          "channel %u: the trailers of %u of %u packets name another start; that of the first of "
          "these, at 0x%x, names 0x%x",
          channel->offer->channel_id, seen->odd, seen->packets, seen->start, seen->told);
    CHECK(seen->asking == 0, "channel %u: %u of %u packets of the host ask for a completion",
          channel->offer->channel_id, seen->asking, seen->packets);
}

TEST(packets_name_their_start,
     PROMISE("The trailer of each packet of the host names the start of the packet, and none "
             "asks for a completion, on every channel and around the end of the ring")
     COVERS("BUS-42") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Each bus is opened, one after the other. Its functions are asked for without the "
           "flag of a completion, and three requests with it are sent by one signal. On the "
           "first bus these three are sent until two packets of the host went around the end of "
           "the ring.")
     EXPECTS("The last four bytes of each packet are the index of its first. The flag of a "
             "completion is clear in all of them.")
     IF_IT_FAILS("The host takes the index where it writes the trailer, or one for several "
                 "packets. A guest that goes back through a ring by its trailers, as a debugger "
                 "does, is lost; one that is asked for a completion sends what the host does not "
                 "expect."))
{
    static const uint8_t guid[16] = VPCI_INTERFACE_GUID;
    const struct vpci_message relations = {VPCI_QUERY_BUS_RELATIONS};

    client_connect(t);
    for (unsigned n = 0; n == 0 || vmbus_offer(guid, n); n++) {
        struct vmbus_channel *channel = open_bus(t, n);

        (void)vmbus_channel_send(channel, &relations, sizeof(relations), false);
        client_round_trip(t, channel);
        send_batch(t, channel);
        for (unsigned i = 0; n == 0 && i < ROUNDS && channel->in.seen.wrapped < WRAPS; i++)
            send_batch(t, channel);
        expect_form(t, channel);
        vmbus_channel_close(channel);
    }
}

/* `size` bytes after the head, as they are, and a trailer. The host is told of `written` bytes. */
static void put_raw(struct vmbus_channel *channel, const struct vmbus_packet *head,
                    const uint8_t *bytes, uint32_t size, uint32_t written)
{
    static uint8_t packet[BYTES + sizeof(*head) + sizeof(struct vmbus_packet_trailer)];
    const struct vmbus_ring *ring = &channel->out;
    const uint32_t at = ring->control->write_index;
    const struct vmbus_packet_trailer trailer = {.start = at};
    uint32_t length = (uint32_t)sizeof(*head) + size;

    memcpy(packet, head, sizeof(*head));
    memcpy(packet + sizeof(*head), bytes, size);
    memcpy(packet + length, &trailer, sizeof(trailer));
    length += (uint32_t)sizeof(trailer);
    for (uint32_t i = 0; i < length; i++)
        ring->data[(at + i) % ring->size] = packet[i];
    __atomic_store_n(&ring->control->write_index, (at + written) % ring->size, __ATOMIC_SEQ_CST);
    vmbus_channel_signal(channel);
}

static uint32_t whole(uint32_t size)
{
    return (uint32_t)sizeof(struct vmbus_packet) + size +
           (uint32_t)sizeof(struct vmbus_packet_trailer);
}

/* Until the completion of `last`, or for a short time. `odd`, from the `first` of the channel on,
 * has none with SUCCESS, at any time. Returns whether that of `last` came: a host may end a channel
 * with such a packet in its ring. */
static bool expect_no_success(struct test_run *t, struct vmbus_channel *channel, uint64_t first,
                              uint64_t odd, uint64_t last, const char *what)
{
    const uint64_t end = time_us() + (last != 0 ? AFTER_ODD_US : CLIENT_LATE_US);

    for (unsigned looks = 0; looks < CLIENT_LOOKS || time_us() < end; looks++) {
        struct vpci_requirements_reply reply = {0};
        uint64_t seen = 0;

        if (!client_reply(channel, &seen, &reply, sizeof(reply), 0))
            continue;
        if (seen == last)
            return true;
        CHECK(seen >= first && seen <= odd,
              "%s: a completion with the transaction id 0x%llx, which no request has", what,
              (unsigned long long)seen);
        CHECK(reply.status != NT_STATUS_SUCCESS, "%s: it is carried out as a request", what);
    }
    OBSERVE("%s: the host answers nothing more on the channel", what);
    return false;
}

TEST(payload_is_where_the_offset_says,
     PROMISE("The payload of a request begins where its offset says, or the host does not take "
             "the packet")
     COVERS("BUS-43") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Packets with the payload offsets 24, 32, 40, 144, 272 and 528 are sent, each with a "
           "right request after it. The payload asks for the resource requirements of a slot "
           "that has no function; all bytes between the first 16 and the payload, and all after "
           "its 8 bytes, ask for those of function 0.")
     EXPECTS("The packet is refused by its completion, or has none. The host may end the channel.")
     IF_IT_FAILS("The host takes 16 for granted, or counts the offset in another way, and "
                 "carries out bytes that are no request."))
{
    static const uint16_t offsets[] = {3, 4, 5, 18, 34, 66};
    static uint8_t bytes[BYTES];
    struct vmbus_channel *channel;
    uint64_t first;
    bool alive = true;

    client_connect(t);
    channel = open_bus(t, 0);
    first = channel->transaction + 1;
    for (unsigned i = 0; i < ARRAY_SIZE(offsets) && alive; i++) {
        const struct vpci_slot_message none = {VPCI_QUERY_RESOURCE_REQUIREMENTS, NO_SLOT};
        const uint32_t before = (offsets[i] - 2u) * GRAIN, size = 2 * before + 4 * GRAIN;
        const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                          .offset8 = offsets[i],
                                          .length8 = (uint16_t)((sizeof(head) + size) / GRAIN),
                                          .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                          .transaction = ++channel->transaction};
        uint64_t last;

        for (uint32_t at = 0; at < size; at += GRAIN)
            memcpy(bytes + at, &query, sizeof(query));
        memcpy(bytes + before, &none, sizeof(none));
        STEP("a packet with the payload offset %llu", offsets[i] * GRAIN);
        put_raw(channel, &head, bytes, size, whole(size));
        last = vmbus_channel_send(channel, &query, sizeof(query), true);
        alive = expect_no_success(t, channel, first, head.transaction, last,
                                  "a packet whose payload is not after its first 16 bytes");
    }
}

TEST(other_packets_are_no_requests,
     PROMISE("Completions, cancellations and packets of no type are not carried out as requests")
     COVERS("BUS-43") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("On a channel that is opened for each: a packet of the type of a completion, of a "
           "cancellation, and of type 0, with the payload of a right request and the flag that "
           "asks for a completion; then a right request.")
     EXPECTS("The packet has no completion, or one with an error. The host may end the channel.")
     IF_IT_FAILS("The host does not look at the type of a packet: the answer of a guest to a "
                 "message is carried out as a request."))
{
    static const uint16_t types[] = {VMBUS_PACKET_COMPLETION, 10, 0};

    client_connect(t);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        struct vmbus_channel *channel = open_bus(t, 0);
        const struct vmbus_packet head = {.type = types[i],
                                          .offset8 = 2,
                                          .length8 = 3,
                                          .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                          .transaction = ++channel->transaction};
        uint64_t last;

        STEP("a packet of type %llu", types[i]);
        put_raw(channel, &head, (const uint8_t *)&query, sizeof(query), whole(sizeof(query)));
        last = vmbus_channel_send(channel, &query, sizeof(query), true);
        (void)expect_no_success(t, channel, head.transaction, head.transaction, last,
                                "a packet that is no request by its type");
        vmbus_channel_close(channel);
    }
}

TEST(packet_that_is_not_written_yet,
     PROMISE("A packet that is longer than what the guest has written is not carried out")
     COVERS("BUS-43") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("On a channel that is opened for each: a right request is put into the ring, and the "
           "index of the ring says that its first 8 or 16 bytes are there, which is not its "
           "payload.")
     EXPECTS("It has no completion, or one with an error.")
     IF_IT_FAILS("The host believes the length of a packet and not the index, and reads what was "
                 "in the ring before."))
{
    client_connect(t);
    for (uint32_t written = GRAIN; written <= sizeof(struct vmbus_packet); written += GRAIN) {
        struct vmbus_channel *channel = open_bus(t, 0);
        const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                          .offset8 = 2,
                                          .length8 = 3,
                                          .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                          .transaction = ++channel->transaction};

        STEP("%llu bytes of a packet", written);
        put_raw(channel, &head, (const uint8_t *)&query, sizeof(query), written);
        (void)expect_no_success(t, channel, head.transaction, head.transaction, 0,
                                "a packet whose payload is not written yet");
        vmbus_channel_close(channel);
    }
}
