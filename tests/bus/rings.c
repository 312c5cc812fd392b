/* SPDX-License-Identifier: MIT */
/* The indexes of the rings of a channel, and guests that wait for room in a ring in which nothing
 * else has happened (reference 4.1, 4.3 and 4.4). */
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define GRAIN  VMBUS_RING_ALIGNMENT
#define LONGER 24u /* bytes of a request after the 8 that it needs */
#define BATCH  16u /* requests of one signal */
#define DATA   (VMBUS_CHANNEL_DATA_PAGES * (uint32_t)PAGE_SIZE)
#define ROUNDS 1000u /* more than fill a ring */

/* Asks for no completion. `more` bytes follow those of the request. */
static bool put(struct vmbus_channel *channel, size_t more)
{
    const struct {
        struct vpci_slot_message query;
        uint8_t more[LONGER];
    } message = {.query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, client_slot(channel)}};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA};

    return vmbus_ring_put(&channel->out, &head, &message, sizeof(message.query) + more);
}

static uint32_t look(struct test_run *t, volatile uint32_t *index, const struct vmbus_ring *ring,
                     const char *which)
{
    const uint32_t value = __atomic_load_n(index, __ATOMIC_SEQ_CST);

    CHECK(value < ring->size && value % GRAIN == 0,
          "the %s index of the host is 0x%x, in a ring of 0x%x bytes", which, value, ring->size);
    return value;
}

/* The host has taken all, and says so. */
static void expect_taken(struct test_run *t, struct vmbus_channel *channel)
{
    struct vmbus_ring *ring = &channel->out;
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    const uint32_t written = ring->control->write_index;
    uint64_t other;
    uint32_t read;

    vmbus_channel_signal(channel);
    while ((read = look(t, &ring->control->read_index, ring, "read")) != written && time_us() < end)
        (void)client_completion(channel, &other,
                                0); /* hosts may send messages, for which they need room */
    CHECK(read == written, "the read index stays at 0x%x, packets are written up to 0x%x", read,
          written);
}

TEST(read_index_is_that_of_the_next_packet,
     PROMISE("When the host has taken all packets its read index is where the next one begins, "
             "also after one that ends where the ring ends")
     COVERS("BUS-52") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Requests of 32 bytes that ask for no completion are sent, up to 16 by one signal, "
           "until one of them has ended exactly at the end of the ring and was the last of its "
           "signal. Then requests of 56 bytes, of which one goes around the end.")
     EXPECTS("After each signal the read index of the host comes to the write index of the guest. "
             "It is never outside of the ring.")
     IF_IT_FAILS("The host writes the size of the ring where it has to write 0, or an older index "
                 "than its own. Linux signals the host only if the packet that it wrote is the one "
                 "to be read next by this index: it goes on without a signal, and waits forever."))
{
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_ring_control volatile *control;
    struct vmbus_channel *channel;
    uint32_t before = 0, batches = 0;
    bool exact = false;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    control = channel->out.control;
    while (!exact && batches++ < ROUNDS) {
        for (unsigned i = 0; i < BATCH && !exact; i++) {
            REQUIRE(put(channel, 0), "the ring to the host is full");
            exact = control->write_index == 0;
        }
        expect_taken(t, channel);
    }
    REQUIRE(exact, "no packet has ended where the ring ends");
    STEP("a packet has ended where the ring ends");
    for (batches = 0; before <= control->write_index && batches < ROUNDS; batches++) {
        before = control->write_index;
        for (unsigned i = 0; i < BATCH && before <= control->write_index; i++)
            REQUIRE(put(channel, LONGER), "the ring to the host is full");
        expect_taken(t, channel);
    }
}

/* A request is sent, and its completion taken. Returns how far the host's ring went meanwhile. */
static uint32_t ask(struct test_run *t, struct vmbus_channel *channel, enum vpci_message_type type)
{
    const struct vpci_slot_message message = {type, client_slot(channel)};
    struct vmbus_ring *ring = &channel->in;
    const uint32_t from = ring->control->read_index;
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    struct vpci_requirements_reply reply;
    uint64_t seen;

    CHECK(vmbus_channel_send(channel, &message, sizeof(message), true) != 0,
          "a request does not fit into the ring to the host");
    while (look(t, &ring->control->write_index, ring, "write") == from && time_us() < end)
        (void)client_msr(HV_MSR_VP_INDEX); /* some hosts go on when they are entered */
    CHECK(client_reply(channel, &seen, &reply, sizeof(reply), CLIENT_WAIT_US),
          "a request has no completion");
    (void)look(t, &ring->control->write_index, ring, "write");
    return (ring->control->read_index + ring->size - from) % ring->size;
}

