/* SPDX-License-Identifier: MIT */
/* Lists of pages (GPADLs) that are gone, and whose ids a guest uses again. */
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "drivers/hypercall.h"
#include "drivers/vpci/restart.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST     0x000E1E10u /* where Linux begins, in each of its kernels */
#define UNDONE    0x000E1E11u
#define LONG_LIST 30u /* needs a second message */
#define NEVER     VMBUS_VERSION(0x7FFF, 1)

enum end { BY_UNLOAD, BY_CONTACT, BY_TEARDOWN };

#define LIST_ENDS(ROW, test)                                                                       \
    ROW(test, unload, BY_UNLOAD, WORD(way, "UNLOAD"))                                              \
    ROW(test, contact, BY_CONTACT, WORD(way, "INITIATE_CONTACT"))                                  \
    ROW(test, teardown, BY_TEARDOWN, WORD(way, "GPADL_TEARDOWN"))

VARIANTS(const enum end, list_ends, LIST_ENDS);

static bool has_created(const union vmbus_control *message, uint32_t gpadl)
{
    return message->created.id == gpadl;
}

static void end_lists(struct test_run *t, enum end how)
{
    if (how == BY_TEARDOWN) {
        vmbus_channel_close(client_channel(0));
        return;
    }
    vmbus_channel_forget(client_channel(0));
    if (how == BY_UNLOAD)
        (void)vmbus_stop();
    REQUIRE(vmbus_start_again()->stage == VMBUS_CONNECTED, "VMBus cannot be connected again");
}

/* Zeros with a request's length each, so that what the host writes there shows. */
static void wipe(const struct vmbus_channel *channel)
{
    memset((void *)channel->in.control, 0, PAGE_SIZE);
    memset(channel->in.data, 0, channel->in.size);
}

static bool is_wiped(const struct vmbus_channel *channel)
{
    return !memory_find_other((const void *)channel->in.control, PAGE_SIZE, 0) &&
           !memory_find_other(channel->in.data, channel->in.size, 0);
}

TEST_EACH(list_of_pages_ends_by, LIST_ENDS,
          PROMISE("After {way} the ids of lists of pages name nothing, and can be used for others")
          COVERS("BUS-13") ABI() DEVICES(NONE) KINDS("device")
          STEPS("A channel is opened by a list of pages, and a request has its reply there. A "
                "second list is described by the first of two messages. {way} ends the first one, "
                "and with the connection the second. The channel is opened in other memory by the "
                "same id, and the second id names another list, too.")
          EXPECTS("Both lists are accepted. A request has its reply in the new memory, and nothing "
                  "changes in the memory of before.")
          IF_IT_FAILS("The host keeps what an id stood for. A second kernel begins with the same "
                      "ids: it gets no channel, or the host writes to pages of the first one."))
{
    const struct vmbus_opening opening = {.gpadl = FIRST};
    struct vmbus_channel *first;
    union vmbus_control reply;

    client_connect(t);
    first = client_open(t, 0, 0, &opening);
    if (VARIANT(list_ends) != BY_TEARDOWN)
        client_describe(t, UNDONE, LONG_LIST);
    end_lists(t, VARIANT(list_ends));
    wipe(first);
    client_open(t, 1, 0, &opening);
    CHECK(is_wiped(first), "the old ring is used");
    client_describe(t, UNDONE, 1);
    CHECK(vmbus_wait(VMBUS_GPADL_CREATED, has_created, UNDONE, &reply, CLIENT_WAIT_US) &&
              reply.created.status == NT_STATUS_SUCCESS,
          "the second list is refused");
}

static bool is_answered(uint32_t type, union vmbus_control *reply, uint64_t us)
{
    return vmbus_wait(type, NULL, 0, reply, us);
}

static void make_contact(struct test_run *t, uint32_t version)
{
    const bool agrees = version == vmbus.version;
    const struct vmbus_initiate_contact contact = {
        .header.type = VMBUS_INITIATE_CONTACT,
        .version = version,
        .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX),
        .sint = version >= VMBUS_VERSION_5_1 ? VMBUS_SINT : 0};
    union vmbus_control reply;

    STEP("INITIATE_CONTACT of version 0x%x", version);
    vmbus.stage = VMBUS_REFUSED; /* there is no connection until the suite makes the next one */
    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    (void)vmbus_post(&contact, sizeof(contact));
    if (!agrees && vmbus.post_status != HV_STATUS_SUCCESS)
        SKIP("the host refuses the call");
    if (!is_answered(VMBUS_VERSION_RESPONSE, &reply, CLIENT_WAIT_US)) {
        REQUIRE(!agrees, "INITIATE_CONTACT is not answered");
        SKIP("the host does not answer to a version that it does not speak");
    }
    CHECK(agrees == (reply.version.supported != 0), "VERSION_RESPONSE says %u",
          reply.version.supported);
}

static void refused(struct test_run *t)
{
    make_contact(t, NEVER);
}

static void refused_twice(struct test_run *t)
{
    make_contact(t, NEVER);
    make_contact(t, NEVER + 1);
}

static void agreed(struct test_run *t)
{
    make_contact(t, vmbus.version);
}

static void unloaded(struct test_run *t)
{
    const struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    union vmbus_control reply;

    REQUIRE(vmbus_post(&unload, sizeof(unload)) &&
                is_answered(VMBUS_UNLOAD_RESPONSE, &reply, CLIENT_WAIT_US),
            "UNLOAD is not answered");
    vmbus.stage = VMBUS_REFUSED;
}

typedef void end_of_connection(struct test_run *t);

