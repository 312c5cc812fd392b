/* SPDX-License-Identifier: MIT */
#include "tests/bus/client.h"

#include "abi/device_id.h"
#include "abi/msr.h"
#include "abi/synic.h"
#include "abi/vpci.h"
#include "drivers/vpci/move.h"
#include "drivers/vpci/restart.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "lib/bits.h"
#include "tests/harness/second_processor.h"

#define LATE_OFFER_US time_for_answer_us(2000000u)

static const uint8_t interface_guid[16] = VPCI_INTERFACE_GUID;

bool client_connect_as(struct test_run *t, uint32_t version)
{
    if (!vpci_has_buses())
        SKIP("there is no bus on VMBus");
    (void)vpci_disconnect(VPCI_BY_UNLOAD); /* not answered: the next step fails */
    dma_bus_was_reset(NULL);
    return vmbus_start_as(version)->stage == VMBUS_CONNECTED &&
           vmbus_wait_for_offer(interface_guid, LATE_OFFER_US);
}

void client_connect(struct test_run *t)
{
    REQUIRE(client_connect_as(t, 0), "VMBus cannot be connected again");
}

struct vmbus_offer *client_offer(struct test_run *t, unsigned n)
{
    struct vmbus_offer *offer = vmbus_offer(interface_guid, n);
    union vmbus_control message;

    /* Hosts may offer one after the other. */
    while (!offer && vmbus_wait(VMBUS_OFFER_CHANNEL, NULL, 0, &message, CLIENT_WAIT_US))
        offer = vmbus_offer(interface_guid, n);
    if (!offer)
        SKIP("needs %u buses on VMBus", n + 1);
    return offer;
}

struct vmbus_channel *client_channel(unsigned number)
{
    static struct vmbus_channel channel[2];

    return &channel[number];
}

bool client_reply(struct vmbus_channel *channel, uint64_t *transaction, void *reply, size_t room,
                  uint64_t us)
{
    const uint64_t end = time_us() + us;
    struct vmbus_packet head;
    size_t size;

    do {
        if (vmbus_channel_take(channel, &head, reply, room, &size) != VMBUS_RING_PACKET) {
            (void)client_msr(HV_MSR_VP_INDEX); /* some hosts go on when they are entered */
        } else if (head.type == VMBUS_PACKET_COMPLETION) {
            *transaction = head.transaction;
            return true;
        }
    } while (time_us() < end);
    return false;
}

bool client_completion(struct vmbus_channel *channel, uint64_t *transaction, uint64_t us)
{
    struct vpci_status_reply reply;

    return client_reply(channel, transaction, &reply, sizeof(reply), us);
}

const char *client_request_name(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {
        {VPCI_QUERY_PROTOCOL_VERSION, "QUERY_PROTOCOL_VERSION"},
        {VPCI_QUERY_BUS_RELATIONS, "QUERY_BUS_RELATIONS"},
        {VPCI_QUERY_RESOURCE_REQUIREMENTS, "QUERY_RESOURCE_REQUIREMENTS"},
        {VPCI_BUS_D0_ENTRY, "BUS_D0ENTRY"},
        {VPCI_BUS_D0_EXIT, "BUS_D0EXIT"},
        {VPCI_POWER_STATE_CHANGE, "POWER_STATE_CHANGE"},
        {VPCI_RESOURCES_ASSIGNED, "RESOURCES_ASSIGNED"},
        {VPCI_RESOURCES_ASSIGNED_2, "RESOURCES_ASSIGNED2"},
        {VPCI_RESOURCES_RELEASED, "RESOURCES_RELEASED"},
        {VPCI_CREATE_INTERRUPT, "CREATE_INTERRUPT"},
        {VPCI_DELETE_INTERRUPT, "DELETE_INTERRUPT"},
        {VPCI_EJECTION_COMPLETE, "EJECTION_COMPLETE"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].type == type)
            return names[i].name;
    return "an unknown request";
}

