/* SPDX-License-Identifier: MIT */
/* Interrupts of vPCI: blocks of messages that are made and ended, and messages that move to another
 * processor (reference 5.9). */
#include "abi/msr.h"
#include "drivers/vpci/removal.h"
#include "drivers/vpci/restart.h"
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

#define MASK_BITS      64u
#define LAST_EXCEPTION 15u
#define NO_MESSAGE     BIT(14) /* with this bit of its 16 the data names none of the test's */

#define OTHER_ID(e) ((e)->device_id ^ BIT(16)) /* of a device that may have the same message */

/* Messages with neighboring vectors. */
struct block {
    struct pci_message message[MOST];
    unsigned vector, count;
    bool apart; /* each of a request of its own: the host makes no more by one */
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

/* For the processor of that VP index. A host may refuse more than one message for a request: Linux
 * asks for more for a function without MSI-X only. */
static struct block create_for(struct test_run *t, struct dma_engine *e, uint64_t vp,
                               unsigned vector, unsigned count)
{
    struct block b = {.vector = vector, .count = count};

    b.apart = !vpci_create_messages_for(&e->function, vp, (uint8_t)vector, count, b.message);
    CHECK(!b.apart || (count > 1 && vpci_last_status(&e->function) != NT_STATUS_SUCCESS),
          "the host has no interrupt for the device, or answers with another number of messages");
    for (unsigned i = 0; i < count; i++) {
        b.message[i] = (struct pci_message){b.message[0].address, b.message[0].data + i};
        CHECK(!b.apart || vpci_create_messages_for(&e->function, vp, (uint8_t)(vector + i), 1,
                                                   &b.message[i]),
              "the host has no interrupt for the device");
    }
    return b;
}

/* For the processor that asks. */
static struct block create(struct test_run *t, struct dma_engine *e, unsigned vector,
                           unsigned count)
{
    return create_for(t, e, client_msr(HV_MSR_VP_INDEX), vector, count);
}

/* In the order of the ring: the end of the block is known when the request after it is answered. */
static void delete (struct test_run *t, struct dma_engine *e, const struct block *block)
{
    for (unsigned i = 0; i < (block->apart ? block->count : 1); i++)
        vpci_delete_messages(&e->function, &block->message[i], block->apart ? 1 : block->count);
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

static void expect_block(struct test_run *t, struct dma_engine *e, const struct block *block,
                         const char *when)
{
    cpu_interrupts_off();
    (void)take();
    for (unsigned i = 0; i < block->count; i++) {
        STEP("message %u, %s", i, when);
        expect_only(t, e, &block->message[i], block->vector + i);
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
        STEP("message %u, deleted", i);
        send(t, e, &deleted->message[i]);
    }
    STEP("a message of another block");
    expect_only(t, e, &other->message[0], other->vector);
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
    struct block here, there;

    client_find_second(t, ear);
    ear->vector = VECTOR + 1;
    ear->us = CLIENT_WAIT_US;
    there = create_for(t, e, ear->vp, ear->vector, 1);
    here = create(t, e, VECTOR, 1);
    cpu_interrupts_off();
    (void)take();
    expect_second(t, e, ear, &there.message[0]);
    expect_only(t, e, &here.message[0], VECTOR);
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
    const uint64_t vp = client_msr(HV_MSR_VP_INDEX);
    unsigned vector = VECTOR + 1;

    cpu_interrupts_off();
    (void)take();
    for (unsigned turn = 0; turn < 2; turn++) {
        move_message(t, e, &both.message[0], vector + 1, vp);
        expect_only(t, e, &both.message[0], vector + 1);
        expect_only(t, e, &both.message[1], vector);
        move_message(t, e, &both.message[1], vector + 2, vp);
        expect_only(t, e, &both.message[0], vector + 1);
        expect_only(t, e, &both.message[1], vector + 2);
        vector += 2;
    }
    cpu_interrupts_on();
    delete (t, e, &both);
    pci_message_off(&e->function);
}

/* Two messages for the first processor, in one block, and what hears the second processor. */
struct moving {
    struct ear *ear;
    struct dma_engine *e;
    struct block both;
    uint64_t vp; /* of the first processor */
};

static struct moving two_messages(struct test_run *t)
{
    struct moving m = {.ear = second_memory(t, sizeof(*m.ear))};

    m.e = sender(t);
    m.both = create(t, m.e, VECTOR, 2);
    m.vp = client_msr(HV_MSR_VP_INDEX);
    client_find_second(t, m.ear);
    m.ear->us = CLIENT_WAIT_US;
    return m;
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
    struct moving m = two_messages(t);

    cpu_interrupts_off();
    (void)take();
    for (unsigned vector = VECTOR; vector <= VECTOR + 2; vector += 2) {
        m.ear->vector = vector;
        move_message(t, m.e, &m.both.message[0], vector, m.ear->vp);
        expect_second(t, m.e, m.ear, &m.both.message[0]);
        expect_only(t, m.e, &m.both.message[1], VECTOR + 1);
    }
    for (unsigned vector = VECTOR + 2; vector <= VECTOR + 3; vector++) {
        move_message(t, m.e, &m.both.message[0], vector, m.vp);
        expect_only(t, m.e, &m.both.message[0], vector);
        expect_only(t, m.e, &m.both.message[1], VECTOR + 1);
    }
    cpu_interrupts_on();
    delete (t, m.e, &m.both);
    pci_message_off(&m.e->function);
}

TEST(messages_move_by_a_mask,
     PROMISE("A message that was retargeted by a mask of processors in the place of a set requests "
             "its new vector of the processor in the mask")
     COVERS("BUS-18") ABI() DEVICES(ALL) KINDS("dma")
     STEPS("Two messages for the first processor are created as one block. The first of them is "
           "retargeted by a mask, without a variable header, to another vector of the second "
           "processor, to one of the first processor, and to one of the second again. Both are "
           "sent each time.")
     EXPECTS("RETARGET_DEVICE_INTERRUPT reports SUCCESS. Each message requests its vector of its "
             "processor, and no other.")
     IF_IT_FAILS("The host knows the form with a set of processors alone, or takes the mask for "
                 "the number of a processor. Guests of the first version of vPCI, and those for "
                 "few processors, use the mask: their interrupts never move."))
{
    struct moving m = two_messages(t);

    if (m.vp >= MASK_BITS || m.ear->vp >= MASK_BITS)
        SKIP("the processors have numbers above 63");
    cpu_interrupts_off();
    (void)take();
    for (unsigned turn = 0; turn < 3; turn++) {
        const unsigned vector = VECTOR + 2 + turn;
        const bool there = turn % 2 == 0;

        STEP("retarget by a mask to vector 0x%x of VP %llu", vector, there ? m.ear->vp : m.vp);
        CHECK_SUCCESS(vpci_retarget_message_to_any(&m.e->function, &m.both.message[0], vector,
                                                   BIT(there ? m.ear->vp : m.vp)),
                      "RETARGET_DEVICE_INTERRUPT");
        m.ear->vector = vector;
        if (there)
            expect_second(t, m.e, m.ear, &m.both.message[0]);
        else
            expect_only(t, m.e, &m.both.message[0], vector);
        expect_only(t, m.e, &m.both.message[1], VECTOR + 1);
    }
    cpu_interrupts_on();
    delete (t, m.e, &m.both);
    pci_message_off(&m.e->function);
}

/* One field is wrong, and the others name another vector of another processor. */
enum wrong { WRONG_VECTOR, WRONG_PROCESSOR, NO_PROCESSOR, WRONG_MESSAGE, WRONG_DEVICE, WRONGS };

static enum hv_status move_wrong(const struct dma_engine *e, const struct pci_message *message,
                                 uint64_t vp, enum wrong wrong)
{
    struct pci_function f = e->function;
    struct pci_message named = *message;
    uint64_t mask = wrong == WRONG_PROCESSOR ? BIT(MASK_BITS - 1)
                    : wrong == NO_PROCESSOR  ? 0
                                             : BIT(vp);

    if (wrong == WRONG_MESSAGE)
        named.data ^= (uint32_t)NO_MESSAGE;
    if (wrong == WRONG_DEVICE)
        f.device_id = OTHER_ID(e);
    return vpci_retarget_message_to_any(&f, &named,
                                        wrong == WRONG_VECTOR ? LAST_EXCEPTION : VECTOR + 3, mask);
}

TEST(refused_moves_leave_messages,
     PROMISE("RETARGET_DEVICE_INTERRUPT to no processor, or of no message of the device, is "
             "refused, and the messages stay where they are")
     COVERS("BUS-35") ABI() DEVICES(ALL) KINDS("dma bad-input")
     STEPS("Two messages for the first processor are created as one block. They are retargeted to "
           "a vector of exceptions, to a processor that does not exist and to none, and so that "
           "the data or the device id names no message. All other fields of a call name another "
           "vector of the second processor, if there is one. Both are sent after each of these "
           "calls.")
     EXPECTS("Each call reports an error. Each message requests the vector that it was created "
             "with, of the first processor.")
     IF_IT_FAILS("The host takes the message of another device for that of this one, or stores "
                 "the new place before it judges it: the interrupts of a device are lost, and a "
                 "guest that takes a processor out of use hears nothing of the error."))
{
    struct ear *ear = second_memory(t, sizeof(*ear));
    struct dma_engine *e = sender(t);
    struct block both = create(t, e, VECTOR, 2);

    ear->vp = client_msr(HV_MSR_VP_INDEX);
    if (processor_count() > 1)
        client_find_second(t, ear);
    if (ear->vp >= MASK_BITS - 1 || processors_present() >= MASK_BITS)
        SKIP("there may be a processor with the number 63");
    for (enum wrong wrong = WRONG_VECTOR; wrong < WRONGS; wrong++) {
        if (wrong == WRONG_DEVICE &&
            (device_exists(OTHER_ID(e)) || device_is_reported(OTHER_ID(e))))
            continue;
        for (unsigned i = 0; i < both.count; i++) {
            enum hv_status status = move_wrong(e, &both.message[i], ear->vp, wrong);

            STEP("wrong call %u of message %u: %s", (unsigned)wrong, i, hv_status_name(status));
            CHECK(status != HV_STATUS_SUCCESS, "wrong call %u of message %u is accepted",
                  (unsigned)wrong, i);
        }
        expect_block(t, e, &both, "after refused calls");
    }
    delete (t, e, &both);
    pci_message_off(&e->function);
}

static void expect_form(struct test_run *t, struct dma_engine *e, struct ear *ear)
{
    struct block here = create(t, e, VECTOR, 2),
                 there = create_for(t, e, ear->vp, VECTOR + MOST, 2);

    cpu_interrupts_off();
    (void)take();
    for (unsigned i = 0; i < there.count; i++) {
        ear->vector = there.vector + i;
        expect_second(t, e, ear, &there.message[i]);
    }
    cpu_interrupts_on();
    expect_block(t, e, &here, "of this version");
    delete (t, e, &there);
    delete (t, e, &here);
    pci_message_off(&e->function);
}

TEST(messages_of_each_version,
     PROMISE("CREATE_INTERRUPT makes the messages that it names in the form of each version: as "
             "many, with these vectors, for this processor")
     COVERS("BUS-15") DEVICES(ALL) KINDS("dma")
     STEPS("The connection to VMBus ends, and the bus of the device is brought up by version 1.1 "
           "and no other; then by 1.2, and by 1.4. Each time two messages for the second processor "
           "and two for the first are created as blocks, in the form of the version, and sent.")
     EXPECTS("Each message requests its vector of its processor.")
     IF_IT_FAILS("The host takes the fields of one form for those of another: the mask of "
                 "processors for a number, or one message for all. An older guest loses the "
                 "interrupts of its devices, or all but the first."))
{
    static const uint32_t versions[] = {VPCI_VERSION_1_1, VPCI_VERSION_1_2, VPCI_VERSION_1_4};
    struct ear *ear = second_memory(t, sizeof(*ear));
    struct dma_engine *e = sender(t);
    struct domain *identity = domain_identity(t);

    client_find_second(t, ear);
    ear->us = CLIENT_WAIT_US;
    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        enum vpci_stage stage;
        uint32_t relations;

        (void)vpci_disconnect(VPCI_BY_UNLOAD);
        dma_bus_was_reset(NULL);
        stage = vpci_bring_back_as(&e->function, versions[i], &relations);
        if (stage == VPCI_NO_VERSION)
            continue;
        STEP("version 0x%x", versions[i]);
        CHECK(stage == VPCI_READY, "the bus: %s", vpci_stage_text(stage));
        REQUIRE(dma_reset(e), "the device does not become quiet");
        attach(t, identity, e);
        expect_form(t, e, ear);
    }
}

#define OFFS(ROW, test)                                                                            \
    ROW(test, release, VPCI_RELEASE, WORD(way, "RESOURCES_RELEASED"))                              \
    ROW(test, d0_exit, VPCI_POWER_DOWN, WORD(way, "BUS_D0EXIT"))                                   \
    ROW(test, d0_exit_in_d3, VPCI_SLEEP, WORD(way, "BUS_D0EXIT, after D3,"))

VARIANTS(const enum vpci_release, offs, OFFS);

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
    REQUIRE(VARIANT(offs) == VPCI_RELEASE ? vpci_switch_off(&e->function, VPCI_OFF_BY_RELEASE)
                                          : vpci_let_go(&e->function, VARIANT(offs)),
            "the bus does not answer");
    for (unsigned i = 0; i < both.count; i++) {
        enum hv_status status =
            vpci_retarget_message(&e->function, &both.message[i], (uint8_t)(VECTOR + 2 + i), vp);

        STEP("retarget message %u: %s", i, hv_status_name(status));
        CHECK(status != HV_STATUS_SUCCESS, "message %u is still there", i);
    }
}
