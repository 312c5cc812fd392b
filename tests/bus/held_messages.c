/* SPDX-License-Identifier: MIT */
/*
 * Messages that move while a device holds them (reference 5.9).
 *
 * The other tests of messages write a message into the device each time before it is sent, and a
 * host that has not moved it in the device does so at that write. Here the device gets its message
 * once, and no register of MSI or MSI-X is written after that.
 */
#include "abi/msr.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define VECTOR 0x60u /* and the 31 after it: of one register of the local APIC */

static const struct move {
    unsigned vector;
    bool there; /* to the second processor */
    bool again; /* retargeted once more, without a message in between */
} moves[] = {
    {VECTOR + 1, false, false}, /* another vector */
    {VECTOR + 1, true, false},  /* another processor */
    {VECTOR + 2, true, false},  {VECTOR + 2, false, false},
    {VECTOR + 3, true, false}, /* both */
    {VECTOR + 4, false, false}, {VECTOR + 4, true, true},
    {VECTOR + 5, true, true},   {VECTOR + 6, false, false},
    {VECTOR + 7, false, false}, {VECTOR + 7, false, false}, /* neither */
};

/* Of the test's vectors those that are requested here, bit n for VECTOR + n. All are taken. */
static uint32_t take(void)
{
    uint32_t requested = lapic_requested_of(VECTOR);

    client_take_interrupts();
    return requested;
}

static void send(struct test_run *t, struct dma_engine *e)
{
    (void)dma_interrupt(e);
    drain_faults(t, e);
}

static void expect_here(struct test_run *t, struct dma_engine *e, unsigned vector)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;

    send(t, e);
    for (unsigned looks = 0;
         lapic_requested_of(VECTOR) == 0 && (looks < CLIENT_LOOKS || time_us() < end); looks++)
        give_way();
    CHECK_EQ(take(), BIT(vector - VECTOR), "vectors that are requested, from 0x60 on");
}

static void expect_there(struct test_run *t, struct dma_engine *e, struct ear *ear, unsigned vector)
{
    bool heard;

    ear->vector = vector;
    client_second_listens(t, ear);
    send(t, e);
    heard = client_second_heard(t, ear);
    CHECK_EQ(take(), 0, "vectors of the first processor, from 0x60 on");
    CHECK(heard, "vector 0x%x of the second processor is not requested", vector);
}

TEST(held_message_moves,
     PROMISE("A message that is retargeted while a device holds it requests its new vector of its "
             "new processor at once")
     COVERS("BUS-18") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("A message for the first processor is created, and written into the device once. It is "
           "retargeted: to another vector of the same processor, to the same vector of another "
           "processor, to another vector of another processor, back, to where it is, and several "
           "times without a message in between. The device sends after each, and no register of "
           "MSI or MSI-X is written any more.")
     EXPECTS("RETARGET_DEVICE_INTERRUPT reports SUCCESS. Each message requests the vector of the "
             "last retarget of its processor, and no other.")
     IF_IT_FAILS("The host knows where the message leads, and leaves the old place in the device "
                 "or in the table of interrupt remapping. Linux moves a message while the device "
                 "is at work, and loses interrupts from then on."))
{
    struct ear *ear = second_memory(t, sizeof(*ear));
    struct dma_engine *e = device(t);
    struct pci_message message;
    uint64_t vp;

    if (!e->function.vpci)
        SKIP("the device is on no virtual PCI bus");
    if (!e->ops->interrupt)
        SKIP("the suite cannot have devices of class %s send a message", e->ops->name);
    attach(t, domain_identity(t), e); /* to some a command is DMA */
    vp = client_msr(HV_MSR_VP_INDEX);
    client_find_second(t, ear);
    ear->us = CLIENT_WAIT_US;
    CHECK(vpci_create_messages(&e->function, VECTOR, 1, &message),
          "the host has no interrupt for the device");
    cpu_interrupts_off();
    (void)take();
    REQUIRE(pci_message_set(&e->function, &message),
            "the device has no message-signaled interrupts");
    expect_here(t, e, VECTOR);
    for (unsigned i = 0; i < ARRAY_SIZE(moves); i++) {
        const struct move *move = &moves[i];

        STEP("retarget %u, to vector 0x%x of %s", i, move->vector, processor_name(move->there));
        CHECK_SUCCESS(vpci_retarget_message(&e->function, &message, (uint8_t)move->vector,
                                            move->there ? ear->vp : vp),
                      "RETARGET_DEVICE_INTERRUPT");
        if (!move->again && move->there)
            expect_there(t, e, ear, move->vector);
        else if (!move->again)
            expect_here(t, e, move->vector);
    }
    cpu_interrupts_on();
    vpci_delete_messages(&e->function, &message, 1);
    REQUIRE(vpci_round_trip(&e->function), "a request has no reply");
    pci_message_off(&e->function);
}
