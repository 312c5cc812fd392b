/* SPDX-License-Identifier: MIT */
/* Interrupts of vPCI: blocks of messages that are made and ended, and messages that move to another
 * processor (reference 5.9). */
#include "abi/msr.h"
#include "drivers/vpci/removal.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define VECTOR 0x60u /* and the 31 after it: of one register of the local APIC */
#define MOST   8u

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

/* Of the test's vectors those that are requested, bit n for VECTOR + n. All are taken. */
static uint32_t take(void)
{
    uint32_t requested = lapic_requested_of(VECTOR);

    client_take_interrupts();
    return requested;
}

static void send(struct test_run *t, struct dma_engine *e, const struct pci_message *message)
{
    REQUIRE(pci_message_set(&e->function, message),
            "the device has no message-signaled interrupts");
    (void)dma_interrupt(e);
    drain_faults(t, e);
}

/* The message requests that vector. It comes after all that the device has sent before, so that
 * what an earlier message requests shows by now. Interrupts have been off since then. */
static void expect_only(struct test_run *t, struct dma_engine *e, const struct pci_message *message,
                        unsigned vector)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    uint32_t found;

    send(t, e, message);
    for (unsigned looks = 0;
         lapic_requested_of(VECTOR) == 0 && (looks < CLIENT_LOOKS || time_us() < end); looks++)
        give_way();
    found = take();
    CHECK(found != 0, "no vector of the test is requested, 0x%x is to be", vector);
    CHECK_EQ(VECTOR + (unsigned)__builtin_ctz(found), vector, "vector of the message");
    CHECK_EQ(found, BIT(vector - VECTOR), "vectors that are requested, from 0x60 on");
}

static struct pci_message message_of(const struct block *block, unsigned i)
{
    return (struct pci_message){block->first.address, block->first.data + i};
}

static void expect_block(struct test_run *t, struct dma_engine *e, const struct block *block,
                         const char *when)
{
    cpu_interrupts_off();
    (void)take();
    for (unsigned i = 0; i < block->count; i++) {
        const struct pci_message message = message_of(block, i);

        STEP("message %u, %s", i, when);
        expect_only(t, e, &message, block->vector + i);
    }
    cpu_interrupts_on();
}

/* No message of the deleted block requests anything, and one of the other block does. */
static void expect_deleted(struct test_run *t, struct dma_engine *e, const struct block *deleted,
                           const struct block *other)
{
    cpu_interrupts_off();
    (void)take();
    for (unsigned i = 0; i < deleted->count; i++) {
        const struct pci_message message = message_of(deleted, i);

        STEP("message %u, deleted", i);
        send(t, e, &message);
    }
    STEP("a message of another block");
    expect_only(t, e, &other->first, other->vector);
    cpu_interrupts_on();
}

TEST(blocks_of_messages,
     PROMISE("The messages of a block request neighboring vectors until the block is deleted, and "
             "its end leaves other blocks as they are")
     COVERS("BUS-15") DEVICES(ALL) KINDS("dma")
     STEPS("For one, two, four and eight messages: three blocks are created, and the messages of "
           "the one in the middle are sent. It is deleted, and all messages are sent, its own "
           "followed by one of another block. It is created again, the other two are deleted, and "
           "its messages are sent.")
     EXPECTS("Each message of a block that is there requests its own vector. By the time at which "
             "the message after them has requested its vector, no deleted one has requested any.")
     IF_IT_FAILS("The host counts a block as one message, or ends the wrong messages: the next "
                 "interrupt of another device or queue is lost, or comes to a vector that has a "
                 "new owner."))
{
    struct dma_engine *e = sender(t);

    for (unsigned count = 1; count <= MOST; count *= 2) {
        struct block a = create(t, e, VECTOR, count), b = create(t, e, VECTOR + MOST, count),
                     c = create(t, e, VECTOR + 2 * MOST, count);

        expect_block(t, e, &b, "all are there");
        delete (t, e, &b);
        expect_block(t, e, &a, "beside a deleted block");
        expect_block(t, e, &c, "beside a deleted block");
        expect_deleted(t, e, &b, &c);
        b = create(t, e, VECTOR + MOST, count);
        delete (t, e, &a);
        delete (t, e, &c);
        expect_block(t, e, &b, "created again");
        delete (t, e, &b);
    }
    pci_message_off(&e->function);
}

static void expect_second(struct test_run *t, struct dma_engine *e, struct ear *ear,
                          const struct pci_message *message)
{
    bool heard;

    client_second_listens(t, ear);
    send(t, e, message);
    heard = client_second_heard(t, ear);
    CHECK_EQ(take(), 0, "vectors of the first processor, from 0x60 on");
    CHECK(heard, "no vector of the second processor");
}

TEST(messages_for_another_processor,
     PROMISE("A message that is created for a virtual processor requests its vector there, and on "
             "no other")
     COVERS("BUS-15") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("A message for the second processor and one for the first are created. The first one "
           "is sent while the second processor listens, then the other one.")
     EXPECTS("Each requests its vector of its processor.")
     IF_IT_FAILS("The host takes the processor that asks, or the first, for the one that the "
                 "request names: the driver of a device with a queue for each processor gets all "
                 "interrupts on one of them, or none."))
{
    struct ear *ear = second_memory(t, sizeof(*ear));
    struct dma_engine *e = sender(t);
    struct block here, there = {.vector = VECTOR + 1, .count = 1};

    client_find_second(t, ear);
    ear->vector = there.vector;
    ear->us = CLIENT_WAIT_US;
    CHECK(vpci_create_messages_for(&e->function, ear->vp, (uint8_t)there.vector, 1, &there.first),
          "the host has no interrupt for the second processor");
    here = create(t, e, VECTOR, 1);
    cpu_interrupts_off();
    (void)take();
    expect_second(t, e, ear, &there.first);
    expect_only(t, e, &here.first, VECTOR);
    cpu_interrupts_on();
    delete (t, e, &there);
    delete (t, e, &here);
    pci_message_off(&e->function);
}