#define CONNECTION_ENDS(ROW, test)                                                                 \
    ROW(test, refused_contact, refused,                                                            \
        WORD(way, "INITIATE_CONTACT of a version that is refused"))                                \
    ROW(test, refused_contacts, refused_twice, WORD(way, "two of versions that are refused"))      \
    ROW(test, contact, agreed, WORD(way, "INITIATE_CONTACT alone"))                                \
    ROW(test, unload, unloaded, WORD(way, "UNLOAD alone"))

VARIANTS(end_of_connection *const, connection_ends, CONNECTION_ENDS);

/* By its old connection id: a request, and what the host has read of the ring before. */
static uint32_t put_request(const struct vmbus_channel *channel, uint32_t connection_id)
{
    const struct vpci_message query = {VPCI_QUERY_BUS_RELATIONS};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                      .flags = VMBUS_PACKET_FLAG_COMPLETION};
    struct hv_input_signal_event signal = {.connection_id = connection_id};
    struct vmbus_ring ring = channel->out;
    const uint32_t read = ring.control->read_index;

    wipe(channel);
    (void)vmbus_ring_put(&ring, &head, &query, sizeof(query));
    (void)hypercall_fast(HVCALL_SIGNAL_EVENT, &signal, sizeof(signal), NULL);
    return read;
}

TEST_EACH(rings_end_by, CONNECTION_ENDS,
          PROMISE("After {way} the host neither reads nor writes the rings of its channels, and "
                  "the guest connects and opens them in lists of the same ids")
          COVERS("BUS-5 BUS-13") ABI() DEVICES(NONE) KINDS("device bad-input")
          STEPS("The channels of two buses are open, and each has answered a request. A list of "
                "pages is described by the first of two messages. The connection ends by {way}, "
                "which is answered. Before anything else a request is put into both rings, and "
                "the channels are signaled. Then the suite connects, and opens the two channels by "
                "lists of the same ids, each in the memory of the other one.")
          EXPECTS("The host takes no request and changes no byte of the rings. The lists are "
                  "accepted, and a request on each channel has its reply.")
          IF_IT_FAILS("The host ends a connection only when the next one is there, or when it "
                      "agrees to its version. A guest that begins with the latest version that it "
                      "knows has reused these pages by then: the host overwrites them, or takes "
                      "them for requests."))
{
    uint32_t read[2], connection_id[2];
    struct vmbus_channel *channel[2];

    client_connect(t);
    for (unsigned n = 0; n < 2; n++) {
        const struct vmbus_opening opening = {.gpadl = FIRST + 2 * n};

        channel[n] = client_open(t, n, n, &opening);
        connection_id[n] = channel[n]->offer->connection_id;
        client_round_trip(t, channel[n]);
    }
    client_describe(t, UNDONE, LONG_LIST);
    VARIANT(connection_ends)(t);
    for (unsigned n = 0; n < 2; n++)
        read[n] = put_request(channel[n], connection_id[n]);
    (void)client_requested(CLIENT_VECTOR, CLIENT_LATE_US);
    for (unsigned n = 0; n < 2; n++) {
        CHECK(is_wiped(channel[n]), "the host writes to the ring of bus %u", n);
        CHECK_EQ(channel[n]->out.control->read_index, read[n], "what the host has read of a ring");
        vmbus_channel_forget(channel[n]);
    }
    REQUIRE(vmbus_start_again()->stage == VMBUS_CONNECTED, "VMBus cannot be connected again");
    for (unsigned n = 0; n < 2; n++) {
        const struct vmbus_opening opening = {.gpadl = FIRST + 2 * n};

        client_round_trip(t, client_open(t, 1 - n, n, &opening));
    }
}

static bool is_torn_down(const union vmbus_control *message, uint32_t gpadl)
{
    return message->torndown.gpadl == gpadl;
}

TEST(list_of_an_open_channel_ends,
     PROMISE("When GPADL_TEARDOWN was answered, the host uses no page of the list, also when a "
             "channel was open in it")
     COVERS("BUS-5") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A channel is opened by a list of pages, and the list is torn down without "
           "CLOSECHANNEL. If that is answered, the pages are wiped, a request is put into the "
           "ring, and the channel is signaled.")
     EXPECTS("The host neither takes the request nor writes a reply. A host that does not answer "
             "keeps the pages and has nothing to show here.")
     IF_IT_FAILS("The host frees the list and lets the channel use it. A driver that fails "
                 "half-way gives its memory back, and the host writes into what is there then."))
{
    struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, 0};
    struct vmbus_gpadl_teardown teardown = {.header.type = VMBUS_GPADL_TEARDOWN};
    const struct vmbus_opening opening = {.gpadl = FIRST};
    struct vmbus_channel *channel;
    union vmbus_control reply;
    uint32_t written;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    query.slot = client_slot(channel);
    teardown.channel_id = channel->offer->channel_id;
    teardown.gpadl = channel->gpadl;
    (void)vmbus_post(&teardown, sizeof(teardown));
    if (!vmbus_wait(VMBUS_GPADL_TORNDOWN, is_torn_down, FIRST, &reply, CLIENT_WAIT_US))
        SKIP("the host does not tear down the list of an open channel");
    written = channel->out.control->write_index;
    memset((void *)channel->in.control, 0, PAGE_SIZE);
    memset(channel->in.data, 0, channel->in.size);
    REQUIRE(vmbus_channel_send(channel, &query, sizeof(query), true) != 0, "the ring is full");
    (void)client_requested(CLIENT_VECTOR, CLIENT_LATE_US);
    CHECK(is_wiped(channel), "the host writes to its ring");
    CHECK_EQ(channel->out.control->read_index, written, "what the host has read of its ring");
    vmbus_channel_forget(channel);
}
