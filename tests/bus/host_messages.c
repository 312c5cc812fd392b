/* SPDX-License-Identifier: MIT */
/*
 * The processor that messages of the host come to: the one that the last INITIATE_CONTACT named,
 * on either processor that makes the calls, and for any processor that a channel signals
 * (reference 3.3).
 */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/synic.h"
#include "drivers/vpci/removal.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define SINT       (HV_MSR_SINT0 + VMBUS_SINT)
#define VECTOR     0x55u /* of the SINT of the second processor, which takes it and does nothing */
#define FIRST_LIST 0x00C30001u
#define OPEN_ID    0x00D4000Bu
#define RING_PAGES 2u
#define LIST_PAGES (2u * RING_PAGES)

/* The message slot of the second processor. From second_memory(). */
struct desk {
    _Alignas(4096) uint8_t page[4096];
    struct hv_message taken;
    uint64_t vp, us; /* how long to wait for a message */
    bool open, came;
};

/* A connection. */
struct line {
    struct desk *desk;
    bool second;            /* messages come to the second processor */
    bool posted_there;      /* that makes the calls, too */
    uint32_t vp, other;     /* that INITIATE_CONTACT named, and the other one */
    uint32_t channel;       /* of the first vPCI bus that was offered; 0: none yet */
    uint32_t connection_id; /* of that channel, for SIGNAL_EVENT */
};

static struct hv_message *slot_in(uint8_t *page)
{
    return (struct hv_message *)(void *)page + VMBUS_SINT;
}

static struct hv_message *first_slot(void)
{
    return slot_in(gpa_pointer(client_msr(HV_MSR_SIMP) & HV_SYNIC_PAGE_GPFN));
}

static bool is_taken(const struct hv_message *slot)
{
    return __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) != HV_MESSAGE_FREE;
}

