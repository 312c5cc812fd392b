/* SPDX-License-Identifier: MIT */
/*
 * What a function of a virtual PCI bus keeps when its user goes (BUS-41): nothing that the user has
 * switched on. The next user, be it the same guest after a restart, has a driver that switches on
 * what it wants, and takes the rest to be off: a function with ATS on asks for translations of its
 * own, one with bus mastering on does DMA, one with MSI on sends messages that no one has asked
 * for.
 */
#include "abi/device_id.h"
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/move.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define COMMAND_INTX_DISABLE 0x0400u
#define MSI_ENABLE           0x00010000u /* in the words that the control registers share */
#define MSIX_ENABLE_AND_MASK 0xC0000000u
#define ATS_ID               0x000Fu
#define ATS_ENABLE           0x80000000u
#define EXPRESS_CONTROL      8u
#define EXPRESS_REPORTS      0x0000000Fu
#define REGISTERS            5u
#define FUNCTIONS            8u

/* Bits of a word of configuration space that a user may set, and that are off at first. Those of
 * status registers beside them are cleared by ones. */
struct control {
    const char *name;
    unsigned offset;
    uint32_t bits, kept; /* kept: bits that are written as they are */
};

struct shown {
    uint32_t slot, bar[VPCI_BARS];
    struct control control[REGISTERS];
    unsigned controls;
};

struct user {
    struct vmbus_offer *offer;
    struct vmbus_channel *channel;
    uint32_t version;
    uint64_t gpa;
    volatile uint32_t *window;
    struct shown function[FUNCTIONS]; /* of the bus */
    unsigned functions;
};

static void add(struct shown *s, const char *name, unsigned offset, uint32_t bits, uint32_t kept)
{
    s->control[s->controls++] = (struct control){name, offset, bits, kept};
}

/* While the suite's own window shows the function. */
static void find_controls(struct shown *s, const struct pci_function *f)
{
    const unsigned msi = pci_capability(f, PCI_CAPABILITY_MSI),
                   msix = pci_capability(f, PCI_CAPABILITY_MSIX),
                   express = pci_capability(f, PCI_CAPABILITY_EXPRESS),
                   ats = pci_extended_capability(f, ATS_ID);

    add(s, "the command register", PCI_COMMAND, PCI_COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE,
        UINT16_MAX);
    if (msi != 0)
        add(s, "control of MSI", msi, MSI_ENABLE, UINT32_MAX);
    if (msix != 0)
        add(s, "control of MSI-X", msix, MSIX_ENABLE_AND_MASK, UINT32_MAX);
    if (express != 0)
        add(s, "device control of PCI Express", express + EXPRESS_CONTROL, EXPRESS_REPORTS,
            UINT16_MAX);
    if (ats != 0)
        add(s, "control of ATS", ats + 4, ATS_ENABLE, UINT32_MAX);
}

static void find_functions(struct user *u, const struct pci_function *one)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count && u->functions < FUNCTIONS; i++) {
        struct shown *s = &u->function[u->functions];

        if (f[i].vpci != one->vpci)
            continue;
        s->slot = vpci_slot(f[i].bdf >> 3, f[i].bdf);
        find_controls(s, &f[i]);
        u->functions++;
    }
}

static uint32_t get(const struct user *u, const struct shown *s, unsigned offset)
{
    cpu_store32(u->window, s->slot);
    cpu_memory_barrier();
    return cpu_load32(u->window + (VPCI_WINDOW_CONFIG + offset) / sizeof(uint32_t));
}

static void put(const struct user *u, const struct shown *s, unsigned offset, uint32_t value)
{
    cpu_store32(u->window, s->slot);
    cpu_memory_barrier();
    cpu_store32(u->window + (VPCI_WINDOW_CONFIG + offset) / sizeof(uint32_t), value);
}

/* A host may show configuration space of functions that have resources alone. */
static void assign(struct test_run *t, const struct user *u)
{
    for (unsigned i = 0; i < u->functions; i++)
        CHECK_EQ(client_assign(t, u->channel, u->version, u->function[i].slot, NULL),
                 NT_STATUS_SUCCESS, "status of RESOURCES_ASSIGNED without BARs");
}

static void open_channel(struct test_run *t, struct user *u)
{
    const struct vmbus_opening opening = {.interrupts = false};

    CHECK(vmbus_channel_open_with(u->channel, u->offer, &opening), "OPENCHANNEL is refused: 0x%x",
          u->channel->status);
    u->version = client_agree(t, u->channel);
    REQUIRE(client_enter_d0(t, u->channel, u->gpa) == NT_STATUS_SUCCESS, "no window");
    assign(t, u);
}

static void begin(struct test_run *t, struct user *u, const struct pci_function *f)
{
    unsigned n = 0;

    client_connect(t);
    while (hv_vpci_logical_device_id(client_offer(t, n)->instance_guid, f->bdf & 7u) !=
           f->device_id)
        n++;
    u->offer = client_offer(t, n);
    u->channel = client_channel(0);
    open_channel(t, u);
}

