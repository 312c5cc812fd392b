/* SPDX-License-Identifier: MIT */
/* Interrupt messages of devices, MSI and MSI-X, whatever translation their DMA is under. */
#include "drivers/pci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "bus"

#define VECTOR  0x52u
#define LOST_US 2000u /* for a message that may be lost */

struct sender {
    struct dma_engine *e;
    struct pci_message message;
};

static struct sender sender(struct test_run *t)
{
    struct sender s = {.e = device(t)};

    if (!s.e->ops->interrupt)
        SKIP("the suite cannot have devices of class %s send a message", s.e->ops->name);
    REQUIRE(pci_message_create(&s.e->function, VECTOR, &s.message),
            "the host has no interrupt for the device");
    REQUIRE(pci_message_set(&s.e->function, &s.message),
            "the device has no message-signaled interrupts");
    STEP("the device sends 0x%x to 0x%llx", s.message.data, s.message.address);
    return s;
}

static void sender_end(const struct sender *s)
{
    pci_message_off(&s->e->function);
    pci_message_delete(&s->e->function, &s->message);
}

enum fate { NOT_SENT, LOST, DELIVERED };

/* The vector is taken afterwards, so that the next one can be told from it. */
static enum fate send(struct test_run *t, const struct sender *s, uint64_t us, const char *when)
{
    const uint64_t end = time_us() + us;
    bool sent, arrived;

    cpu_interrupts_off();
    sent = dma_interrupt(s->e);
    do
        arrived = lapic_requested(VECTOR);
    while (!arrived && time_us() < end);
    cpu_interrupts_on();
    drain_faults(t, s->e);
    STEP("a message of the device, %s: %s", when,
         arrived ? "delivered"
         : sent  ? "lost"
                 : "not sent");
    return arrived ? DELIVERED : sent ? LOST : NOT_SENT;
}

static const char *fate_text(enum fate fate)
{
    return fate == DELIVERED ? "delivered" : fate == LOST ? "lost" : "not sent";
}

TEST(message_of_a_translated_device,
     PROMISE("A message of a device in a paging or identity domain is delivered, though its domain "
             "maps no such address, also after the device was blocked")
     COVERS("TR-13") DEVICES(ALL) KINDS("dma")
     STEPS("Asks for an interrupt and programs it into the MSI or MSI-X capability of the device. "
           "The device sends its message in a paging domain, in a blocking one, in another paging "
           "one and in an identity domain.")
     EXPECTS("The vector is requested at the local APIC in each domain but the blocking one, where "
             "it may be or not. DMA of the device arrives before and after.")
     IF_IT_FAILS("The message is taken for DMA and refused, or the host forgets interrupts with a "
                 "domain: drivers wait for their interrupts in vain."))
{
    struct sender s = sender(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    enum fate first, again, identity;

    attach(t, d, s.e);
    warm(t, s.e, IOVA, &b, "before");
    first = send(t, &s, test_owed_us(t), "in a paging domain");
    attach(t, domain_blocked(t), s.e);
    (void)send(t, &s, LOST_US, "in a blocking domain");
    attach(t, d, s.e);
    warm(t, s.e, IOVA, &b, "after the blocking domain");
    again = send(t, &s, test_owed_us(t), "in the paging domain again");
    attach(t, domain_identity(t), s.e);
    identity = send(t, &s, test_owed_us(t), "in an identity domain");
    sender_end(&s);
    CHECK_EQ(first, DELIVERED, "fate of the message in a paging domain");
    CHECK_EQ(again, DELIVERED, "fate of the message in a paging domain, after a blocking one");
    CHECK_EQ(identity, DELIVERED, "fate of the message in an identity domain");
}

OBSERVATION(message_of_a_blocked_device,
            PROMISE("A message of a blocked or detached device is delivered or lost, and opens "
                    "nothing")
            COVERS("ATT-7 DET-1") ABI() DEVICES(ALL) KINDS("dma fault")
            STEPS("Asks for an interrupt and programs it into the MSI or MSI-X capability of the "
                  "device. The device sends its message in a blocking domain, writes, is moved to "
                  "a paging domain and detached, sends its message again, and writes again, each "
                  "time to an IOVA that is the GPA of a page.")
            EXPECTS("The fate of both messages is recorded. No write arrives.")
            IF_IT_FAILS("A device that is blocked passes through once it has sent an interrupt."))
{
    struct sender s = sender(t);
    struct buffer open = buffer(t, 1), b = buffer(t, 1);
    uint64_t iova = gpa_of(open.data);
    enum fate blocked, detached;

    attach(t, domain_blocked(t), s.e);
    blocked = send(t, &s, LOST_US, "in a blocking domain");
    fill_by_device(t, s.e, iova, 16, "blocked, after a message");
    drain_faults(t, s.e);
    expect_untouched(t, &open, "blocked, after a message");
    attach(t, domain_mapping(t, iova, &b), s.e);
    CHECK_SUCCESS(pviommu_detach(s.e->device_id), "DETACH of an attached device");
    detached = send(t, &s, LOST_US, "in no domain");
    fill_by_device(t, s.e, iova, 16, "detached, after a message");
    drain_faults(t, s.e);
    expect_untouched(t, &open, "detached, after a message");
    expect_untouched(t, &b, "detached, after a message");
    sender_end(&s);
    OBSERVE("a message of a blocked device is %s, of a detached one %s", fate_text(blocked),
            fate_text(detached));
}
