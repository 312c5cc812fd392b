/* SPDX-License-Identifier: MIT */
/* Promises of each PCI device, on a virtual bus as on any other: messages that are masked, and a
 * device that may not be bus master. */
#include "drivers/pci.h"
#include "drivers/vpci/removal.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define VECTOR 0x56u
#define OTHER  0x57u

#define MASKS(ROW, test)                                                                           \
    ROW(test, entry, PCI_MASK_ENTRY, WORD(which, "entry"))                                         \
    ROW(test, function, PCI_MASK_FUNCTION, WORD(which, "function"))

VARIANTS(const enum pci_mask, masks, MASKS);

/* Until the message is pending, or the vector requested after all. */
static bool pends(struct test_run *t, const struct pci_function *f, unsigned vector)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;

    while (!pci_message_pending(f) && !lapic_requested(vector) && time_us() < end)
        cpu_pause();
    return pci_message_pending(f);
}

TEST_EACH(masked_message_by, MASKS,
          PROMISE("A message that is masked by its {which} is pending, and sent once when the mask "
                  "goes")
          COVERS("BUS-16") DEVICES(ALL) KINDS("dma")
          STEPS("MSI-X of the device is masked by the {which}, and the device sends its message, "
                "once without and once with another message in the table before the mask goes. "
                "The mask is set and goes again, and the device sends the message of the two that "
                "was not sent.")
          EXPECTS("While it is masked no vector is requested, and the pending bit is set. When the "
                  "mask goes the vector that the table names then is requested, once, and the bit "
                  "is clear. After the mask went again the vector of the last message alone is "
                  "requested.")
          IF_IT_FAILS("The message of a masked vector is lost or sent. Linux masks a vector while "
                      "it moves it to another processor, and while its handler runs: an interrupt "
                      "is lost, and a queue stands still."))
{
    struct dma_engine *e = device(t);
    const enum pci_mask which = VARIANT(masks);
    struct pci_message message[2];
    bool pending;

    if (!e->ops->interrupt)
        SKIP("the suite cannot have devices of class %s send a message", e->ops->name);
    if (!pci_message_mask(&e->function, which, true))
        SKIP("the device has no MSI-X");
    attach(t, domain_identity(t), e); /* to some a command is DMA */
    REQUIRE(pci_message_create(&e->function, VECTOR, &message[0]) &&
                pci_message_create(&e->function, OTHER, &message[1]),
            "the host has no interrupt for the device");
    cpu_interrupts_off();
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(pci_message_set(&e->function, &message[0]), "the device has no MSI-X");
        pci_message_mask(&e->function, which, true);
        client_take_interrupts();
        (void)dma_interrupt(e);
        drain_faults(t, e);
        pending = pends(t, &e->function, VECTOR);
        CHECK(!lapic_requested(VECTOR), "a masked message is sent");
        CHECK(pending, "it is not pending");
        if (i == 1) /* the entry changes, and is not masked any more */
            pci_message_set(&e->function, &message[1]);
        pci_message_mask(&e->function, which, false);
        CHECK(client_requested(i == 0 ? VECTOR : OTHER, CLIENT_WAIT_US), "it is lost");
        CHECK(i == 0 || !lapic_requested(VECTOR), "the message of before is sent as well");
        CHECK(!pci_message_pending(&e->function), "it stays pending");
        client_take_interrupts();
        pci_message_mask(&e->function, which, true);
        pci_message_mask(&e->function, which, false);
        pci_message_set(&e->function, &message[1 - i]); /* what comes twice comes before it */
        (void)dma_interrupt(e);
        drain_faults(t, e);
        CHECK(client_requested(i == 0 ? OTHER : VECTOR, CLIENT_WAIT_US),
              "the next message is lost");
        CHECK(!lapic_requested(i == 0 ? VECTOR : OTHER), "it is sent twice");
        client_take_interrupts();
    }
    cpu_interrupts_on();
    pci_message_off(&e->function);
    for (unsigned i = 0; i < 2; i++)
        pci_message_delete(&e->function, &message[i]);
}

static void start(struct test_run *t, struct dma_engine *e)
{
    uint64_t end = time_us() + CLIENT_LATE_US;

    if (e->ops->start_fill)
        (void)dma_start_fill(e, IOVA, 16);
    else
        (void)dma_fill(e, IOVA, 16);
    for (unsigned looks = 0; looks < CLIENT_LOOKS || time_us() < end; looks++)
        (void)cpu_load32(e->registers); /* some hosts go on with DMA when they are entered */
    drain_faults(t, e);
}

