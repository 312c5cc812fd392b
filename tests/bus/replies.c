/* SPDX-License-Identifier: MIT */
/* Requests on a vPCI channel that fail: which of them are completed, and what they leave. */
#include "drivers/pci_registers.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define NO_SLOT UINT32_C(0xFF) /* device 31, function 7 */
#define VECTOR  0x59u

/* The longest of the requests here; unused words are zero. */
struct request {
    uint32_t word[6];
};

static struct vmbus_channel *open_first(struct test_run *t)
{
    const struct vmbus_opening opening = {.interrupts = false};

    client_connect(t);
    return client_open(t, 0, 0, &opening);
}

TEST(failed_requests_complete_if_asked,
     PROMISE("A request that fails gets a completion when it asks for one, and none when it does "
             "not")
     COVERS("BUS-11") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Requests that fail are sent: of two unknown types, too short, for slots without a "
           "function, and with a window that is not aligned. Each "
           "is sent without the flag that asks for a completion, alone and twice, then with it, "
           "and each time a right request follows, which asks.")
     EXPECTS("The next completion after a request without the flag is that of the right one, by "
             "its transaction id. A request with the flag has a completion of its own.")
     IF_IT_FAILS("The host tells each error, or none. Linux takes the transaction id of a "
                 "completion for an address, and jumps to where it leads; or a driver waits "
                 "forever for the answer to what the host did not like."))
{
    static const struct {
        struct request message;
        size_t size;
    } wrong[] = {
        {{{VPCI_MESSAGE(0xFE)}}, 8},
        {{{0x12345678}}, 24},
        {{{VPCI_RESOURCES_ASSIGNED}}, 8},
        {{{VPCI_QUERY_RESOURCE_REQUIREMENTS, NO_SLOT}}, 8},
        {{{VPCI_POWER_STATE_CHANGE, NO_SLOT, VPCI_POWER_D0}}, 16},
        {{{VPCI_DELETE_INTERRUPT, NO_SLOT}}, 24},
        {{{VPCI_BUS_D0_ENTRY, 0, VPCI_WINDOW_CONFIG / 2}}, 16},
    };
    struct vmbus_channel *channel = open_first(t);

    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        const struct request *message = &wrong[i].message;

        STEP("%s (0x%x), %u bytes, second word 0x%x", client_request_name(message->word[0]),
             message->word[0], (unsigned)wrong[i].size, message->word[1]);
        for (unsigned silent = 1; silent <= 2; silent++) {
            for (unsigned n = 0; n < silent; n++)
                (void)vmbus_channel_send(channel, message, wrong[i].size, false);
            client_round_trip(t, channel);
        }
        (void)client_ask(t, channel, message, wrong[i].size, NULL);
        client_round_trip(t, channel);
    }
}

static const struct slot_request {
    struct request message; /* its slot is filled in */
    size_t size;
    bool completed; /* hosts complete it; others are told without asking */
} slot_requests[] = {
    {{{VPCI_QUERY_RESOURCE_REQUIREMENTS}}, 8, true},
    {{{VPCI_POWER_STATE_CHANGE, 0, VPCI_POWER_D3}}, 16, true},
    {{{VPCI_CREATE_INTERRUPT, 0, 1u << 16 | VECTOR, 0, 1}}, 24, true},
    {{{VPCI_RESOURCES_RELEASED}}, 8, false},
    {{{VPCI_EJECTION_COMPLETE}}, 8, false},
};

/* Requests for a slot that is not there. */
static void expect_refused(struct test_run *t, struct vmbus_channel *channel, uint32_t slot)
{
    for (unsigned i = 0; i < ARRAY_SIZE(slot_requests); i++) {
        struct request message = slot_requests[i].message;

        message.word[1] = slot;
        if (!slot_requests[i].completed)
            (void)vmbus_channel_send(channel, &message, slot_requests[i].size, false);
        else
            CHECK(client_ask(t, channel, &message, slot_requests[i].size, NULL) !=
                      NT_STATUS_SUCCESS,
                  "%s succeeds for the slot word 0x%x, which names no function",
                  client_request_name(message.word[0]), slot);
    }
}

TEST(requests_name_their_function,
     PROMISE("A request with a slot word that names no function, by any bit of it, is refused and "
             "carried out for none")
     COVERS("BUS-31") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("The functions of a bus are asked for, and the bus is in D0 with memory decoding of "
           "the first one. Then for each function and each bit of the slot word that is not of the "
           "function number: its resource requirements, its power state D3, an interrupt, a "
           "release of its resources and the end of its ejection, by its slot word with this bit "
           "changed.")
     EXPECTS("Each request that is completed has an error. The command register of the first "
             "function is as before, and the channel answers.")
     IF_IT_FAILS("The host compares the number of the function alone, or the lower bits. A guest "
                 "that tries all slots finds the device many times, and what it does to one of "
                 "them happens to all."))
{
    const uint32_t functions = VPCI_SLOT_FUNCTION_MASK >> VPCI_SLOT_FUNCTION_SHIFT;
    const uint64_t gpa = client_find_window();
    struct vmbus_channel *channel = open_first(t);
    const uint32_t slot = client_slot(channel);
    const struct vpci_power_state_change on = {VPCI_POWER_STATE_CHANGE, slot, VPCI_POWER_D0};
    volatile uint32_t *window = paging_map_mmio(gpa, VPCI_WINDOW_SIZE);
    volatile uint32_t *command = window + (VPCI_WINDOW_CONFIG + PCI_COMMAND) / sizeof(uint32_t);
    uint32_t before;

    CHECK_EQ(client_enter_d0(t, channel, gpa), NT_STATUS_SUCCESS, "status of BUS_D0ENTRY");
    (void)client_ask(t, channel, &on, sizeof(on), NULL); /* a host may want its resources first */
    cpu_store32(window, slot);
    cpu_memory_barrier();
    cpu_store32(command, cpu_load32(command) | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
    before = cpu_load32(command); /* a host may keep a part of it */
    for (uint32_t function = 0; function <= functions; function++) {
        const struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS,
                                                vpci_slot(slot, function)};

        if (client_ask(t, channel, &query, sizeof(query), NULL) != NT_STATUS_SUCCESS)
            continue;
        STEP("function %u is there, by the slot word 0x%x", function, query.slot);
        for (unsigned bit = 0; bit < 32; bit++) {
            if ((VPCI_SLOT_FUNCTION_MASK >> bit & 1) != 0)
                continue;
            expect_refused(t, channel, query.slot ^ UINT32_C(1) << bit);
            client_round_trip(t, channel); /* those without a completion are done, too */
            CHECK(cpu_load32(command) == before,
                  "requests for function %u with bit %u of the slot word changed are carried out",
                  function, bit);
        }
    }
}
