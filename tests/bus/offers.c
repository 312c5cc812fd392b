/* SPDX-License-Identifier: MIT */
/* The size that each message of the host has by its slot, and what offers say of signals
 * (reference 3.3). */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/synic.h"
#include "drivers/vpci/removal.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define LIST       0x00C70001u
#define OPEN_ID    0x00D7000Bu
#define RING_PAGES 2u
#define LIST_PAGES (2u * RING_PAGES)

typedef void judge(struct test_run *t, const struct hv_message *message);

static uint32_t type_of(const struct hv_message *message)
{
    return ((const struct vmbus_message *)(const void *)message->payload)->type;
}

static bool of_vpci(const struct vmbus_offer_channel *offer)
{
    static const uint8_t vpci[16] = VPCI_INTERFACE_GUID;

    return memcmp(offer->interface_guid, vpci, sizeof(vpci)) == 0;
}

static void judge_size(struct test_run *t, const struct hv_message *message)
{
    static const struct {
        uint32_t type, size;
    } layouts[] = {
        {VMBUS_RESCIND_CHANNEL_OFFER, sizeof(struct vmbus_channel_message)},
        {VMBUS_OPEN_CHANNEL_RESULT, sizeof(struct vmbus_result)},
        {VMBUS_GPADL_CREATED, sizeof(struct vmbus_result)},
        {VMBUS_GPADL_TORNDOWN, sizeof(struct vmbus_gpadl_torndown)},
        {VMBUS_VERSION_RESPONSE, sizeof(struct vmbus_version_response)},
        {VMBUS_MODIFY_CHANNEL_RESPONSE, sizeof(struct vmbus_modify_channel_response)},
    };
    const uint32_t type = type_of(message);

    if (type == VMBUS_OFFER_CHANNEL)
        CHECK_EQ(message->size, sizeof(struct vmbus_offer_channel), "size of an offer");
    CHECK(message->size <= HV_MESSAGE_PAYLOAD_MAX && message->size >= sizeof(type),
          "a message of %u bytes", message->size);
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++)
        CHECK(layouts[i].type != type || message->size >= layouts[i].size,
              "message %u has %u bytes by its slot, and %u by its layout", type, message->size,
              layouts[i].size);
}

static void judge_signals(struct test_run *t, const struct hv_message *message)
{
    const struct vmbus_offer_channel *offer = (const void *)message->payload;

    if (type_of(message) != VMBUS_OFFER_CHANNEL)
        return;
    CHECK((offer->monitor_allocated & 1u) == 0,
          "the offer of channel %u says that monitor %u is allocated, without monitor pages",
          offer->channel_id, offer->monitor_id);
    CHECK(!of_vpci(offer) || (offer->dedicated_interrupt & VMBUS_OFFER_DEDICATED_INTERRUPT) != 0,
          "the offer of channel %u says that it has no interrupt of its own", offer->channel_id);
}

/* The next message of that type; all that come are judged. */
static struct hv_message expect(struct test_run *t, judge *look, uint32_t type, const char *what)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    struct hv_message message;

    do {
        if (!synic_take(&message)) {
            vmbus_give_way();
            continue;
        }
        look(t, &message);
        if (type_of(&message) == type)
            return message;
    } while (time_us() < end);
    CHECK(false, "%s does not come", what);
    return message;
}

/* Into a structure of the message's type. */
static void expect_as(struct test_run *t, judge *look, uint32_t type, const char *what, void *to,
                      size_t size)
{
    const struct hv_message message = expect(t, look, type, what);

    memcpy(to, message.payload, size);
}

/* Returns the first channel of a vPCI bus. */
static uint32_t contact(struct test_run *t, judge *look)
{
    const struct vmbus_initiate_contact request = {
        .header.type = VMBUS_INITIATE_CONTACT,
        .version = vmbus.version,
        .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX),
        .sint = vmbus.version >= VMBUS_VERSION_5_1 ? VMBUS_SINT : 0};
    const struct vmbus_message ask = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_version_response answer;
    struct vmbus_offer_channel offer;

    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    (void)vmbus_post(&request, sizeof(request));
    expect_as(t, look, VMBUS_VERSION_RESPONSE, "VERSION_RESPONSE", &answer, sizeof(answer));
    REQUIRE(answer.supported != 0, "the version is not taken any more");
    if (vmbus.version >= VMBUS_VERSION_5_0)
        vmbus.connection_id = answer.connection_id;
    (void)vmbus_post(&ask, sizeof(ask));
    do
        expect_as(t, look, VMBUS_OFFER_CHANNEL, "the offer of a virtual PCI bus", &offer,
                  sizeof(offer));
    while (!of_vpci(&offer));
    return offer.channel_id;
}

