/* SPDX-License-Identifier: MIT */
/*
 * Rings whose pages are neighbors, and not in the order of their addresses. The pages of a ring are
 * in the order of its list (reference 5.4), also where the first and the last of them are as far
 * apart as those of one piece of memory.
 *
 * The driver takes a ring for one piece. Here its copy of the ring is one, and what it writes goes
 * to the pages that the host knows, and back.
 */
#include "abi/vpci.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST 0x000F1E00u

enum { DATA_PAGES = 4, RING_PAGES = 1 + DATA_PAGES, PAGES = 2 * RING_PAGES };
enum { BATCH = 32, BATCHES = 20 }; /* more bytes than a ring has, each way */

/* The places in memory of the pages of data, by their place in the ring. */
static const uint8_t orders[][DATA_PAGES] = {
    {0, 2, 1, 3}, {0, 1, 3, 2}, {1, 0, 2, 3}, {3, 2, 1, 0}, {2, 3, 0, 1},
};

static uint8_t *memory, *copies; /* of both rings each */
static const uint8_t *order;

static struct vmbus_ring_control *control_of(unsigned ring)
{
    return (void *)(memory + ring * RING_PAGES * PAGE_SIZE);
}

static uint8_t *page_of(unsigned ring, unsigned place)
{
    return memory + (ring * RING_PAGES + 1 + order[place]) * PAGE_SIZE;
}

static bool has_created(const union vmbus_control *message, uint32_t gpadl)
{
    return message->created.id == gpadl;
}

static bool has_opened(const union vmbus_control *message, uint32_t channel)
{
    return message->opened.channel_id == channel;
}

static void describe(struct test_run *t, const struct vmbus_channel *channel)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = channel->offer->channel_id,
                                        .gpadl = channel->gpadl,
                                        .range_bytes = 8 + 8 * PAGES,
                                        .ranges = 1,
                                        .byte_count = PAGES * (uint32_t)PAGE_SIZE};
    union vmbus_control reply;

    for (unsigned ring = 0; ring < 2; ring++) {
        header.page[ring * RING_PAGES] = gpa_of(control_of(ring)) / PAGE_SIZE;
        for (unsigned i = 0; i < DATA_PAGES; i++)
            header.page[ring * RING_PAGES + 1 + i] = gpa_of(page_of(ring, i)) / PAGE_SIZE;
    }
    (void)vmbus_post(&header, sizeof(header));
    CHECK(vmbus_wait(VMBUS_GPADL_CREATED, has_created, channel->gpadl, &reply, CLIENT_WAIT_US) &&
              reply.created.status == NT_STATUS_SUCCESS,
          "the list of pages is refused");
}

static void open_ordered(struct test_run *t, struct vmbus_channel *channel, uint32_t gpadl)
{
    const uint32_t data = DATA_PAGES * (uint32_t)PAGE_SIZE;
    struct vmbus_open_channel open = {
        .header.type = VMBUS_OPEN_CHANNEL, .gpadl = gpadl, .downstream_page = RING_PAGES};
    union vmbus_control reply;

    *channel = (struct vmbus_channel){.offer = client_offer(t, 0), .gpadl = gpadl};
    memset(memory, 0, PAGES * PAGE_SIZE);
    memset(copies, 0, PAGES * PAGE_SIZE);
    vmbus_ring_init(&channel->out, copies, data);
    vmbus_ring_init(&channel->in, copies + RING_PAGES * PAGE_SIZE, data);
    control_of(1)->interrupt_mask = 1;
    describe(t, channel);
    open.channel_id = open.open_id = channel->offer->channel_id;
    (void)vmbus_post(&open, sizeof(open));
    CHECK(vmbus_wait(VMBUS_OPEN_CHANNEL_RESULT, has_opened, open.channel_id, &reply,
                     CLIENT_WAIT_US) &&
              reply.opened.status == NT_STATUS_SUCCESS,
          "OPENCHANNEL is refused");
    channel->open = true;
}

/* To the copy alone. Returns the transaction id. */
static uint64_t put(struct test_run *t, struct vmbus_channel *channel, const void *message,
                    size_t size)
{
    struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                .transaction = ++channel->transaction};

    channel->out.control->read_index =
        __atomic_load_n(&control_of(0)->read_index, __ATOMIC_SEQ_CST);
    REQUIRE(vmbus_ring_put(&channel->out, &head, message, size), "the ring is full");
    return head.transaction;
}

