/* SPDX-License-Identifier: MIT */
/* Lists of pages (GPADLs) that are gone, and whose ids a guest uses again. */
#include "abi/vpci.h"
#include "drivers/vpci/restart.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define FIRST     0x000E1E10u /* where Linux begins, in each of its kernels */
#define UNDONE    0x000E1E11u
#define LONG_LIST 30u /* needs a second message */

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