TEST(no_bus_master,
     PROMISE("A device whose bus mastering is off reaches no memory and sends no message, and "
             "works when it is on again")
     COVERS("BUS-17") DEVICES(ALL) KINDS("dma")
     STEPS("The device writes. Bus mastering goes off, the device is told to write and, where that "
           "is no DMA, to send a message. It is put into a blocking domain, mastering goes on, and "
           "it is reset. Back in its domain, it writes.")
     EXPECTS("While mastering is off nothing of the buffer changes and no vector is requested. The "
             "first write and the last arrive.")
     IF_IT_FAILS("The host takes the bit for memory decoding, or does not look at it. A driver "
                 "that has switched a device off gives its memory to others."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    struct pci_message message;
    uint32_t first = cpu_load32(e->registers);
    bool sends = e->ops->interrupt && !(e->ops->features & DMA_QUEUED) &&
                 pci_message_create(&e->function, VECTOR, &message);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "bus master");
    sends = sends && pci_message_set(&e->function, &message);
    pci_bus_master(&e->function, false);
    start(t, e);
    expect_untouched(t, &b, "no bus master");
    CHECK_EQ(cpu_load32(e->registers), first, "its first register");
    cpu_interrupts_off();
    client_take_interrupts();
    CHECK(!sends || (dma_interrupt(e), !client_requested(VECTOR, CLIENT_LATE_US)),
          "it sends a message");
    cpu_interrupts_on();
    attach(t, domain_blocked(t), e);
    pci_bus_master(&e->function, true);
    if (sends) {
        pci_message_off(&e->function);
        pci_message_delete(&e->function, &message);
    }
    REQUIRE(dma_reset(e), "the device does not become quiet");
    drain_faults(t, e);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 16, "bus master again");
}

static bool on_one_bus(const struct dma_engine *a, const struct dma_engine *b)
{
    return a->function.vpci && a->function.vpci == b->function.vpci;
}

/* A function whose registers are gone does not end its DMA, which is no error of the test. */
static void expect_works(struct test_run *t, struct dma_engine *e, struct buffer *b,
                         const char *when)
{
    CHECK(dma_fill(e, IOVA, 16), "function 0x%llx ends no DMA: %s",
          (unsigned long long)e->device_id, when);
    memset(b->data, POISON_FRESH, 16);
    expect_write(t, e, IOVA, b, 0, 16, when);
}

static void switch_off(struct test_run *t, struct dma_engine *off, struct dma_engine *stays)
{
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    STEP("function 0x%llx is switched off beside 0x%llx", off->device_id, stays->device_id);
    attach(t, d, off);
    attach(t, d, stays);
    warm(t, off, IOVA, &b, "a function");
    pci_bus_master(&off->function, false);
    expect_works(t, stays, &b, "the other is not bus master");
    if (vpci_switch_off(&off->function, VPCI_OFF_BY_POWER))
        expect_works(t, stays, &b, "the other is in D3");
    REQUIRE(vpci_switch_off(&off->function, VPCI_OFF_BY_RELEASE), "a request has no reply");
    expect_works(t, stays, &b, "the other has given its resources back");
}

TEST(functions_are_switched_off_alone,
     PROMISE("A function of a bus that is switched off leaves the other functions of the bus as "
             "they are")
     COVERS("BUS-27") ABI() DEVICES(NONE) KINDS("dma device")
     STEPS("For each bus with two functions: both are attached to a domain. One of them loses bus "
           "mastering, goes to power state D3 if the host takes that, and gives its resources "
           "back. After each step the other one writes.")
     EXPECTS("Each write arrives.")
     IF_IT_FAILS("The host takes the bus for the function: when the driver of one function is "
                 "unloaded, or it sleeps, the others of its bus are dead."))
{
    struct dma_engine *list[DMA_ENGINES_MAX];
    const unsigned count = fast_devices(t, list, 2);
    const void *done[VPCI_BUSES_MAX];
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = i + 1; k < count && found < ARRAY_SIZE(done); k++) {
            bool is_done = false;

            for (unsigned n = 0; n < found; n++)
                is_done = is_done || done[n] == list[i]->function.vpci;
            if (is_done || !on_one_bus(list[i], list[k]))
                continue;
            done[found] = list[i]->function.vpci;
            switch_off(t, list[found % 2 ? k : i], list[found % 2 ? i : k]);
            found++;
        }
    }
    if (found == 0)
        SKIP("no two functions are on one vPCI bus");
}
