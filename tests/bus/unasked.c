/* SPDX-License-Identifier: MIT */
/* Requests that succeed, and ask for no completion. Those that fail: replies.c. */
#include "drivers/pci.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define VECTOR 0x59u

/* The longest of the requests here; unused words are zero. */
struct request {
    uint32_t word[38];
};

static void send(struct test_run *t, struct vmbus_channel *channel, const struct request *request,
                 size_t size, uint16_t flags, uint64_t transaction)
{
    const struct vmbus_packet head = {
        .type = VMBUS_PACKET_DATA, .flags = flags, .transaction = transaction};

    REQUIRE(vmbus_ring_put(&channel->out, &head, request, size), "the ring to the host is full");
    vmbus_channel_signal(channel);
}

TEST(requests_without_the_flag,
     PROMISE("A request that asks for no completion gets none, whatever it is and whatever its "
             "transaction id, and one that asks gets one with any id")
     COVERS("BUS-11") ABI() DEVICES(NONE) KINDS("device")
     STEPS("On the channel of a bus each request of vPCI is sent in its order, from the question "
           "for the functions to the end of D0, without the flag that asks for a completion, and "
           "after each a right request that asks. All of this with the transaction id 0, and "
           "with others. A question with the flag and the transaction id 0 comes last.")
     EXPECTS("The next completion is that of the request that asks, by its id; the last one has "
             "the id 0.")
     IF_IT_FAILS("The host completes what it has always something to say of, or looks at the id "
                 "in place of the flag. Linux takes the transaction id of a completion for an "
                 "address: what it did not ask for leads nowhere."))
{
    const uint64_t window = client_find_window();
    const struct {
        struct request request;
        size_t size;
    } requests[] = {
        {{{VPCI_QUERY_BUS_RELATIONS}}, 8},
        {{{VPCI_QUERY_RESOURCE_REQUIREMENTS}}, 8},
        {{{VPCI_BUS_D0_ENTRY, 0, (uint32_t)window, (uint32_t)(window >> 32)}}, 16},
        {{{VPCI_RESOURCES_ASSIGNED}}, sizeof(struct request)},
        {{{VPCI_POWER_STATE_CHANGE, 0, VPCI_POWER_D0}}, 16},
        {{{VPCI_CREATE_INTERRUPT, 0, 1u << 16 | VECTOR, 0, 1}}, 24},
        {{{VPCI_DELETE_INTERRUPT}}, 24},
        {{{VPCI_POWER_STATE_CHANGE, 0, VPCI_POWER_D3}}, 16},
        {{{VPCI_RESOURCES_RELEASED}}, 8},
        {{{VPCI_BUS_D0_EXIT}}, 8},
    };
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;
    uint64_t seen = 1;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
            const uint64_t transaction = round == 0 ? 0 : 0x1000 + i;

            STEP("%s without the flag, with the transaction id 0x%llx",
                 client_request_name(requests[i].request.word[0]), transaction);
            send(t, channel, &requests[i].request, requests[i].size, 0, transaction);
            client_round_trip(t, channel);
        }
    }
    send(t, channel, &requests[1].request, requests[1].size, VMBUS_PACKET_FLAG_COMPLETION, 0);
    CHECK(client_completion(channel, &seen, CLIENT_WAIT_US),
          "a request with the transaction id 0 has no completion");
    CHECK_EQ(seen, 0, "transaction id of the completion");
}
