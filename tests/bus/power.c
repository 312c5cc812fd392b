/* SPDX-License-Identifier: MIT */
/* Power states of a function, and registers that are switched off. */
#include "drivers/pci_registers.h"
#include "drivers/vpci/removal.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

enum off_by { BY_COMMAND, BY_POWER, BY_RELEASE, BY_D0_EXIT };

#define SWITCHES(ROW, test)                                                                        \
    ROW(test, command, BY_COMMAND, WORD(way, "its command register switches decoding off"))        \
    ROW(test, power, BY_POWER, WORD(way, "its power state D3 switches decoding off"))              \
    ROW(test, release, BY_RELEASE, WORD(way, "RESOURCES_RELEASED"))                                \
    ROW(test, d0_exit, BY_D0_EXIT, WORD(way, "BUS_D0EXIT"))

VARIANTS(const enum off_by, switches, SWITCHES);

static void switch_off(struct test_run *t, const struct pci_function *f, enum off_by way)
{
    bool done = true;

    if (way == BY_COMMAND)
        pci_enable(f, false);
    else if (way == BY_POWER && !vpci_switch_off(f, VPCI_OFF_BY_POWER))
        SKIP("the host does not take D3");
    else if (way == BY_RELEASE)
        done = vpci_switch_off(f, VPCI_OFF_BY_RELEASE);
    else if (way == BY_D0_EXIT)
        done = vpci_let_go(f, VPCI_POWER_DOWN);
    REQUIRE(done, "the bus does not answer");
    if (way == BY_POWER && (pci_read16(f, PCI_COMMAND) & PCI_COMMAND_MEMORY) != 0)
        SKIP("the host leaves memory decoding to the guest");
}

TEST_EACH(registers_off_after, SWITCHES,
          PROMISE("The registers of a function answer no more after {way}")
          COVERS("BUS-50") ABI() DEVICES(ALL) KINDS("device")
          STEPS("The first register of the device is read, the device is switched off, and the "
                "address is read again. If the guest can, it switches decoding on and off once "
                "more.")
          EXPECTS("While the device is off the address does not read as the register; with "
                  "decoding on it does again.")
          IF_IT_FAILS("The host changes the configuration space and leaves the BAR in the nested "
                      "page tables. The guest puts another device there, or gives the device away: "
                      "its former user still reaches the registers."))
{
    const enum off_by way = VARIANT(switches);
    struct dma_engine *e = device(t);
    const uint32_t value = cpu_load32(e->registers);

    if (!e->function.vpci)
        SKIP("the device is on no virtual PCI bus");
    if (value == 0 || value == UINT32_MAX)
        SKIP("the first register says nothing");
    for (unsigned i = 0; i < (way == BY_COMMAND ? 2 : 1); i++) {
        uint32_t seen;

        switch_off(t, &e->function, way);
        seen = cpu_load32(e->registers);
        if (way == BY_COMMAND)
            pci_enable(&e->function, true);
        CHECK(seen != value, "the first register still reads 0x%x", value);
        CHECK(way != BY_COMMAND || cpu_load32(e->registers) == value,
              "the first register is gone with decoding on");
    }
}

#define D1 2u
#define D2 3u

/* A function in D0, and its command register. */
struct sleeper {
    struct vmbus_channel *channel;
    uint32_t slot;
    volatile uint32_t *window;
};

static volatile uint32_t *command_of(const struct sleeper *s)
{
    return s->window + (VPCI_WINDOW_CONFIG + PCI_COMMAND) / sizeof(uint32_t);
}

static uint32_t set_power(struct test_run *t, const struct sleeper *s, uint32_t state)
{
    const struct vpci_power_state_change change = {VPCI_POWER_STATE_CHANGE, s->slot, state};
    uint32_t status = client_ask(t, s->channel, &change, sizeof(change), NULL);

    STEP("power state %u: status 0x%x", state, status);
    return status;
}

TEST(power_states_by_number,
     PROMISE("POWER_STATE_CHANGE knows D0 as 1 and D3 as 4, and a number of no power state changes "
             "nothing")
     COVERS("BUS-49") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("A bus is in D0, its first function with decoding on, and once with its command "
           "register 0. POWER_STATE_CHANGE names numbers that are no state, among them 0, 5, and "
           "those of D0 and D3 with a higher bit. Then the states D1, D2, D3 and D0 follow.")
     EXPECTS("The command register is as before after each number that is no state. A host that "
             "takes D1 or D2 takes D3. D0 is taken.")
     IF_IT_FAILS("The host counts the states from 0, as in the power management capability, or "
                 "looks at a part of the number. A guest that puts a device to sleep is refused, "
                 "or one that asks for something else loses its registers."))
{
    static const uint32_t none[] = {0, 5, 6, 0x101, 0x104, 0x10001, 0x10004, UINT32_MAX};
    const struct vmbus_opening opening = {.interrupts = false};
    const uint64_t gpa = client_find_window();
    struct sleeper s;
    uint32_t version;
    bool shallow, deep;

    client_connect(t);
    s.channel = client_channel(0);
    CHECK(vmbus_channel_open_with(s.channel, client_offer(t, 0), &opening),
          "OPENCHANNEL is refused: 0x%x", s.channel->status);
    version = client_agree(t, s.channel);
    s.slot = client_slot(s.channel);
    s.window = paging_map_mmio(gpa, VPCI_WINDOW_SIZE);
    CHECK_EQ(client_enter_d0(t, s.channel, gpa), NT_STATUS_SUCCESS, "status of BUS_D0ENTRY");
    (void)client_assign(t, s.channel, version, s.slot, NULL); /* some hosts want it first */
    CHECK_EQ(set_power(t, &s, VPCI_POWER_D0), NT_STATUS_SUCCESS, "status of D0");
    cpu_store32(s.window, s.slot);
    cpu_memory_barrier();
    for (unsigned round = 0; round < 2; round++) {
        uint32_t before;

        cpu_store32(command_of(&s), round == 0 ? PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER : 0);
        before = cpu_load32(command_of(&s)); /* a host may keep a part of it */
        for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
            (void)set_power(t, &s, none[i]);
            CHECK_EQ(cpu_load32(command_of(&s)), before, "command register after no power state");
        }
    }
    shallow = set_power(t, &s, D1) == NT_STATUS_SUCCESS;
    shallow = set_power(t, &s, D2) == NT_STATUS_SUCCESS || shallow;
    deep = set_power(t, &s, VPCI_POWER_D3) == NT_STATUS_SUCCESS;
    CHECK(deep || !shallow, "the host takes D1 (2) or D2 (3), and refuses D3 (4)");
    CHECK_EQ(set_power(t, &s, VPCI_POWER_D0), NT_STATUS_SUCCESS, "status of D0 at the end");
}