static void open_desk(void *argument)
{
    struct desk *desk = argument;

    desk->vp = client_msr(HV_MSR_VP_INDEX);
    desk->open = client_try_msr(HV_MSR_SIMP, gpa_of(desk->page) | HV_SYNIC_PAGE_ENABLE) &&
                 client_try_msr(SINT, VECTOR) &&
                 client_try_msr(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

static void close_desk(void *argument)
{
    (void)argument;
    (void)client_try_msr(SINT, HV_SINT_MASKED | VECTOR);
    (void)client_try_msr(HV_MSR_SIMP, 0);
}

/* On the second processor: EOM is its own. */
static void take_there(void *argument)
{
    struct desk *desk = argument;
    struct hv_message *slot = slot_in(desk->page);
    const uint64_t end = time_us() + desk->us;

    while (!is_taken(slot) && time_us() < end)
        vmbus_give_way();
    desk->came = is_taken(slot);
    if (!desk->came)
        return;
    memcpy(&desk->taken, slot, sizeof(desk->taken));
    __atomic_store_n(&slot->type, HV_MESSAGE_FREE, __ATOMIC_SEQ_CST);
    cpu_memory_barrier();
    (void)msr_write_safe(HV_MSR_EOM, 0);
}

static bool take(struct test_run *t, const struct line *line, bool second, uint64_t us,
                 union vmbus_control *message)
{
    const uint64_t end = time_us() + us;
    struct desk *desk = line->desk;
    bool came;

    memset(message, 0, sizeof(*message));
    if (second) {
        desk->us = us;
        on_second(t, take_there, desk);
        memcpy(message->bytes, desk->taken.payload, sizeof(message->bytes));
        return desk->came;
    }
    while (!(came = synic_take(&desk->taken)) && time_us() < end)
        vmbus_give_way();
    memcpy(message->bytes, desk->taken.payload, sizeof(message->bytes));
    return came;
}

static void empty(struct test_run *t, const struct line *line, bool second, uint64_t us)
{
    union vmbus_control message;

    while (take(t, line, second, us, &message))
        continue;
}

/* The next message of that type comes to the right processor, and meanwhile none to the other. */
static union vmbus_control expect(struct test_run *t, struct line *line, uint32_t type,
                                  const char *what)
{
    static const uint8_t vpci[16] = VPCI_INTERFACE_GUID;
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    union vmbus_control message;

    do {
        const bool came = take(t, line, line->second, CLIENT_WAIT_US, &message);
        const struct hv_message *wrong = line->second ? first_slot() : slot_in(line->desk->page);

        CHECK(type == VMBUS_VERSION_RESPONSE || !is_taken(wrong),
              "%s: a message comes to VP %u, which INITIATE_CONTACT did not name", what,
              line->other);
        CHECK(came, "%s does not come to VP %u, which INITIATE_CONTACT named", what, line->vp);
        if (message.header.type == VMBUS_OFFER_CHANNEL && line->channel == 0 &&
            memcmp(message.offer.interface_guid, vpci, sizeof(vpci)) == 0) {
            line->channel = message.offer.channel_id;
            line->connection_id = message.offer.connection_id;
        }
    } while (message.header.type != type && time_us() < end);
    CHECK_EQ(message.header.type, type, "type of the last message that came in time");
    return message;
}

static void post(struct test_run *t, const struct line *line, const void *message, size_t size)
{
    if (line->posted_there)
        second_makes_calls(t, true);
    (void)vmbus_post(message, size); /* not taken: no answer comes */
    second_makes_calls(t, false);
}

static void agree(struct test_run *t, struct line *line)
{
    const struct vmbus_initiate_contact request = {
        .header.type = VMBUS_INITIATE_CONTACT,
        .version = vmbus.version,
        .target_vp = line->vp,
        .sint = vmbus.version >= VMBUS_VERSION_5_1 ? VMBUS_SINT : 0};
    union vmbus_control answer;

    empty(t, line, false, CLIENT_LATE_US);
    empty(t, line, true, CLIENT_LATE_US);
    vmbus.connection_id = VMBUS_CONNECTION_MESSAGES;
    STEP("contact by VP %llu, messages to VP %llu", line->posted_there ? 1 : 0, line->vp);
    post(t, line, &request, sizeof(request));
    answer = expect(t, line, VMBUS_VERSION_RESPONSE, "VERSION_RESPONSE");
    REQUIRE(answer.version.supported != 0, "the version is not taken any more");
    if (vmbus.version >= VMBUS_VERSION_5_0)
        vmbus.connection_id = answer.version.connection_id;
    empty(t, line, !line->second, 0); /* of the connection before */
}

static void contact(struct test_run *t, struct line *line)
{
    const struct vmbus_message offers = {.type = VMBUS_REQUEST_OFFERS};

    agree(t, line);
    post(t, line, &offers, sizeof(offers));
    (void)expect(t, line, VMBUS_ALL_OFFERS_DELIVERED, "ALLOFFERS_DELIVERED");
    while (line->channel == 0)
        (void)expect(t, line, VMBUS_OFFER_CHANNEL, "OFFERCHANNEL");
}

static void describe(struct test_run *t, struct line *line, uint32_t list, uint8_t *memory)
{
    const uint32_t data = (RING_PAGES - 1) * (uint32_t)PAGE_SIZE;
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = line->channel,
                                        .gpadl = list,
                                        .range_bytes = 8 + 8 * LIST_PAGES,
                                        .ranges = 1,
                                        .byte_count = LIST_PAGES * (uint32_t)PAGE_SIZE};
    struct vmbus_ring out, in;

    vmbus_ring_init(&out, memory, data);
    vmbus_ring_init(&in, memory + RING_PAGES * PAGE_SIZE, data);
    in.control->interrupt_mask = 1;
    for (unsigned i = 0; i < LIST_PAGES; i++)
        header.page[i] = gpa_of(memory) / PAGE_SIZE + i;
    post(t, line, &header, offsetof(struct vmbus_gpadl_header, page[LIST_PAGES]));
    (void)expect(t, line, VMBUS_GPADL_CREATED, "GPADL_CREATED");
}

/* The channel signals the processor that messages do not come to. */
static void use_channel(struct test_run *t, struct line *line, uint32_t list, uint8_t *memory)
{
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = line->channel,
                                            .open_id = OPEN_ID,
                                            .gpadl = list,
                                            .target_vp = line->other,
                                            .downstream_page = RING_PAGES};
    const struct vmbus_modify_channel modify = {
        .header.type = VMBUS_MODIFY_CHANNEL, .channel_id = line->channel, .target_vp = line->other};
    const struct vmbus_channel_message close = {.header.type = VMBUS_CLOSE_CHANNEL,
                                                .channel_id = line->channel};
    const struct vmbus_gpadl_teardown teardown = {
        .header.type = VMBUS_GPADL_TEARDOWN, .channel_id = line->channel, .gpadl = list};

    describe(t, line, list, memory);
    post(t, line, &open, sizeof(open));
    (void)expect(t, line, VMBUS_OPEN_CHANNEL_RESULT, "OPENCHANNEL_RESULT");
    if (vmbus.version >= VMBUS_VERSION_5_3) {
        post(t, line, &modify, sizeof(modify));
        (void)expect(t, line, VMBUS_MODIFY_CHANNEL_RESPONSE, "MODIFYCHANNEL_RESPONSE");
    }
    post(t, line, &close, sizeof(close));
    post(t, line, &teardown, sizeof(teardown));
    (void)expect(t, line, VMBUS_GPADL_TORNDOWN, "GPADL_TORNDOWN");
}

static const struct dma_engine *removable(void)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (vpci_removable(&e[i].function))
            return &e[i];
    return NULL;
}