static bool adds_up(uint32_t bytes, uint32_t first, uint32_t second)
{
    for (uint32_t sum = 0; sum <= bytes; sum += first)
        if ((bytes - sum) % second == 0)
            return true;
    return false;
}

TEST(write_index_stays_in_the_ring,
     PROMISE("The write index of the host is 0 after a packet of its that ends where the ring ends")
     COVERS("BUS-52") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Two requests with completions of different lengths are sent one after the other, and "
           "chosen so that the last completion of the ring ends exactly at its end, if the lengths "
           "on this host allow it. Then both are sent again.")
     EXPECTS("The write index is a multiple of 8 within the ring at every time. Each request has "
             "its completion.")
     IF_IT_FAILS("The host writes the size of the ring where it has to write 0. A guest that looks "
                 "at the index before it reads takes the ring for broken; one that does not reads "
                 "beyond its end."))
{
    static const enum vpci_message_type types[] = {VPCI_MESSAGE(0xFE),
                                                   VPCI_QUERY_RESOURCE_REQUIREMENTS};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;
    uint32_t size[ARRAY_SIZE(types)], left = 0;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        size[i] = ask(t, channel, types[i]);
    REQUIRE(size[0] > 0 && size[1] > 0, "completions without a packet");
    for (unsigned i = 0; i < ROUNDS && channel->in.control->read_index != 0; i++) {
        left = channel->in.size - channel->in.control->read_index;
        (void)ask(t, channel,
                  types[left >= size[1] && adds_up(left - size[1], size[0], size[1]) ? 1 : 0]);
    }
    STEP("a packet of the host ends %s the ring ends",
         channel->in.control->read_index == 0 ? "where" : "not where");
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        (void)ask(t, channel, types[i]);
}

static uint32_t room(const struct vmbus_ring *ring)
{
    const uint32_t read = __atomic_load_n(&ring->control->read_index, __ATOMIC_SEQ_CST);

    return (read + ring->size - ring->control->write_index - 1) % ring->size + 1;
}

/* A host may send messages meanwhile, for which it needs room in its own ring. */
static bool is_signaled(struct test_run *t, struct vmbus_channel *channel, const void *events)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    uint64_t other;
    bool set;

    while (!(set = client_flag(events, channel->offer->channel_id, 0)) && time_us() < end)
        (void)client_completion(channel, &other, 0);
    return set;
}

TEST(waiter_of_a_new_channel_is_signaled,
     PROMISE("A guest that waits for room is signaled each time, for any size, also on a channel "
             "whose ring from the host was never full")
     COVERS("BUS-12") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A channel is opened. The ring to the host is filled with requests that ask for no "
           "completion, the guest says how much room it waits for, and signals the host; for 40 "
           "bytes, a quarter, three quarters and a quarter of the ring, one after the other, with "
           "the size cleared in between.")
     EXPECTS("The event flag of the channel comes each time.")
     IF_IT_FAILS("The host looks for the size in the ring that it writes itself, where its own "
                 "stands, signals once, or not for every size. A driver that has filled the ring "
                 "waits forever."))
{
    static const uint32_t sizes[] = {40, DATA / 4, DATA / 4 * 3, DATA / 4};
    const struct vmbus_opening opening = {.interrupts = true};
    struct vmbus_channel *channel;
    struct vmbus_ring *ring;
    void *events;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    ring = &channel->out;
    events = gpa_pointer(client_msr(HV_MSR_SIEFP) & HV_SYNIC_PAGE_GPFN);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        bool waits;

        memset(events, 0, PAGE_SIZE);
        /* A host may take them without a signal, and then there is nothing to wait for. */
        for (unsigned n = 0; n < ring->size / GRAIN && put(channel, 0); n++)
            continue;
        __atomic_store_n(&ring->control->pending_send_size, sizes[i], __ATOMIC_SEQ_CST);
        waits = room(ring) < sizes[i];
        STEP("%u bytes are free, the guest waits for %u", room(ring), sizes[i]);
        vmbus_channel_signal(channel);
        CHECK(!waits || is_signaled(t, channel, events),
              "no event flag, though the host takes what is in the ring");
        __atomic_store_n(&ring->control->pending_send_size, 0, __ATOMIC_SEQ_CST);
        expect_taken(t, channel);
    }
}
