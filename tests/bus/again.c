/* SPDX-License-Identifier: MIT */
/* Requests on a vPCI channel that come again, or name addresses where nothing can be: what they ask
 * for is in force when they succeed, and nothing has changed when they are refused. */
#include "abi/device_id.h"
#include "abi/msr.h"
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/move.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define WINDOWS  2u
#define ENDED_US time_for_answer_us(400000u) /* twice: a channel that the host has ended */

struct window {
    uint32_t slot; /* of the function that is looked at */
    uint64_t gpa;
    volatile uint32_t *at;
};

/* Of two buses: places that the host takes. */
static void find_windows(struct test_run *t, struct window window[WINDOWS])
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);
    unsigned found = 0;

    for (size_t i = 0; i < count && found < WINDOWS; i++) {
        if (!f[i].vpci || (found > 0 && vpci_window(&f[i]) == window[0].gpa))
            continue;
        window[found].gpa = vpci_window(&f[i]);
        window[found].at = paging_map_mmio(window[found].gpa, VPCI_WINDOW_SIZE);
        found++;
    }
    if (found < WINDOWS)
        SKIP("needs two virtual PCI buses");
}

/* A word of the function; all ones: the window shows nothing. */
static uint32_t word(const struct window *w, unsigned offset)
{
    cpu_store32(w->at, w->slot);
    cpu_memory_barrier();
    return cpu_load32(w->at + (VPCI_WINDOW_CONFIG + offset) / sizeof(uint32_t));
}

static uint32_t enter(struct test_run *t, struct vmbus_channel *channel, const struct window *w)
{
    const struct vpci_d0_entry message = {.type = VPCI_BUS_D0_ENTRY, .window = w->gpa};
    uint32_t status = client_ask(t, channel, &message, sizeof(message), NULL);

    STEP("BUS_D0ENTRY with the window 0x%llx: status 0x%x", w->gpa, status);
    return status;
}

static uint32_t leave(struct test_run *t, struct vmbus_channel *channel)
{
    const struct vpci_message message = {VPCI_BUS_D0_EXIT};
    uint32_t status = client_ask(t, channel, &message, sizeof(message), NULL);

    STEP("BUS_D0EXIT: status 0x%x", status);
    return status;
}

static uint32_t set_power(struct test_run *t, struct vmbus_channel *channel, uint32_t slot,
                          uint32_t state)
{
    const struct vpci_power_state_change message = {VPCI_POWER_STATE_CHANGE, slot, state};

    return client_ask(t, channel, &message, sizeof(message), NULL);
}

/* In D0 with the window `now`. Returns the one that shows the function. */
static const struct window *enter_again(struct test_run *t, struct vmbus_channel *channel,
                                        const struct window *now, const struct window *next)
{
    uint32_t id = word(now, PCI_VENDOR), command;

    (void)set_power(t, channel, now->slot, VPCI_POWER_D0);
    command = word(now, PCI_COMMAND);
    if (enter(t, channel, next) == NT_STATUS_SUCCESS) {
        CHECK_EQ(word(next, PCI_VENDOR), id, "the window of an entry that succeeded");
        return next;
    }
    CHECK_EQ(word(now, PCI_VENDOR), id, "the window of before, after a refused entry");
    CHECK_EQ(word(now, PCI_COMMAND), command, "the command register after a refused entry");
    CHECK(next == now || word(next, PCI_VENDOR) == UINT32_MAX,
          "a refused entry has shown the function in its window");
    return now;
}