static void move_message(struct test_run *t, struct dma_engine *e,
                         const struct pci_message *message, unsigned vector, uint64_t vp)
{
    STEP("retarget to vector 0x%x of VP %llu", vector, (unsigned long long)vp);
    CHECK_SUCCESS(vpci_retarget_message(&e->function, message, (uint8_t)vector, vp),
                  "RETARGET_DEVICE_INTERRUPT");
}

TEST(messages_change_vectors,
     PROMISE("A message that was retargeted to another vector of the same processor requests that "
             "vector")
     COVERS("BUS-18") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("Two messages for the first processor are created as one block. One after the other is "
           "retargeted to another vector of that processor, twice, and both are sent each time.")
     EXPECTS("RETARGET_DEVICE_INTERRUPT reports SUCCESS. Each message requests its vector, and no "
             "other.")
     IF_IT_FAILS("The host takes a message that stays on its processor for one that does not "
                 "change. Linux changes vectors so when it needs the old one for another device."))
{
    struct dma_engine *e = sender(t);
    struct block both = create(t, e, VECTOR, 2);
    const struct pci_message second = {both.first.address, both.first.data + 1};
    const uint64_t vp = client_msr(HV_MSR_VP_INDEX);
    unsigned vector = VECTOR + 1;

    cpu_interrupts_off();
    (void)take();
    for (unsigned turn = 0; turn < 2; turn++) {
        move_message(t, e, &both.first, vector + 1, vp);
        expect_only(t, e, &both.first, vector + 1);
        expect_only(t, e, &second, vector);
        move_message(t, e, &second, vector + 2, vp);
        expect_only(t, e, &both.first, vector + 1);
        expect_only(t, e, &second, vector + 2);
        vector += 2;
    }
    cpu_interrupts_on();
    delete (t, e, &both);
    pci_message_off(&e->function);
}

TEST(moved_messages,
     PROMISE("A message that was retargeted requests its new vector of its new processor, and the "
             "other messages stay where they are")
     COVERS("BUS-18") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("Two messages for the first processor are created as one block. The first of them is "
           "retargeted to the same vector of the second processor, to another vector there, to "
           "that vector of the first processor, and to a third one. Both are sent each time.")
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
    const uint64_t vp = client_msr(HV_MSR_VP_INDEX);

    client_find_second(t, ear);
    ear->us = CLIENT_WAIT_US;
    cpu_interrupts_off();
    (void)take();
    for (unsigned vector = VECTOR; vector <= VECTOR + 2; vector += 2) {
        ear->vector = vector;
        move_message(t, e, &both.first, vector, ear->vp);
        expect_second(t, e, ear, &both.first);
        expect_only(t, e, &other, VECTOR + 1);
    }
    for (unsigned vector = VECTOR + 2; vector <= VECTOR + 3; vector++) {
        move_message(t, e, &both.first, vector, vp);
        expect_only(t, e, &both.first, vector);
        expect_only(t, e, &other, VECTOR + 1);
    }
    cpu_interrupts_on();
    delete (t, e, &both);
    pci_message_off(&e->function);
}

enum off { BY_RELEASE, BY_D0_EXIT };

#define OFFS(ROW, test)                                                                            \
    ROW(test, release, BY_RELEASE, WORD(way, "RESOURCES_RELEASED"))                                \
    ROW(test, d0_exit, BY_D0_EXIT, WORD(way, "BUS_D0EXIT"))

VARIANTS(const enum off, offs, OFFS);

TEST_EACH(messages_end_by, OFFS,
          PROMISE("{way} ends the messages of a function")
          COVERS("BUS-15") ABI() DEVICES(ALL) KINDS("dma")
          STEPS("Two messages are created as one block, and the device sends them. {way} is sent "
                "for the function or its bus. Both messages are retargeted to another vector.")
          EXPECTS("Each message requests its vector before. RETARGET_DEVICE_INTERRUPT reports an "
                  "error afterwards.")
          IF_IT_FAILS("The host keeps messages until the channel is closed. A driver that is "
                      "loaded again and again uses them up, and a device that goes to another "
                      "owner has those of the one before."))
{
    struct dma_engine *e = sender(t);
    struct block both = create(t, e, VECTOR, 2);
    const uint64_t vp = client_msr(HV_MSR_VP_INDEX);

    expect_block(t, e, &both, "before");
    REQUIRE(VARIANT(offs) == BY_RELEASE ? vpci_switch_off(&e->function, VPCI_OFF_BY_RELEASE)
                                        : vpci_let_go(&e->function, VPCI_POWER_DOWN),
            "the bus does not answer");
    for (unsigned i = 0; i < both.count; i++) {
        const struct pci_message message = message_of(&both, i);
        enum hv_status status =
            vpci_retarget_message(&e->function, &message, (uint8_t)(VECTOR + 2 + i), vp);

        STEP("retarget message %u: %s", i, hv_status_name(status));
        CHECK(status != HV_STATUS_SUCCESS, "message %u is still there", i);
    }
}