uint32_t client_ask(struct test_run *t, struct vmbus_channel *channel, const void *message,
                    size_t size, struct vpci_requirements_reply *reply)
{
    const char *name = client_request_name(*(const uint32_t *)message);
    struct vpci_requirements_reply own = {0};
    uint64_t sent = vmbus_channel_send(channel, message, size, true), seen = 0;

    reply = reply ? reply : &own;
    CHECK(sent != 0, "%s does not fit into the ring to the host", name);
    CHECK(client_reply(channel, &seen, reply, sizeof(*reply), CLIENT_WAIT_US),
          "%s has no completion", name);
    CHECK(seen == sent,
          "a completion with transaction id 0x%llx, where that of %s is to come: 0x%llx",
          (unsigned long long)seen, name, (unsigned long long)sent);
    return reply->status;
}

struct vmbus_channel *client_open(struct test_run *t, unsigned number, unsigned n,
                                  const struct vmbus_opening *opening)
{
    struct vmbus_channel *channel = client_channel(number);

    CHECK(vmbus_channel_open_with(channel, client_offer(t, n), opening),
          "OPENCHANNEL is refused: 0x%x", channel->status);
    (void)client_agree(t, channel);
    return channel;
}

uint32_t client_agree(struct test_run *t, struct vmbus_channel *channel)
{
    static const uint32_t versions[] = {VPCI_VERSION_1_1, VPCI_VERSION_1_2, VPCI_VERSION_1_3,
                                        VPCI_VERSION_1_4};
    uint32_t status = NT_STATUS_REVISION_MISMATCH;
    unsigned i = 0;

    while (true) {
        const struct vpci_version_query query = {VPCI_QUERY_PROTOCOL_VERSION, versions[i]};

        status = client_ask(t, channel, &query, sizeof(query), NULL);
        if (status != NT_STATUS_REVISION_MISMATCH || i + 1 == ARRAY_SIZE(versions))
            break;
        i++;
    }
    CHECK_EQ(status, NT_STATUS_SUCCESS, "status of the last version of vPCI that was asked for");
    return versions[i];
}

uint32_t client_enter_d0(struct test_run *t, struct vmbus_channel *channel, uint64_t window)
{
    const struct vpci_d0_entry entry = {.type = VPCI_BUS_D0_ENTRY, .window = window};
    const struct vpci_message leave = {VPCI_BUS_D0_EXIT};

    uint32_t status = client_ask(t, channel, &entry, sizeof(entry), NULL);

    STEP("BUS_D0ENTRY with the window 0x%llx: status 0x%x", window, status);
    if (status == NT_STATUS_SUCCESS)
        return status;
    (void)client_ask(t, channel, &leave, sizeof(leave), NULL);
    status = client_ask(t, channel, &entry, sizeof(entry), NULL);
    STEP("and after BUS_D0EXIT: status 0x%x", status);
    return status;
}

uint32_t client_assign(struct test_run *t, struct vmbus_channel *channel, uint32_t version,
                       uint32_t slot, const struct vpci_resource *bar)
{
    struct {
        struct vpci_resources_assigned head;
        uint8_t interrupt[VPCI_INTERRUPT_RESOURCE_SIZE_2]; /* room, which hosts insist on */
    } message = {.head = {.type = VPCI_RESOURCES_ASSIGNED_2, .slot = slot}};
    size_t size = sizeof(message);
    uint32_t status;

    if (version < VPCI_VERSION_1_2) {
        message.head.type = VPCI_RESOURCES_ASSIGNED;
        size = sizeof(message.head) + VPCI_INTERRUPT_RESOURCE_SIZE;
    }
    if (bar)
        message.head.bar[0] = *bar;
    status = client_ask(t, channel, &message, size, NULL);
    STEP("RESOURCES_ASSIGNED with BAR 0 at 0x%llx: status 0x%x", message.head.bar[0].start, status);
    return status;
}

uint32_t client_slot(const struct vmbus_channel *channel)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if (f[i].vpci && hv_vpci_logical_device_id(channel->offer->instance_guid, f[i].bdf & 7u) ==
                             f[i].device_id)
            return vpci_slot(f[i].bdf >> 3, f[i].bdf);
    return 0; /* a bus that the suite does not use */
}