static void use_channel(struct test_run *t, judge *look, uint32_t channel)
{
    uint8_t *memory = buffer(t, LIST_PAGES).data;
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = channel,
                                        .gpadl = LIST,
                                        .range_bytes = 8 + 8 * LIST_PAGES,
                                        .ranges = 1,
                                        .byte_count = LIST_PAGES * (uint32_t)PAGE_SIZE};
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = channel,
                                            .open_id = OPEN_ID,
                                            .gpadl = LIST,
                                            .target_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX),
                                            .downstream_page = RING_PAGES};
    const struct vmbus_modify_channel modify = {
        .header.type = VMBUS_MODIFY_CHANNEL, .channel_id = channel, .target_vp = open.target_vp};
    const struct vmbus_channel_message close = {.header.type = VMBUS_CLOSE_CHANNEL,
                                                .channel_id = channel};
    const struct vmbus_gpadl_teardown teardown = {
        .header.type = VMBUS_GPADL_TEARDOWN, .channel_id = channel, .gpadl = LIST};
    struct vmbus_ring ring;

    vmbus_ring_init(&ring, memory, (RING_PAGES - 1) * (uint32_t)PAGE_SIZE);
    vmbus_ring_init(&ring, memory + RING_PAGES * PAGE_SIZE, (RING_PAGES - 1) * (uint32_t)PAGE_SIZE);
    for (unsigned i = 0; i < LIST_PAGES; i++)
        header.page[i] = gpa_of(memory) / PAGE_SIZE + i;
    (void)vmbus_post(&header, offsetof(struct vmbus_gpadl_header, page[LIST_PAGES]));
    (void)expect(t, look, VMBUS_GPADL_CREATED, "GPADL_CREATED");
    (void)vmbus_post(&open, sizeof(open));
    (void)expect(t, look, VMBUS_OPEN_CHANNEL_RESULT, "OPENCHANNEL_RESULT");
    if (vmbus.version >= VMBUS_VERSION_5_3) {
        (void)vmbus_post(&modify, sizeof(modify));
        (void)expect(t, look, VMBUS_MODIFY_CHANNEL_RESPONSE, "MODIFYCHANNEL_RESPONSE");
    }
    (void)vmbus_post(&close, sizeof(close));
    (void)vmbus_post(&teardown, sizeof(teardown));
    (void)expect(t, look, VMBUS_GPADL_TORNDOWN, "GPADL_TORNDOWN");
}

static bool control(const struct dma_engine *e, enum bus_control_action action)
{
    const struct bus_control_input input = {.device_id = e->device_id, .action = action};

    return hypercall_simple(HVCALL_BUS_CONTROL, &input, sizeof(input), NULL, 0) ==
           HV_STATUS_SUCCESS;
}

/* An offer that comes after the end of the list, where the host makes one on request. */
static void offer_late(struct test_run *t, judge *look)
{
    struct vmbus_channel_message released = {.header.type = VMBUS_REL_ID_RELEASED};
    struct hv_message message;
    size_t count;
    const struct dma_engine *e = dma_engines(&count), *const end = e + count;

    while (e < end && !vpci_removable(&e->function))
        e++;
    if (e == end)
        return;
    REQUIRE(control(e, BUS_CONTROL_RESCIND), "the bus of device 0x%llx does not go",
            (unsigned long long)e->device_id);
    message = expect(t, look, VMBUS_RESCIND_CHANNEL_OFFER, "RESCIND_CHANNELOFFER");
    released.channel_id =
        ((const struct vmbus_channel_message *)(const void *)message.payload)->channel_id;
    (void)vmbus_post(&released, sizeof(released));
    REQUIRE(control(e, BUS_CONTROL_OFFER), "the bus of device 0x%llx does not come back",
            (unsigned long long)e->device_id);
    (void)expect(t, look, VMBUS_OFFER_CHANNEL, "the offer of the bus that comes back");
}

/* All that a host says on a connection. */
static void hear(struct test_run *t, judge *look)
{
    const struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    uint32_t channel;

    if (!client_connect_as(t, VMBUS_VERSION_5_3))
        client_connect(t);
    channel = contact(t, look);
    use_channel(t, look, channel);
    offer_late(t, look);
    (void)vmbus_post(&unload, sizeof(unload));
    (void)expect(t, look, VMBUS_UNLOAD_RESPONSE, "UNLOAD_RESPONSE");
}

TEST(messages_have_their_size,
     PROMISE("Each message of the host has the size of its layout by the slot that it comes in: "
             "offers have that size, and other messages no less")
     COVERS("BUS-44") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A guest makes contact, asks for the offers, describes a list of pages, opens a "
           "channel, modifies it if the version answers that, closes it and tears the list down. "
           "The host rescinds a bus and offers it again, if it does so on request. UNLOAD ends the "
           "connection.")
     EXPECTS("An offer, at first or later, has 196 bytes by its slot; each other message has the "
             "bytes of its layout or more, up to 240.")
     IF_IT_FAILS("The host rounds the size up, or counts less than it has written. The firmware of "
                 "a generation 2 machine refuses such an offer, and boots from no device of "
                 "that bus. Linux drops a message that is too short, and waits for it for ever."))
{
    hear(t, judge_size);
}

TEST(offers_say_how_to_signal,
     PROMISE("An offer says that no monitor is allocated where the guest gave no monitor pages, "
             "and that a virtual PCI bus has an interrupt of its own")
     COVERS("BUS-45") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A guest makes contact without monitor pages, and asks for the offers. It opens a "
           "channel and closes it. The host rescinds a bus and offers it again, if it does so on "
           "request.")
     EXPECTS("In all offers, at first and later, the bit for a monitor is clear. In those of "
             "virtual PCI buses the bit for an interrupt of the channel's own is set.")
     IF_IT_FAILS("The host names what it does not look at. Linux signals a channel with a monitor "
                 "by a bit of the monitor page, and one without an interrupt of its own by a "
                 "connection that all of these share: the host never sees its requests."))
{
    hear(t, judge_signals);
}