TEST(d0_entered_and_left_again,
     PROMISE("BUS_D0ENTRY that succeeds shows configuration space in the window that it names, and "
             "one that is refused changes nothing; after BUS_D0EXIT there is no window")
     COVERS("BUS-29") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A bus enters D0, and again, with a second window, with the first one and with the same "
           "one, in both orders. It leaves D0 twice, enters it with the other window, and leaves "
           "it.")
     EXPECTS("After a success the window of this request shows the first function. After an error "
             "the one of before does, with the same command register, and the other shows nothing. "
             "After an exit both read all ones.")
     IF_IT_FAILS("The host takes a second entry for a repetition of the first and does not look at "
                 "the window, or acts before it refuses. A driver that was told of success reads "
                 "all ones, and gives its device up."))
{
    const struct vmbus_opening opening = {.interrupts = false};
    struct window window[WINDOWS];
    struct vmbus_channel *channel = client_channel(0);
    uint32_t version;

    find_windows(t, window);
    client_connect(t);
    CHECK(vmbus_channel_open_with(channel, client_offer(t, 0), &opening),
          "OPENCHANNEL is refused: 0x%x", channel->status);
    version = client_agree(t, channel);
    window[0].slot = window[1].slot = client_slot(channel);
    for (unsigned n = 0; n < 2 * WINDOWS; n++) {
        const struct window *first = &window[n % WINDOWS], *other = &window[1 - n % WINDOWS], *now;

        CHECK_EQ(client_enter_d0(t, channel, first->gpa), NT_STATUS_SUCCESS,
                 "status of the first entry");
        (void)client_assign(t, channel, version, first->slot, NULL); /* some hosts show it then */
        CHECK(word(first, PCI_VENDOR) != UINT32_MAX, "its window shows nothing");
        now = enter_again(t, channel, first, other);
        now = enter_again(t, channel, now, first);
        (void)enter_again(t, channel, now, now);
        CHECK_EQ(leave(t, channel), NT_STATUS_SUCCESS, "status of the exit");
        for (unsigned exits = 0; exits < 2; exits++) {
            CHECK_EQ(word(first, PCI_VENDOR), UINT32_MAX, "its window after the exit");
            CHECK_EQ(word(other, PCI_VENDOR), UINT32_MAX, "the other window after the exit");
            if (exits == 0)
                (void)leave(t, channel);
        }
    }
}

#define PLACES 3u /* of BAR 0, the last one below 4 GiB */

/* A function on a channel that is open. */
struct bar_owner {
    struct vmbus_channel *channel;
    uint32_t version, slot, length; /* of BAR 0 */
    struct window window;
};

static uint32_t assign(struct test_run *t, const struct bar_owner *p, uint64_t bar)
{
    const struct vpci_resource place = {
        .type = VPCI_RESOURCE_MEMORY, .start = bar, .length = p->length};

    return client_assign(t, p->channel, p->version, p->slot, &place);
}

/* The power state, and memory decoding, which a host may leave to the guest. */
static uint32_t turn(struct test_run *t, const struct bar_owner *p, bool on)
{
    volatile uint32_t *command =
        p->window.at + (VPCI_WINDOW_CONFIG + PCI_COMMAND) / sizeof(uint32_t);
    uint32_t status = set_power(t, p->channel, p->slot, on ? VPCI_POWER_D0 : VPCI_POWER_D3);

    cpu_store32(p->window.at, p->slot);
    cpu_memory_barrier();
    cpu_store32(command, on ? PCI_COMMAND_MEMORY : 0);
    return status;
}

/* Opens the bus of the function, and asks for the size of its BAR 0. */
static void open_bus_of(struct test_run *t, const struct pci_function *f, struct bar_owner *p)
{
    const struct vmbus_opening opening = {.interrupts = false};
    const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, p->slot};
    struct vpci_requirements_reply needs;
    unsigned n = 0;

    client_connect(t);
    while (hv_vpci_logical_device_id(client_offer(t, n)->instance_guid, f->bdf & 7u) !=
           f->device_id)
        n++;
    p->channel = client_channel(0);
    CHECK(vmbus_channel_open_with(p->channel, client_offer(t, n), &opening),
          "OPENCHANNEL is refused: 0x%x", p->channel->status);
    p->version = client_agree(t, p->channel);
    CHECK_EQ(client_ask(t, p->channel, &query, sizeof(query), &needs), NT_STATUS_SUCCESS,
             "status of QUERY_RESOURCE_REQUIREMENTS");
    p->length = ~(needs.mask[0] & ~0xFu) + 1;
    REQUIRE(client_enter_d0(t, p->channel, p->window.gpa) == NT_STATUS_SUCCESS, "no window");
}