void client_round_trip(struct test_run *t, struct vmbus_channel *channel)
{
    const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, client_slot(channel)};

    (void)client_ask(t, channel, &query, sizeof(query), NULL);
}

void client_describe(struct test_run *t, uint32_t gpadl, unsigned pages)
{
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = client_offer(t, 0)->channel_id,
                                        .gpadl = gpadl,
                                        .range_bytes = (uint16_t)(8 + 8 * pages),
                                        .ranges = 1,
                                        .byte_count = pages * (uint32_t)PAGE_SIZE};
    const unsigned told =
        pages < VMBUS_GPADL_HEADER_PAGES ? pages : (unsigned)VMBUS_GPADL_HEADER_PAGES;
    uint64_t first = gpa_of(buffer(t, told).data) / PAGE_SIZE;

    for (unsigned i = 0; i < told; i++)
        header.page[i] = first + i;
    (void)vmbus_post(&header, sizeof(header)); /* not taken: no answer comes */
}

uint64_t client_msr(uint32_t msr)
{
    uint64_t value = 0;

    (void)msr_read_safe(msr, &value);
    return value;
}

bool client_try_msr(uint32_t msr, uint64_t value)
{
    return msr_write_safe(msr, value) == TRAP_NONE && client_msr(msr) == value;
}

void client_set_msr(struct test_run *t, uint32_t msr, uint64_t value)
{
    STEP("MSR 0x%x = 0x%llx", msr, (unsigned long long)value);
    REQUIRE(client_try_msr(msr, value), "it does not take the value");
}

bool client_flag(const void *page, uint32_t flag, uint64_t us)
{
    const struct hv_event_flags *flags = (const struct hv_event_flags *)page + VMBUS_SINT;
    const uint64_t end = time_us() + us;
    bool set;

    do {
        vmbus_give_way();
        set = __atomic_load_n(&flags->word[flag / 32], __ATOMIC_SEQ_CST) >> flag % 32 & 1;
    } while (!set && time_us() < end);
    return set;
}

bool client_requested(unsigned vector, uint64_t us)
{
    const uint64_t end = time_us() + us;
    bool requested = lapic_requested(vector);

    for (unsigned looks = 1; us != 0 && !requested && (looks < CLIENT_LOOKS || time_us() < end);
         looks++) {
        vmbus_give_way(); /* the other processor may be the one that sends */
        requested = lapic_requested(vector);
    }
    return requested;
}

void client_take_interrupts(void)
{
    cpu_interrupts_on();
    cpu_pause(); /* the instruction after STI runs before them */
    cpu_interrupts_off();
}

static void find(void *argument)
{
    struct ear *ear = argument;

    ear->vp = client_msr(HV_MSR_VP_INDEX);
}

void client_find_second(struct test_run *t, struct ear *ear)
{
    need_second(t);
    on_second(t, find, ear);
}

static void listen(void *argument)
{
    struct ear *ear = argument;

    cpu_interrupts_off();
    __atomic_store_n(&ear->listens, true, __ATOMIC_SEQ_CST);
    ear->requested = (ear->flag == 0 || client_flag(ear->events, ear->flag, ear->us)) &&
                     client_requested(ear->vector, ear->us);
    client_take_interrupts();
    cpu_interrupts_on();
    __atomic_store_n(&ear->done, true, __ATOMIC_SEQ_CST);
}

void client_second_listens(struct test_run *t, struct ear *ear)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;

    ear->listens = ear->done = false;
    second_begin(t, listen, ear);
    while (!__atomic_load_n(&ear->listens, __ATOMIC_SEQ_CST) && time_us() < end)
        give_way();
}

bool client_second_heard(struct test_run *t, struct ear *ear)
{
    const uint64_t end = time_us() + ear->us + CLIENT_WAIT_US;

    while (!__atomic_load_n(&ear->done, __ATOMIC_SEQ_CST) && time_us() < end)
        give_way(); /* second_end() may take interrupts that the test wants to see */
    second_end(t);
    return ear->requested;
}

uint64_t client_find_window(void)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if (f[i].vpci)
            return vpci_window(&f[i]);
    return 0;
}