/* The host takes a bus away and offers it again, where it does so on request. */
static void take_away(struct test_run *t, struct line *line)
{
    const struct dma_engine *e = removable();
    struct bus_control_input input = {.action = BUS_CONTROL_RESCIND};
    struct vmbus_channel_message released = {.header.type = VMBUS_REL_ID_RELEASED};

    if (!e)
        return;
    input.device_id = e->device_id;
    REQUIRE(hypercall_simple(HVCALL_BUS_CONTROL, &input, sizeof(input), NULL, 0) ==
                HV_STATUS_SUCCESS,
            "the bus of device 0x%llx does not go", (unsigned long long)e->device_id);
    released.channel_id =
        expect(t, line, VMBUS_RESCIND_CHANNEL_OFFER, "RESCIND_CHANNELOFFER").channel.channel_id;
    post(t, line, &released, sizeof(released));
    input.action = BUS_CONTROL_OFFER;
    REQUIRE(hypercall_simple(HVCALL_BUS_CONTROL, &input, sizeof(input), NULL, 0) ==
                HV_STATUS_SUCCESS,
            "the bus of device 0x%llx does not come back", (unsigned long long)e->device_id);
    (void)expect(t, line, VMBUS_OFFER_CHANNEL, "OFFERCHANNEL");
}

TEST(messages_come_to_their_processor,
     PROMISE("All messages of the host come to the processor that the last INITIATE_CONTACT named, "
             "to the answer to UNLOAD")
     COVERS("BUS-32") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Both processors have a message page and a SINT. Six connections follow one another, "
           "whose messages go to the second or the first processor, with an UNLOAD at the end or "
           "without one; either processor makes the calls. On each, the offers are requested, a "
           "list of pages is described, a channel opened for the other processor, modified if the "
           "version answers MODIFYCHANNEL, closed, and the list torn down. The host rescinds a bus "
           "and offers it again, if it does so on request.")
     EXPECTS("Every answer, offer and rescind is in the slot of the processor that was named, and "
             "none in that of the other one.")
     IF_IT_FAILS("The host sends a message to the first processor, to that of a connection before, "
                 "to the one that made the call or to the one that the channel signals. A guest "
                 "looks at one slot: it waits for the message for ever, and its crash kernel, "
                 "which runs on any processor, hangs at the UNLOAD."))
{
    static const struct {
        bool second, posted_there, unload;
    } connections[] = {{true, false, true},  {true, true, false}, {false, true, false},
                       {true, false, false}, {false, true, true}, {true, true, true}};
    static const uint32_t versions[] = {VMBUS_VERSION_5_3, 0};
    const struct vmbus_message unload = {.type = VMBUS_UNLOAD};
    uint8_t *memory = buffer(t, LIST_PAGES).data;
    struct desk *desk;
    uint32_t first_vp;
    bool connected = false;

    need_second(t);
    desk = second_memory(t, sizeof(*desk));
    for (unsigned i = 0; i < ARRAY_SIZE(versions) && !connected; i++)
        connected = client_connect_as(t, versions[i]);
    on_second(t, open_desk, desk);
    REQUIRE(connected && desk->open, "no SynIC");
    first_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX);
    for (uint32_t i = 0; i < ARRAY_SIZE(connections); i++) {
        const bool second = connections[i].second;
        struct line line = {.desk = desk,
                            .second = second,
                            .posted_there = connections[i].posted_there,
                            .vp = second ? (uint32_t)desk->vp : first_vp,
                            .other = second ? first_vp : (uint32_t)desk->vp};

        contact(t, &line);
        use_channel(t, &line, FIRST_LIST + i, memory);
        take_away(t, &line);
        if (!connections[i].unload)
            continue;
        post(t, &line, &unload, sizeof(unload));
        (void)expect(t, &line, VMBUS_UNLOAD_RESPONSE, "UNLOAD_RESPONSE");
    }
    empty(t, &(const struct line){.desk = desk}, true, CLIENT_LATE_US);
    on_second(t, close_desk, desk);
}

static void open_channel(struct test_run *t, struct line *line, uint32_t list, uint8_t *memory)
{
    const struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                            .channel_id = line->channel,
                                            .open_id = OPEN_ID,
                                            .gpadl = list,
                                            .target_vp = line->vp,
                                            .downstream_page = RING_PAGES};

    describe(t, line, list, memory);
    post(t, line, &open, sizeof(open));
    CHECK_EQ(expect(t, line, VMBUS_OPEN_CHANNEL_RESULT, "OPENCHANNEL_RESULT").opened.status,
             NT_STATUS_SUCCESS, "status of OPENCHANNEL");
}