TEST(resources_assigned_again,
     PROMISE("Registers of a device are where the last RESOURCES_ASSIGNED that succeeded has put "
             "them, in D3 and in D0")
     COVERS("BUS-29") DEVICES(ALL) KINDS("device")
     STEPS("The bus of the device is in D0. BAR 0 gets its first place and, with no other request "
           "in between, a second one; memory decoding goes on. Then it moves to the first place "
           "and back, with decoding on. A BAR of 64 bits then moves to a third place, below 4 GiB, "
           "back, there again, and to the first.")
     EXPECTS("After a success the first register of the device answers at the address of this "
             "request, after an error at the one of before.")
     IF_IT_FAILS("The host keeps what it was told first, or one half of it, and says that all is "
                 "well: the driver reads all ones at the new address, and what is put at the old "
                 "one is in conflict with the device."))
{
    static const uint8_t turns[] = {1, 0, 1, 2, 1, 2, 0};
    struct dma_engine *e = device(t);
    const struct pci_function *f = &e->function;
    struct bar_owner p = {.slot = vpci_slot(f->bdf >> 3, f->bdf)};
    volatile uint32_t *at[PLACES];
    uint64_t bar[PLACES];

    if (!f->vpci)
        SKIP("the device is on no virtual PCI bus");
    p.window.gpa = vpci_window(f);
    p.window.at = paging_map_mmio(p.window.gpa, VPCI_WINDOW_SIZE);
    bar[1] = vpci_move_bar(f);
    bar[0] = bar[1] != 0 ? vpci_move_bar(f) : 0;
    if (bar[0] == 0)
        SKIP("there is no second place for BAR 0");
    bar[2] = vpci_low_place(f);
    for (unsigned i = 0; i < PLACES && bar[i] != 0; i++)
        at[i] = paging_map_mmio(bar[i], PAGE_SIZE);
    open_bus_of(t, f, &p);
    if (assign(t, &p, bar[0]) != NT_STATUS_SUCCESS || turn(t, &p, true) != NT_STATUS_SUCCESS ||
        cpu_load32(at[0]) == UINT32_MAX)
        SKIP("the host does not place BAR 0 alone, or the first register reads all ones");
    (void)turn(t, &p, false);
    for (unsigned i = 0, now = 0; i < ARRAY_SIZE(turns) && bar[turns[i]] != 0; i++) {
        if (assign(t, &p, bar[turns[i]]) == NT_STATUS_SUCCESS)
            now = turns[i];
        if (i == 0)
            CHECK_EQ(turn(t, &p, true), NT_STATUS_SUCCESS, "status of POWER_STATE_CHANGE");
        CHECK(cpu_load32(at[now]) != UINT32_MAX,
              "all ones at 0x%llx, where request %u has put BAR 0 or left it",
              (unsigned long long)bar[now], i + 2);
    }
}

/* Opens the bus of the device, and places BAR 0. Returns the first register there. */
static uint32_t place_bar(struct test_run *t, const struct pci_function *f, struct bar_owner *p,
                          uint64_t bar)
{
    uint32_t value;

    p->slot = vpci_slot(f->bdf >> 3, f->bdf);
    p->window.gpa = vpci_window(f);
    p->window.at = paging_map_mmio(p->window.gpa, VPCI_WINDOW_SIZE);
    open_bus_of(t, f, p);
    if (assign(t, p, bar) != NT_STATUS_SUCCESS || turn(t, p, true) != NT_STATUS_SUCCESS)
        SKIP("the host does not place BAR 0 alone");
    value = cpu_load32(paging_map_mmio(bar, PAGE_SIZE));
    if (value == 0 || value == UINT32_MAX)
        SKIP("the first register says nothing");
    return value;
}

#define ODD_PLACES 6u

/* Addresses at which BAR 0 cannot be, or where a host has to look twice; 0: there is none. The
 * first two are known while the bus has its driver. */
static void find_odd_places(struct test_run *t, uint64_t good, uint32_t length,
                            uint64_t place[ODD_PLACES])
{
    place[2] = good ^ BIT(32); /* of a BAR of 32 bits the same one, if the upper half is lost */
    place[3] = good ^ BIT(51);
    place[4] = good + length / 2;
    place[5] = 0;
    if (length >= PAGE_SIZE && length <= SIZE_2M)
        place[5] = gpa_of(buffer_aligned(t, length / PAGE_SIZE, length).data);
}

