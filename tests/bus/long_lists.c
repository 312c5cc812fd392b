/* SPDX-License-Identifier: MIT */
/* Lists of pages (GPADLs) that take several messages, and lists that the host refuses. */
#include "abi/vpci.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST     0x00880001u
#define NO_MEMORY (1ull << 51) /* bytes: beyond what a processor addresses */

static bool has_created(const union vmbus_control *message, uint32_t gpadl)
{
    return message->created.id == gpadl;
}

static bool has_torn_down(const union vmbus_control *message, uint32_t gpadl)
{
    return message->torndown.gpadl == gpadl;
}

static bool has_opened(const union vmbus_control *message, uint32_t channel)
{
    return message->opened.channel_id == channel;
}

static uint32_t answer(struct test_run *t, uint32_t gpadl)
{
    union vmbus_control reply;

    CHECK(vmbus_wait(VMBUS_GPADL_CREATED, has_created, gpadl, &reply, CLIENT_WAIT_US),
          "a list of pages has no answer");
    return reply.created.status;
}

/* A page of a list that is not what its neighbors are. */
struct flaw {
    unsigned place;
    uint64_t number;
};

static uint64_t number_of(uint64_t gpa, unsigned place, const struct flaw *flaw)
{
    return flaw && flaw->place == place ? flaw->number : gpa / PAGE_SIZE + place;
}

static void post_header(uint32_t channel, uint32_t gpadl, uint64_t gpa, unsigned pages,
                        const struct flaw *flaw)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = channel,
                                        .gpadl = gpadl,
                                        .range_bytes = (uint16_t)(8 + 8 * pages),
                                        .ranges = 1,
                                        .byte_count = pages * (uint32_t)PAGE_SIZE};

    for (unsigned i = 0; i < VMBUS_GPADL_HEADER_PAGES && i < pages; i++)
        header.page[i] = number_of(gpa, i, flaw);
    (void)vmbus_post(&header, sizeof(header));
}

static void post_body(uint32_t gpadl, uint64_t gpa, unsigned first, unsigned pages,
                      const struct flaw *flaw)
{
    struct vmbus_gpadl_body body = {.header.type = VMBUS_GPADL_BODY, .gpadl = gpadl};

    for (unsigned i = 0; i < VMBUS_GPADL_BODY_PAGES && first + i < pages; i++)
        body.page[i] = number_of(gpa, first + i, flaw);
    (void)vmbus_post(&body, sizeof(body));
}

enum { RING_PAGES = 30, PAGES = 2 * RING_PAGES, BATCH = 32, BATCHES = 75 };

#define CHANNELS 2u

/* A channel of the n-th bus, with rings that no host has heard of. */
static void prepare(struct test_run *t, struct vmbus_channel *channel, unsigned n)
{
    static void *memory[CHANNELS];
    const uint32_t data = (RING_PAGES - 1) * (uint32_t)PAGE_SIZE;

    if (!memory[n])
        memory[n] = memory_boot_pages(PAGES);
    channel->memory = memory[n];
    channel->offer = client_offer(t, n);
    channel->gpadl = FIRST + n;
    vmbus_ring_init(&channel->out, memory[n], data);
    vmbus_ring_init(&channel->in, (uint8_t *)memory[n] + RING_PAGES * PAGE_SIZE, data);
    channel->in.control->interrupt_mask = 1;
}

/* The lists of all, each message of the first list after that of the last one. */
static void describe_long(struct test_run *t, const struct vmbus_channel *channel, unsigned count)
{
    union vmbus_control reply;
    unsigned told = VMBUS_GPADL_HEADER_PAGES;

    for (unsigned i = count; i > 0; i--)
        post_header(channel[i - 1].offer->channel_id, channel[i - 1].gpadl,
                    gpa_of(channel[i - 1].memory), PAGES, NULL);
    for (; told < PAGES; told += VMBUS_GPADL_BODY_PAGES) {
        CHECK(!vmbus_wait(VMBUS_GPADL_CREATED, NULL, 0, &reply, CLIENT_LATE_US),
              "an answer after %u of %u pages", told, PAGES);
        for (unsigned i = count; i > 0; i--)
            post_body(channel[i - 1].gpadl, gpa_of(channel[i - 1].memory), told, PAGES, NULL);
    }
    for (unsigned i = count; i > 0; i--)
        CHECK_EQ(answer(t, channel[i - 1].gpadl), NT_STATUS_SUCCESS, "status of the list");
}

static void open_described(struct test_run *t, struct vmbus_channel *channel)
{
    const uint32_t id = channel->offer->channel_id;
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = id,
                                            .open_id = id,
                                            .gpadl = channel->gpadl,
                                            .downstream_page = RING_PAGES};
    union vmbus_control reply;

    (void)vmbus_post(&open, sizeof(open));
    CHECK(vmbus_wait(VMBUS_OPEN_CHANNEL_RESULT, has_opened, id, &reply, CLIENT_WAIT_US) &&
              reply.opened.status == NT_STATUS_SUCCESS,
          "OPENCHANNEL is refused");
    channel->open = true;
    (void)client_agree(t, channel);
}

