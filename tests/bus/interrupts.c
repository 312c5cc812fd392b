/* SPDX-License-Identifier: MIT */
/* Interrupts of vPCI: blocks of messages that are made and ended, and messages that move to another
 * processor (reference 5.9). */
#include "abi/msr.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define VECTOR  0x60u
#define VECTORS 0x20u
#define MOST    8u

struct block {
    struct pci_message first;
    unsigned vector, count;
};

static struct dma_engine *sender(struct test_run *t)
{
    struct dma_engine *e = device(t);

    if (!e->function.vpci)
        SKIP("the device is on no virtual PCI bus");
    if (!e->ops->interrupt)
        SKIP("the suite cannot have devices of class %s send a message", e->ops->name);
    attach(t, domain_identity(t), e); /* to some a command is DMA */
    return e;
}

static struct block create(struct test_run *t, struct dma_engine *e, unsigned vector,
                           unsigned count)
{
    struct block block = {.vector = vector, .count = count};

    CHECK(vpci_create_messages(&e->function, (uint8_t)vector, count, &block.first),
          "the host has no interrupt for the device");
    return block;
}

/* In the order of the ring: the end of the block is known when the request after it is answered. */
static void delete (struct test_run *t, struct dma_engine *e, const struct block *block)
{
    vpci_delete_messages(&e->function, &block->first, block->count);
    REQUIRE(vpci_round_trip(&e->function), "a request has no reply");
}

/* The first of the test's vectors that is requested, and all are taken; 0: none. */
static unsigned requested(uint64_t us)
{
    const uint64_t end = time_us() + us;
    unsigned found = 0;

    do
        for (unsigned i = 0; i < VECTORS && found == 0; i++)
            if (lapic_requested(VECTOR + i))
                found = VECTOR + i;
    while (found == 0 && time_us() < end);
    client_take_interrupts();
    return found;
}

/* For CLIENT_WAIT_US where a vector has to come, and for CLIENT_LATE_US where none must. */
static unsigned send(struct test_run *t, struct dma_engine *e, const struct pci_message *message,
                     uint64_t us)
{
    unsigned found;

    cpu_interrupts_off();
    REQUIRE(pci_message_set(&e->function, message),
            "the device has no message-signaled interrupts");
    (void)requested(0);
    (void)dma_interrupt(e);
    found = requested(us);
    cpu_interrupts_on();
    drain_faults(t, e);
    return found;
}

static void expect_block(struct test_run *t, struct dma_engine *e, const struct block *block,
                         const char *when)
{
    for (unsigned i = 0; i < block->count; i++) {
        const struct pci_message message = {block->first.address, block->first.data + i};

        STEP("message %u, %s", i, when);
        CHECK_EQ(send(t, e, &message, CLIENT_WAIT_US), block->vector + i, "vector of the message");
    }
}

TEST(blocks_of_messages,
     PROMISE("The messages of a block request neighboring vectors until the block is deleted, and "
             "its end leaves other blocks as they are")
     COVERS("BUS-15") DEVICES(ALL) KINDS("dma")
     STEPS("For one, two, four and eight messages: three blocks are created, and each message is "
           "sent. The one in the middle is deleted, and all messages are sent. It is created "
           "again, the other two are deleted, and its messages are sent.")
     EXPECTS("Each message of a block that is there requests its own vector. A deleted one "
             "requests none.")
     IF_IT_FAILS("The host counts a block as one message, or ends the wrong messages: the next "
                 "interrupt of another device or queue is lost, or comes to a vector that has a "
                 "new owner."))
{
    struct dma_engine *e = sender(t);

    for (unsigned count = 1; count <= MOST; count *= 2) {
        struct block a = create(t, e, VECTOR, count), b = create(t, e, VECTOR + MOST, count),
                     c = create(t, e, VECTOR + 2 * MOST, count);

        expect_block(t, e, &a, "all are there");
        expect_block(t, e, &b, "all are there");
        expect_block(t, e, &c, "all are there");
        delete (t, e, &b);
        expect_block(t, e, &a, "beside a deleted block");
        expect_block(t, e, &c, "beside a deleted block");
        for (unsigned i = 0; i < count; i++) {
            const struct pci_message message = {b.first.address, b.first.data + i};

            STEP("message %u, deleted", i);
            CHECK_EQ(send(t, e, &message, CLIENT_LATE_US), 0, "vector of the message");
        }
        b = create(t, e, VECTOR + MOST, count);
        delete (t, e, &a);
        delete (t, e, &c);
        expect_block(t, e, &b, "created again");
        delete (t, e, &b);
    }
    pci_message_off(&e->function);
}

TEST(moved_messages,
     PROMISE("A message that was retargeted requests its new vector of its new processor, and the "
             "other messages stay where they are")
     COVERS("BUS-18") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("Two messages for the first processor are created as one block. The first of them is "
           "retargeted to another vector of the second processor, and both are sent. It is "
           "retargeted to a third vector of the first processor, and both are sent.")
     EXPECTS("RETARGET_DEVICE_INTERRUPT reports SUCCESS. Each message requests its vector of its "
             "processor, and no other.")
     IF_IT_FAILS("The host keeps the old processor or the old vector, or moves the whole block. "
                 "Linux moves interrupts so when it takes a processor out of use, or balances "
                 "them, and loses them from then on."))
{
    struct ear *ear = second_memory(t, sizeof(*ear));
    struct dma_engine *e = sender(t);
    struct block both = create(t, e, VECTOR, 2);
    const struct pci_message other = {both.first.address, both.first.data + 1};
    unsigned found;

    client_find_second(t, ear);
    ear->vector = VECTOR + 2;
    ear->us = CLIENT_WAIT_US;
    CHECK_SUCCESS(vpci_retarget_message(&e->function, &both.first, VECTOR + 2, ear->vp),
                  "RETARGET_DEVICE_INTERRUPT");
    client_second_listens(t, ear);
    found = send(t, e, &both.first, CLIENT_LATE_US);
    CHECK(client_second_heard(t, ear) && found == 0,
          "no vector of the second processor, or one of the first");
    CHECK_EQ(send(t, e, &other, CLIENT_WAIT_US), VECTOR + 1, "vector of the message");
    CHECK_SUCCESS(
        vpci_retarget_message(&e->function, &both.first, VECTOR + 3, client_msr(HV_MSR_VP_INDEX)),
        "RETARGET_DEVICE_INTERRUPT");
    CHECK_EQ(send(t, e, &both.first, CLIENT_WAIT_US), VECTOR + 3, "vector of the message");
    CHECK_EQ(send(t, e, &other, CLIENT_WAIT_US), VECTOR + 1, "vector of the message");
    delete (t, e, &both);
    pci_message_off(&e->function);
}
