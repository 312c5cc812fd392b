/* SPDX-License-Identifier: MIT */
/* Calls and requests of VMBus and virtual PCI whose fields make no sense, and what they leave
 * (reference 2.7 and 5.4). */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "drivers/hypercall.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define FIRST_LIST  0x00070001u
#define NO_ID       0x00007F00u /* no connection */
#define LONGEST     240u
#define UPPER_FIRST 12u /* bit of a connection id; lower ones are of the channel's number */
#define ID_BITS     24u /* of a connection id; hosts may ignore those above, which are reserved */
#define VECTOR      0x5Bu

/* Each of these calls would have a list of pages described. */
static void post(struct test_run *t, uint32_t list, uint32_t id, uint32_t size)
{
    struct hv_input_post_message input = {
        .connection_id = id, .message_type = HV_MESSAGE_CHANNEL, .payload_size = size};
    const struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                              .channel_id = client_offer(t, 0)->channel_id,
                                              .gpadl = list,
                                              .range_bytes = 16,
                                              .ranges = 1,
                                              .byte_count = (uint32_t)PAGE_SIZE,
                                              .page = {gpa_of(buffer(t, 1).data) / PAGE_SIZE}};
    enum hv_status status;

    memcpy(input.payload, &header, sizeof(header) < LONGEST ? sizeof(header) : LONGEST);
    status = hypercall_simple(HVCALL_POST_MESSAGE, &input, sizeof(input), NULL, 0);
    STEP("connection 0x%x, %u bytes: %s", id, size, hv_status_name(status));
    CHECK(status != HV_STATUS_SUCCESS, "a message of %u bytes for connection 0x%x is taken", size,
          id);
}

static void expect_list(struct test_run *t, uint32_t list)
{
    union vmbus_control reply;

    client_describe(t, list, 1);
    CHECK(vmbus_wait(VMBUS_GPADL_CREATED, NULL, 0, &reply, CLIENT_WAIT_US),
          "a right message has no answer");
    CHECK_EQ(reply.created.id, list, "list of the next answer");
}

TEST(messages_to_nowhere_are_refused,
     PROMISE("POST_MESSAGE for a connection that there is not, or with more bytes than a message "
             "has, is refused and not carried out")
     COVERS("BUS-37") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Descriptions of lists of pages are posted to connections that do not exist, by other "
           "numbers and by each bit from 8 to 23 of the right one, and with a length of 241 bytes, "
           "256, and of what has the right length in its lower bits. A right one follows each.")
     EXPECTS("Each wrong call reports an error. The next answer is to the right message.")
     IF_IT_FAILS("The host looks at a part of the connection id, so that a message for another "
                 "client comes to VMBus, or cuts a length, so that it reads a message that the "
                 "guest has not sent."))
{
    static const uint32_t sizes[] = {LONGEST + 1,   256,           1u << 8 | 64,
                                     1u << 16 | 64, 1u << 31 | 64, UINT32_MAX};
    uint32_t list = FIRST_LIST, own;

    client_connect(t);
    own = vmbus.connection_id;
    expect_list(t, list++);
    post(t, list++, NO_ID, 64);
    expect_list(t, list++);
    for (unsigned bit = 8; bit < ID_BITS; bit++)
        post(t, list++, own | UINT32_C(1) << bit, 64);
    expect_list(t, list++);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        post(t, list++, own, sizes[i]);
        expect_list(t, list++);
    }
}

/* As that of any channel, also of a kind that the suite does not use. */
static bool is_offered(uint32_t id)
{
    return vmbus_offer_by_connection(id);
}

static enum hv_status signal_flag(uint32_t id, uint16_t flag)
{
    const struct hv_input_signal_event input = {.connection_id = id, .flag_number = flag};

    return hypercall_fast(HVCALL_SIGNAL_EVENT, &input, sizeof(input), NULL);
}

static enum hv_status signal(uint32_t id)
{
    return signal_flag(id, 0);
}