/* With one signal. */
static void send_batch(struct vmbus_channel *channel)
{
    const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, client_slot(channel)};
    struct vmbus_packet head = {.type = VMBUS_PACKET_DATA, .flags = VMBUS_PACKET_FLAG_COMPLETION};

    for (unsigned i = 0; i < BATCH; i++) {
        head.transaction = ++channel->transaction;
        (void)vmbus_ring_put(&channel->out, &head, &query, sizeof(query));
    }
    vmbus_channel_signal(channel);
}

/* So many requests that their replies go once around the ring. */
static void go_around(struct test_run *t, struct vmbus_channel *channel)
{
    struct vpci_requirements_reply first = {0}, reply;

    for (unsigned b = 0; b < BATCHES; b++) {
        const uint64_t begin = channel->transaction;
        uint64_t id, seen = 0;

        send_batch(channel);
        for (unsigned i = 0; i < BATCH; i++) {
            CHECK(client_reply(channel, &id, &reply, sizeof(reply), CLIENT_WAIT_US) &&
                      id - begin - 1 < BATCH,
                  "a reply is missing or wrong");
            seen |= 1ull << (id - begin - 1);
            if (b == 0 && i == 0)
                first = reply;
            CHECK(memcmp(&first, &reply, sizeof(reply)) == 0, "a reply is not as the first");
        }
        CHECK_EQ(seen, (1ull << BATCH) - 1, "requests that have a reply");
    }
}

TEST(list_of_pages_in_three_messages,
     PROMISE("A list of pages in several messages is answered after its last page, and the rings "
             "use all of its pages")
     COVERS("BUS-21 BUS-25") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A list of 60 pages is described by GPADL_HEADER and two GPADL_BODY, and a channel "
           "opened in it. So many requests are sent that their replies go once around the ring, "
           "which begins in the second message and ends in the third.")
     EXPECTS("The list is answered after the last message, and not before. Each request has its "
             "reply, all with the same contents.")
     IF_IT_FAILS("The host takes the list for complete too early, or loses pages of later "
                 "messages: a driver with large rings, such as that of the network, gets no "
                 "channel, or data in the wrong pages."))
{
    struct vmbus_channel channel = {0};

    client_connect(t);
    prepare(t, &channel, 0);
    describe_long(t, &channel, 1);
    open_described(t, &channel);
    go_around(t, &channel);
    vmbus_channel_close(&channel);
}

TEST(lists_of_pages_interleaved,
     PROMISE("Of two lists of pages that are described at the same time, each has the pages of its "
             "own messages")
     COVERS("BUS-21") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Two lists of 60 pages each are described for two buses by three messages each, which "
           "alternate: the first of both, the second of both, the third of both. A channel is "
           "opened in each, and so many requests are sent on one after the other that their "
           "replies go once around its ring.")
     EXPECTS("Each list is answered after its own last message. Each request has its reply, all "
             "of a channel with the same contents.")
     IF_IT_FAILS("The host adds further pages to the list that it began first or last, whichever "
                 "list the message names. Linux describes lists of several drivers at once."))
{
    struct vmbus_channel channel[CHANNELS] = {0};

    client_connect(t);
    for (unsigned i = 0; i < CHANNELS; i++)
        prepare(t, &channel[i], i);
    describe_long(t, channel, CHANNELS);
    for (unsigned i = 0; i < CHANNELS; i++)
        open_described(t, &channel[i]);
    for (unsigned i = 0; i < CHANNELS; i++)
        go_around(t, &channel[i]);
    for (unsigned i = 0; i < CHANNELS; i++)
        vmbus_channel_close(&channel[i]);
}

TEST(refused_lists_leave_nothing,
     PROMISE("After a list of pages was refused its id can be used for another, however often that "
             "happens")
     COVERS("BUS-22") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A hundred times a list is described whose page lies beyond all memory, then one of the "
           "same id with a page of memory, which is torn down. A host that takes pages without "
           "memory has nothing to show here.")
     EXPECTS("Each second list is accepted.")
     IF_IT_FAILS("The host keeps the entry of a list that it refused. Its id, or the place in its "
                 "table, is lost until the connection ends, and the guest gets no channel."))
{
    enum { TIMES = 100 };
    const struct buffer b = buffer(t, 1);
    union vmbus_control reply;
    uint32_t channel;

    client_connect(t);
    channel = client_offer(t, 0)->channel_id;
    for (uint32_t gpadl = FIRST; gpadl < FIRST + TIMES; gpadl++) {
        const struct vmbus_gpadl_teardown teardown = {
            .header.type = VMBUS_GPADL_TEARDOWN, .channel_id = channel, .gpadl = gpadl};

        post_header(channel, gpadl, NO_MEMORY, 1, NULL);
        if (answer(t, gpadl) == NT_STATUS_SUCCESS)
            SKIP("the host takes a list of pages without memory");
        post_header(channel, gpadl, gpa_of(b.data), 1, NULL);
        CHECK_EQ(answer(t, gpadl), NT_STATUS_SUCCESS, "status of the second list");
        (void)vmbus_post(&teardown, sizeof(teardown));
        CHECK(vmbus_wait(VMBUS_GPADL_TORNDOWN, has_torn_down, gpadl, &reply, CLIENT_WAIT_US),
              "GPADL_TEARDOWN has no answer");
    }
}