TEST(resources_assigned_nowhere,
     PROMISE("RESOURCES_ASSIGNED that succeeds is in force, wherever it puts a BAR")
     COVERS("BUS-29") DEVICES(ALL) KINDS("device bad-input")
     STEPS("BAR 0 of the device gets a good address. Then, with decoding off, it gets an odd one: "
           "right before and right after the range of the firmware (the edges), in memory of the "
           "guest, with bit 32 or bit 51 changed (an alias), and half of its size further. "
           "Decoding goes on, and the good address is assigned again, between any two of them.")
     EXPECTS("The odd address is refused, and the first register still answers at the good one; "
             "or it succeeds, and the register answers there, which is not possible beyond the "
             "physical address space.")
     IF_IT_FAILS("The host does not look at the address, or at a part of it, and says that all is "
                 "well: the driver uses what is there in the place of the device. Look at all "
                 "conditions of an address, not at its alignment alone."))
{
    struct dma_engine *e = device(t);
    const struct pci_function *f = &e->function;
    struct bar_owner p = {0};
    uint64_t place[ODD_PLACES], good;
    uint32_t value;

    if (!f->vpci)
        SKIP("the device is on no virtual PCI bus");
    good = pci_bar(f, 0);
    place[0] = vpci_place_outside(f, false);
    place[1] = vpci_place_outside(f, true);
    value = place_bar(t, f, &p, good);
    find_odd_places(t, good, p.length, place);
    for (unsigned i = 0; i < ODD_PLACES; i++) {
        uint32_t status;

        if (place[i] == 0)
            continue;
        (void)turn(t, &p, false);
        status = assign(t, &p, place[i]);
        (void)turn(t, &p, true);
        if (status == NT_STATUS_SUCCESS) {
            volatile uint32_t *at = paging_map_mmio(place[i], PAGE_SIZE);

            CHECK(place[i] >> memory_physical_bits() == 0,
                  "success for 0x%llx, beyond all addresses", (unsigned long long)place[i]);
            CHECK_EQ(at ? cpu_load32(at) : value, value,
                     "first register at the odd address, after success");
            (void)turn(t, &p, false);
            CHECK_EQ(assign(t, &p, good), NT_STATUS_SUCCESS, "status of the good address");
            (void)turn(t, &p, true);
        }
        CHECK_EQ(cpu_load32(paging_map_mmio(good, PAGE_SIZE)), value,
                 "first register at the good address, after the odd one");
    }
}

static uint32_t ask_version(struct test_run *t, struct vmbus_channel *channel, uint32_t version)
{
    const struct vpci_version_query message = {VPCI_QUERY_PROTOCOL_VERSION, version};
    uint32_t status = client_ask(t, channel, &message, sizeof(message), NULL);

    STEP("version 0x%x: status 0x%x", version, status);
    return status;
}

/* The type of the list of functions, which comes now; 0: it does not. */
static uint32_t ask_relations(struct test_run *t, struct vmbus_channel *channel)
{
    const struct vpci_message query = {VPCI_QUERY_BUS_RELATIONS};
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    struct vmbus_packet head;
    struct vpci_relations list;
    size_t size;

    (void)vmbus_channel_send(channel, &query, sizeof(query), false);
    do {
        if (vmbus_channel_take(channel, &head, &list, sizeof(list), &size) == VMBUS_RING_PACKET &&
            (list.type == VPCI_BUS_RELATIONS || list.type == VPCI_BUS_RELATIONS_2))
            return list.type;
        (void)client_msr(HV_MSR_VP_INDEX); /* some hosts go on when they are entered */
    } while (time_us() < end);
    return 0;
}