TEST(signals_to_nowhere_are_refused,
     PROMISE("SIGNAL_EVENT for a connection or a flag that there is not is refused")
     COVERS("BUS-37") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("The channel of a bus is open. Connections are signaled that do not exist, by other "
           "numbers and by each bit from 12 to 23 of the channel's own that leads to no other. "
           "The channel's own is signaled with flag numbers that no SINT has: the first one, the "
           "last one, and aliases of flag 0. "
           "Then the channel is signaled, and a request has its reply.")
     EXPECTS("Each wrong call reports an error, the right one success.")
     IF_IT_FAILS("The host looks at a part of the connection id, or reports success for what it "
                 "does not know: a guest takes a channel that is gone for one that works."))
{
    static const uint32_t others[] = {NO_ID, 0x00FFFF00};
    static const uint16_t flags[] = {HV_EVENT_FLAGS_PER_SINT, 4096, 0x8000, 0xF801, UINT16_MAX};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;
    uint32_t own;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    own = channel->offer->connection_id;
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        CHECK(signal_flag(own, flags[i]) != HV_STATUS_SUCCESS, "flag %u is signaled", flags[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        CHECK(is_offered(own ^ others[i]) || signal(own ^ others[i]) != HV_STATUS_SUCCESS,
              "connection 0x%x is signaled", own ^ others[i]);
    for (unsigned bit = UPPER_FIRST; bit < ID_BITS; bit++) {
        const uint32_t id = own ^ UINT32_C(1) << bit;

        if (is_offered(id))
            continue;
        STEP("connection 0x%x", id);
        CHECK(signal(id) != HV_STATUS_SUCCESS, "connection 0x%x is signaled", id);
    }
    CHECK_SUCCESS(signal(own), "SIGNAL_EVENT of an open channel");
    client_round_trip(t, channel);
    vmbus_channel_close(channel);
}

static uint32_t create(struct test_run *t, struct vmbus_channel *channel, unsigned vector,
                       unsigned count, uint64_t mask, struct vpci_interrupt *interrupt)
{
    const struct vpci_create_interrupt request = {.type = VPCI_CREATE_INTERRUPT,
                                                  .slot = client_slot(channel),
                                                  .vector = (uint8_t)vector,
                                                  .count = (uint16_t)count,
                                                  .vp_mask = mask};
    struct vpci_requirements_reply reply = {0};
    uint32_t status = client_ask(t, channel, &request, sizeof(request), &reply);

    STEP("%u messages from vector 0x%x on, processors 0x%llx: status 0x%x", count, vector,
         (unsigned long long)mask, status);
    memcpy(interrupt, (const uint8_t *)&reply + 8, sizeof(*interrupt));
    return status;
}

static void delete (struct test_run *t, struct vmbus_channel *channel,
                    const struct vpci_interrupt *interrupt)
{
    const struct vpci_delete_interrupt request = {
        .type = VPCI_DELETE_INTERRUPT, .slot = client_slot(channel), .interrupt = *interrupt};

    (void)vmbus_channel_send(channel, &request, sizeof(request), false);
    client_round_trip(t, channel);
}

TEST(interrupts_to_nowhere_are_refused,
     PROMISE("CREATE_INTERRUPT without a message, without a processor, or with vectors that no "
             "interrupt has, is refused")
     COVERS("BUS-38") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Interrupts of the first function of a bus are asked for whose vectors lie below 16 or "
           "go past 255, of no message, and for no processor or one that does not exist. After "
           "each of them a right one is asked for, and deleted.")
     EXPECTS("The wrong requests fail. The right ones succeed.")
     IF_IT_FAILS("The host counts vectors in eight bits, so that a block goes on at vector 0, an "
                 "exception to the guest; or it makes a message for a processor that "
                 "there is not, and the driver waits for its interrupts."))
{
    static const struct {
        unsigned vector, count;
        uint64_t mask;
    } wrong[] = {{0, 1, 1},   {2, 1, 1},    {15, 1, 1},     {14, 4, 1},     {254, 4, 1},
                 {255, 2, 1}, {240, 32, 1}, {VECTOR, 0, 1}, {VECTOR, 1, 0}, {VECTOR, 1, BIT(63)}};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel;
    struct vpci_interrupt interrupt;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (wrong[i].mask == BIT(63) && processors_present() > 63)
            continue; /* there may be one with that number */
        CHECK(create(t, channel, wrong[i].vector, wrong[i].count, wrong[i].mask, &interrupt) !=
                  NT_STATUS_SUCCESS,
              "%u messages from vector 0x%x on, processors 0x%llx: created", wrong[i].count,
              wrong[i].vector, (unsigned long long)wrong[i].mask);
        CHECK_EQ(create(t, channel, i % 2 ? 16 + VECTOR : 255, 1, 1, &interrupt), NT_STATUS_SUCCESS,
                 "status of a right request");
        delete (t, channel, &interrupt);
    }
    vmbus_channel_close(channel);
}