#define LOCAL_APIC    0xFEE00000u  /* no machine has memory there */
#define NUMBER_BEYOND (1ull << 52) /* as an address this bit is gone */
#define OPEN_US       20000u

/* It is refused, or the channel that is opened in it. A host need not answer the latter. */
static void expect_refused(struct test_run *t, const struct vmbus_channel *channel,
                           const struct flaw *flaw)
{
    const uint32_t id = channel->offer->channel_id;
    const struct vmbus_gpadl_teardown teardown = {
        .header.type = VMBUS_GPADL_TEARDOWN, .channel_id = id, .gpadl = channel->gpadl};
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = id,
                                            .open_id = id,
                                            .gpadl = channel->gpadl,
                                            .downstream_page = RING_PAGES};
    union vmbus_control reply;

    post_header(id, channel->gpadl, gpa_of(channel->memory), PAGES, flaw);
    for (unsigned told = VMBUS_GPADL_HEADER_PAGES; told < PAGES; told += VMBUS_GPADL_BODY_PAGES)
        post_body(channel->gpadl, gpa_of(channel->memory), told, PAGES, flaw);
    STEP("page %llu of %llu has the number 0x%llx", flaw->place, PAGES, flaw->number);
    if (answer(t, channel->gpadl) != NT_STATUS_SUCCESS)
        return;
    (void)vmbus_post(&open, sizeof(open));
    CHECK(!vmbus_wait(VMBUS_OPEN_CHANNEL_RESULT, has_opened, id, &reply, OPEN_US) ||
              reply.opened.status != NT_STATUS_SUCCESS,
          "a channel is open in a list whose page %u of %u has the number 0x%llx", flaw->place,
          (unsigned)PAGES, (unsigned long long)flaw->number);
    (void)vmbus_post(&teardown, sizeof(teardown));
    CHECK(vmbus_wait(VMBUS_GPADL_TORNDOWN, has_torn_down, channel->gpadl, &reply, CLIENT_WAIT_US),
          "GPADL_TEARDOWN has no answer");
}

TEST(lists_with_a_page_of_no_memory,
     PROMISE("A list of pages with one that is no memory, wherever it stands, is refused, or no "
             "channel opens in it")
     COVERS("BUS-39") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Lists of 60 pages of memory are described by three messages, but for one page: at the "
           "start and the end of the list, of its first and of its second message, in the middle "
           "of one, and at the start of the second ring. It is that of the local APIC, one beyond "
           "all memory, or one of memory with a bit above those of an address. If the list is "
           "accepted, OPENCHANNEL names it. At last a list of memory is described, and a channel "
           "opened in it.")
     EXPECTS("Each list with such a page is refused, or the opening; the last one is accepted, and "
             "so many requests have their replies that they go once around the ring.")
     IF_IT_FAILS("The host looks at one page of the list, or of a message, for all: it opens rings "
                 "with a hole, or reads and writes what is not the guest's memory."))
{
    static const uint8_t places[] = {0,
                                     13,
                                     VMBUS_GPADL_HEADER_PAGES - 1,
                                     VMBUS_GPADL_HEADER_PAGES,
                                     RING_PAGES,
                                     VMBUS_GPADL_HEADER_PAGES + VMBUS_GPADL_BODY_PAGES - 1,
                                     PAGES - 1};
    struct vmbus_channel channel = {0};

    client_connect(t);
    prepare(t, &channel, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        const uint64_t numbers[] = {LOCAL_APIC / PAGE_SIZE, NO_MEMORY / PAGE_SIZE,
                                    NUMBER_BEYOND | (gpa_of(channel.memory) / PAGE_SIZE)};

        for (unsigned n = 0; n < ARRAY_SIZE(numbers); n++) {
            const struct flaw flaw = {places[i], numbers[n]};

            expect_refused(t, &channel, &flaw);
        }
    }
    describe_long(t, &channel, 1);
    open_described(t, &channel);
    go_around(t, &channel);
    vmbus_channel_close(&channel);
}