/* After an agreement. False: the host has ended the channel, on which no request is answered. */
static bool ask_again(struct test_run *t, struct vmbus_channel *channel, uint32_t version,
                      uint32_t *status)
{
    const struct vpci_version_query message = {VPCI_QUERY_PROTOCOL_VERSION, version};
    const struct vpci_slot_message request = {VPCI_QUERY_RESOURCE_REQUIREMENTS,
                                              client_slot(channel)};
    struct vpci_requirements_reply reply;
    const uint64_t sent = vmbus_channel_send(channel, &message, sizeof(message), true);
    uint64_t seen = 0;
    bool came = client_reply(channel, &seen, &reply, sizeof(reply), ENDED_US);

    if (!came) {
        STEP("version 0x%x: no answer", version);
        (void)vmbus_channel_send(channel, &request, sizeof(request), true);
        if (!client_reply(channel, &seen, &reply, sizeof(reply), ENDED_US))
            return false;
    }
    CHECK(seen == sent, "the query of version 0x%x is not completed, on a channel that answers",
          version);
    *status = reply.status;
    STEP("version 0x%x: status 0x%x", version, *status);
    return true;
}

TEST(refused_versions_leave_nothing,
     PROMISE("A version of vPCI that is refused leaves a bus as it was: without a version, or with "
             "the one agreed on")
     COVERS("BUS-30") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("A channel is opened, two of four versions that no host speaks are asked for, and then "
           "each version from 1.6 down to 1.1, until one is agreed on. The same after another two, "
           "and after none. Then the earliest one is agreed on, from 1.1 up, and all others are "
           "asked for.")
     EXPECTS("One of the versions is agreed on. After the last agreement a request has its reply, "
             "and the list of functions comes in the form of that version, unless another one was "
             "agreed on, or the host has ended the channel and answers nothing any more.")
     IF_IT_FAILS("The host stores the version before it judges it: a guest that begins with a "
                 "later version than the host speaks, as each new one does, gets no version at "
                 "all, and has no devices."))
{
    static const uint32_t unknown[] = {UINT32_MAX, VPCI_VERSION(1, 0x7F), VPCI_VERSION(0x101, 1),
                                       VPCI_VERSION(1, 0x104)};
    static const uint32_t known[] = {VPCI_VERSION(1, 6), VPCI_VERSION(1, 5), VPCI_VERSION_1_4,
                                     VPCI_VERSION_1_3,   VPCI_VERSION_1_2,   VPCI_VERSION_1_1};
    const struct vmbus_opening opening = {.interrupts = false};
    struct vmbus_channel *channel = client_channel(0);
    uint32_t status = NT_STATUS_SUCCESS, list;

    client_connect(t);
    for (unsigned n = 0; n <= ARRAY_SIZE(unknown); n++) {
        CHECK(vmbus_channel_open_with(channel, client_offer(t, 0), &opening),
              "OPENCHANNEL is refused: 0x%x", channel->status);
        for (unsigned i = 0; i < 2 && n < ARRAY_SIZE(unknown); i++)
            CHECK(ask_version(t, channel, unknown[(n + i) % ARRAY_SIZE(unknown)]) !=
                      NT_STATUS_SUCCESS,
                  "a version that there is not is agreed on");
        STEP("after these, from the latest version down");
        status = NT_STATUS_REVISION_MISMATCH;
        for (unsigned i = 0; i < ARRAY_SIZE(known) && status != NT_STATUS_SUCCESS; i++)
            status = ask_version(t, channel, known[i]);
        CHECK_EQ(status, NT_STATUS_SUCCESS, "status of the last version");
        vmbus_channel_close(channel);
    }
    CHECK(vmbus_channel_open_with(channel, client_offer(t, 0), &opening),
          "OPENCHANNEL is refused: 0x%x", channel->status);
    list = client_agree(t, channel) >= VPCI_VERSION_1_3 ? VPCI_BUS_RELATIONS_2 : VPCI_BUS_RELATIONS;
    for (unsigned n = 0; n < ARRAY_SIZE(unknown) + ARRAY_SIZE(known); n++) {
        const uint32_t version =
            n < ARRAY_SIZE(unknown) ? unknown[n] : known[n - ARRAY_SIZE(unknown)];
        uint32_t type;

        if (!ask_again(t, channel, version, &status))
            return; /* and nothing more is to be had of this channel */
        if (status == NT_STATUS_SUCCESS)
            break; /* this one is in force */
        type = ask_relations(t, channel);
        CHECK_EQ(type, list, "message that tells the functions (0: none comes)");
    }
    client_round_trip(t, channel);
}