enum going { BY_RELEASE, BY_D0_EXIT, BY_CLOSING };

/* The user goes, and the next one comes. */
static void change_hands(struct test_run *t, struct user *u, enum going by)
{
    const struct vpci_message exit = {VPCI_BUS_D0_EXIT};

    for (unsigned i = 0; by == BY_RELEASE && i < u->functions; i++) {
        const struct vpci_slot_message release = {VPCI_RESOURCES_RELEASED, u->function[i].slot};

        CHECK_EQ(client_ask(t, u->channel, &release, sizeof(release), NULL), NT_STATUS_SUCCESS,
                 "status of RESOURCES_RELEASED");
    }
    if (by == BY_D0_EXIT) {
        CHECK_EQ(client_ask(t, u->channel, &exit, sizeof(exit), NULL), NT_STATUS_SUCCESS,
                 "status of BUS_D0EXIT");
        CHECK_EQ(client_enter_d0(t, u->channel, u->gpa), NT_STATUS_SUCCESS,
                 "status of BUS_D0ENTRY");
    }
    if (by == BY_CLOSING) {
        vmbus_channel_close(u->channel);
        open_channel(t, u);
        return;
    }
    assign(t, u);
}

static void switch_on(struct test_run *t, const struct user *u)
{
    for (unsigned f = 0; f < u->functions; f++) {
        const struct shown *s = &u->function[f];

        for (unsigned i = 0; i < s->controls; i++) {
            const struct control *c = &s->control[i];

            put(u, s, c->offset, (get(u, s, c->offset) & c->kept) | c->bits);
            STEP("function 0x%llx, %s: 0x%llx", s->slot, c->name, get(u, s, c->offset));
        }
        for (unsigned i = 0; i < VPCI_BARS; i++)
            put(u, s, PCI_BAR0 + 4 * i, UINT32_MAX);
    }
}

static void expect_off(struct test_run *t, struct user *u, bool first)
{
    const char *when = first ? "when the client came" : "after the client had gone";

    for (unsigned f = 0; f < u->functions; f++) {
        struct shown *s = &u->function[f];

        for (unsigned i = 0; i < s->controls; i++) {
            const struct control *c = &s->control[i];
            const uint32_t value = get(u, s, c->offset);

            CHECK((value & c->bits) == 0, "function 0x%x, %s, %s: bits 0x%x of 0x%x are on",
                  s->slot, c->name, when, value & c->bits, value);
        }
        for (unsigned i = 0; i < VPCI_BARS; i++) {
            /* Some hosts show the type of a BAR once it was written (reference 5.7). */
            const uint32_t bar = get(u, s, PCI_BAR0 + 4 * i) & PCI_BAR_ADDRESS_MASK;

            s->bar[i] = first ? bar : s->bar[i];
            CHECK(bar == s->bar[i],
                  "function 0x%x, register of BAR %u after the client had gone: 0x%x, before 0x%x",
                  s->slot, i, bar, s->bar[i]);
        }
    }
}

#define GOINGS(ROW, test)                                                                          \
    ROW(test, resources_released, BY_RELEASE, WORD(way, "RESOURCES_RELEASED"))                     \
    ROW(test, d0_exit, BY_D0_EXIT, WORD(way, "BUS_D0EXIT and BUS_D0ENTRY"))                        \
    ROW(test, closing, BY_CLOSING, WORD(way, "the channel was closed and opened again"))

VARIANTS(const enum going, goings, GOINGS);

TEST_EACH(functions_are_off_after, GOINGS,
          PROMISE("After {way} nothing is on of what the user of a function had switched on in its "
                  "configuration space")
          COVERS("BUS-41") DEVICES(ALL) KINDS("device")
          STEPS("The bus of a device that was in use is opened by another client. It assigns "
                "resources without BARs, reads the control registers of all functions of the bus, "
                "and sets bus mastering, INTx disable, error reports, enable and function mask of "
                "MSI or MSI-X, ATS, and all bits of all BARs. Then comes this: {way}. Resources "
                "are assigned again. Twice.")
          EXPECTS("All of these bits are 0 when the client comes, and each time afterwards; the "
                  "addresses in the BARs read as they did when the client came.")
          IF_IT_FAILS("The reset of a function leaves out a register that came later than the "
                      "reset, or one of the ways does not reset the function."))
{
    struct dma_engine *e = device(t);
    const struct pci_function *f = &e->function;
    struct user u = {.functions = 0};

    if (!f->vpci)
        SKIP("the device is on no virtual PCI bus");
    u.gpa = vpci_window(f);
    u.window = paging_map_mmio(u.gpa, VPCI_WINDOW_SIZE);
    find_functions(&u, f);
    begin(t, &u, f);
    expect_off(t, &u, true);
    for (unsigned i = 0; i < 2; i++) {
        switch_on(t, &u);
        change_hands(t, &u, VARIANT(goings));
        expect_off(t, &u, false);
    }
}