/* Of an earlier connection. True: the host has read or written its rings. */
static bool is_served(uint8_t *memory, uint32_t connection_id)
{
    const struct vpci_version_query query = {VPCI_QUERY_PROTOCOL_VERSION, VPCI_VERSION_1_1};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                      .flags = VMBUS_PACKET_FLAG_COMPLETION};
    struct hv_input_signal_event signal = {.connection_id = connection_id};
    const uint64_t end = time_us() + CLIENT_LATE_US;
    uint8_t *in = memory + RING_PAGES * PAGE_SIZE;
    struct vmbus_ring out;

    vmbus_ring_init(&out, memory, (RING_PAGES - 1) * (uint32_t)PAGE_SIZE);
    memset(in, 0, RING_PAGES * PAGE_SIZE);
    (void)vmbus_ring_put(&out, &head, &query, sizeof(query));
    (void)hypercall_fast(HVCALL_SIGNAL_EVENT, &signal, sizeof(signal), NULL);
    while (time_us() < end)
        vmbus_give_way();
    return out.control->read_index != 0 || memory_find_other(in, RING_PAGES * PAGE_SIZE, 0);
}

TEST(rings_end_when_messages_move,
     PROMISE("After INITIATE_CONTACT that names another processor than the connection before, the "
             "host does not touch the rings of that connection")
     COVERS("BUS-5") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Both processors have a message page and a SINT. Three connections follow one another, "
           "whose messages go to the first, the second and the first processor. On each a channel "
           "is opened. Right after the next contact is answered, a request is put into the ring of "
           "before, and the channel is signaled.")
     EXPECTS("The host takes no request and changes no byte of these rings.")
     IF_IT_FAILS("The host takes a contact that names another processor for a move of the "
                 "connection. A crash kernel runs on any processor: the host goes on writing to "
                 "pages of the kernel before."))
{
    static const bool second[] = {false, true, false};
    uint8_t *memory = buffer(t, LIST_PAGES).data;
    uint32_t connection_id = 0, first_vp;
    struct desk *desk;

    need_second(t);
    desk = second_memory(t, sizeof(*desk));
    client_connect(t);
    on_second(t, open_desk, desk);
    REQUIRE(desk->open, "no SynIC");
    first_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX);
    for (uint32_t i = 0; i < ARRAY_SIZE(second); i++) {
        struct line line = {.desk = desk,
                            .second = second[i],
                            .vp = second[i] ? (uint32_t)desk->vp : first_vp,
                            .other = second[i] ? first_vp : (uint32_t)desk->vp};

        if (i > 0) {
            agree(t, &line);
            CHECK(!is_served(memory, connection_id), "the host uses the rings of before");
        }
        contact(t, &line);
        open_channel(t, &line, FIRST_LIST + i, memory);
        connection_id = line.connection_id;
    }
    empty(t, &(const struct line){.desk = desk}, true, CLIENT_LATE_US);
    on_second(t, close_desk, desk);
}

TEST(each_version_names_its_processor,
     PROMISE("The messages of the host come to the processor that INITIATE_CONTACT named, by each "
             "version that the host speaks")
     COVERS("BUS-32") ABI() DEVICES(NONE) KINDS("device")
     STEPS("Both processors have a message page and a SINT. By each version from 3.0 to 5.3 that "
           "the host agrees to, contact is made for the second processor and the offers are "
           "requested, and then the same for the first one.")
     EXPECTS("The answer and the offers are in the slot of the processor that was named, and none "
             "in that of the other one.")
     IF_IT_FAILS("The host looks at the processor in INITIATE_CONTACT from a later version on: a "
                 "guest of an older version, such as a firmware, that runs on another processor "
                 "waits for ever."))
{
    static const uint32_t versions[] = {VMBUS_VERSION_3_0, VMBUS_VERSION_4_0, VMBUS_VERSION_4_1,
                                        VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
                                        VMBUS_VERSION_5_3};
    struct desk *desk;
    unsigned spoken = 0;

    client_connect(t);
    need_second(t);
    desk = second_memory(t, sizeof(*desk));
    on_second(t, open_desk, desk);
    REQUIRE(desk->open, "no SynIC on the second processor");
    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        if (!client_connect_as(t, versions[i]))
            continue;
        spoken++;
        for (unsigned turn = 0; turn < 2; turn++) {
            const bool second = turn == 0;
            const uint32_t first_vp = (uint32_t)client_msr(HV_MSR_VP_INDEX);
            struct line line = {.desk = desk,
                                .second = second,
                                .vp = second ? (uint32_t)desk->vp : first_vp,
                                .other = second ? first_vp : (uint32_t)desk->vp};

            contact(t, &line);
        }
    }
    REQUIRE(spoken != 0, "the host agrees to no version");
    empty(t, &(const struct line){.desk = desk}, true, CLIENT_LATE_US);
    on_second(t, close_desk, desk);
}