/* The host sees what was put. */
static void publish(const struct vmbus_channel *channel)
{
    for (unsigned i = 0; i < DATA_PAGES; i++)
        memcpy(page_of(0, i), channel->out.data + i * PAGE_SIZE, PAGE_SIZE);
    __atomic_store_n(&control_of(0)->write_index, channel->out.control->write_index,
                     __ATOMIC_SEQ_CST);
    vmbus_channel_signal(channel);
}

/* The test sees what the host has written by now. */
static void fetch(const struct vmbus_channel *channel)
{
    channel->in.control->write_index =
        __atomic_load_n(&control_of(1)->write_index, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < DATA_PAGES; i++)
        memcpy(channel->in.data + i * PAGE_SIZE, page_of(1, i), PAGE_SIZE);
}

static uint64_t next_reply(struct test_run *t, struct vmbus_channel *channel,
                           struct vpci_requirements_reply *reply)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    uint64_t transaction = 0;
    bool came = client_reply(channel, &transaction, reply, sizeof(*reply), 0);

    for (unsigned looks = 0; !came && (looks < CLIENT_LOOKS || time_us() < end); looks++) {
        fetch(channel);
        came = client_reply(channel, &transaction, reply, sizeof(*reply), 0);
    }
    CHECK(came, "a request has no reply");
    __atomic_store_n(&control_of(1)->read_index, channel->in.control->read_index, __ATOMIC_SEQ_CST);
    vmbus_channel_made_room(channel, control_of(1));
    return transaction;
}

static void agree(struct test_run *t, struct vmbus_channel *channel)
{
    static const uint32_t versions[] = {VPCI_VERSION_1_1, VPCI_VERSION_1_2, VPCI_VERSION_1_3,
                                        VPCI_VERSION_1_4};
    struct vpci_requirements_reply reply = {.status = NT_STATUS_REVISION_MISMATCH};

    for (unsigned i = 0;
         i < ARRAY_SIZE(versions) && reply.status == (uint32_t)NT_STATUS_REVISION_MISMATCH; i++) {
        const struct vpci_version_query query = {VPCI_QUERY_PROTOCOL_VERSION, versions[i]};

        (void)put(t, channel, &query, sizeof(query));
        publish(channel);
        (void)next_reply(t, channel, &reply);
    }
    CHECK_EQ(reply.status, NT_STATUS_SUCCESS, "status of the last version that was asked for");
}

static void go_around(struct test_run *t, struct vmbus_channel *channel)
{
    const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, client_slot(channel)};
    struct vpci_requirements_reply first = {0}, reply;

    for (unsigned b = 0; b < BATCHES; b++) {
        const uint64_t begin = channel->transaction;
        uint64_t seen = 0;

        for (unsigned i = 0; i < BATCH; i++)
            (void)put(t, channel, &query, sizeof(query));
        publish(channel);
        for (unsigned i = 0; i < BATCH; i++) {
            const uint64_t id = next_reply(t, channel, &reply) - begin - 1;

            CHECK(id < BATCH, "a reply is to no request");
            seen |= 1ull << id;
            if (b == 0 && i == 0)
                first = reply;
            CHECK(memcmp(&first, &reply, sizeof(reply)) == 0, "a reply is not as the first");
        }
        CHECK_EQ(seen, (1ull << BATCH) - 1, "requests that have a reply");
    }
}

TEST(pages_of_rings_in_any_order,
     PROMISE("The pages of a ring are used in the order of its list, wherever they lie")
     COVERS("BUS-21 BUS-25") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A channel is opened in rings of four pages of data each, which are neighbors in "
           "memory, and not in the order of their addresses: the two in the middle change places, "
           "the last two, the first two, both halves, or all. So many requests are sent that they "
           "and their replies go once around the rings. The channel is closed.")
     EXPECTS("Each request has its reply, all with the same contents.")
     IF_IT_FAILS("The host looks at some pages of a list and takes the ring for one piece of "
                 "memory. After a while of work a guest has its pages from all over memory: "
                 "packets are read from wrong pages, and written to them."))
{
    struct vmbus_channel channel;

    client_connect(t);
    if (!memory) {
        memory = memory_boot_pages(PAGES);
        copies = memory_boot_pages(PAGES);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
        order = orders[i];
        STEP("order %u: %u, %u, %u, %u", i, order[0], order[1], order[2], order[3]);
        open_ordered(t, &channel, FIRST + i);
        agree(t, &channel);
        go_around(t, &channel);
        vmbus_channel_close(&channel);
    }
}
