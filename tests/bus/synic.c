/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of the first processor, under VMBus. A list of pages that is
 * described to the host (GPADL_HEADER) makes it send one message, at any time and as often as a
 * test likes.
 */
#include "abi/synic.h"
#include "abi/cpuid.h"
#include "drivers/hypercall.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "lib/string.h"
#include "tests/bus/client.h"

#define TEST_GROUP "bus"

#define SINT  (HV_MSR_SINT0 + VMBUS_SINT)
#define GPADL 0x00770001u
#define PAGES 2u
#define OTHER 0x54u /* another vector */

static volatile struct hv_message *slot_in(uint64_t page)
{
    return (volatile struct hv_message *)gpa_pointer(page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT;
}

static volatile struct hv_message *slot(void)
{
    return slot_in(client_msr(HV_MSR_SIMP));
}

static bool comes(const volatile struct hv_message *slot, uint64_t us)
{
    const uint64_t end = time_us() + us;

    while (slot->type == HV_MESSAGE_FREE && time_us() < end)
        vmbus_give_way();
    return slot->type != HV_MESSAGE_FREE;
}

/* The list of a GPADL_CREATED in the slot; 0: it is another message. Hosts may send them at any
 * time: offers, and types that a guest ignores. */
static uint32_t list_in(const volatile struct hv_message *slot)
{
    struct vmbus_result created;

    memcpy(&created, (const void *)slot->payload, sizeof(created));
    return created.header.type == VMBUS_GPADL_CREATED ? created.id : 0;
}

static void free_slot(void)
{
    __atomic_store_n(&slot()->type, HV_MESSAGE_FREE, __ATOMIC_SEQ_CST);
    cpu_memory_barrier();
    (void)msr_write_safe(HV_MSR_EOM, 0);
}

/* All that the host has to say comes, and its vectors are taken. Interrupts are off. */
static void settle(void)
{
    while (comes(slot(), CLIENT_LATE_US))
        free_slot();
    client_take_interrupts();
}

/* The answer to one of the lists from `first` on, each of which has one; others come before it. */
static uint32_t next_answer(struct test_run *t, uint32_t first, unsigned count, bool last)
{
    const uint64_t end = time_us() + CLIENT_WAIT_US;
    volatile struct hv_message *s = slot();

    while (comes(s, CLIENT_WAIT_US)) {
        uint32_t gpadl = list_in(s) - first;

        while (!(last && gpadl < count) && !(s->flags & HV_MESSAGE_FLAG_PENDING) && time_us() < end)
            vmbus_give_way();
        CHECK((last && gpadl < count) || (s->flags & HV_MESSAGE_FLAG_PENDING) != 0,
              "it does not say that others wait");
        free_slot();
        if (gpadl < count)
            return gpadl;
    }
    return count;
}

TEST(messages_wait_for_the_slot,
     PROMISE("Messages that the host sends while the slot is in use wait, say so, and come one "
             "after the other")
     COVERS("BUS-9") ABI() DEVICES(NONE) KINDS("device")
     STEPS("On a connection of the test's own, lists of pages are described to the host once, "
           "twice, and so on up to five at a time, and no message is taken meanwhile. Then the "
           "slot is freed and EOM written, until all have come.")
     EXPECTS("The message in the slot stays as it is, and its flag says that others wait. After "
             "each EOM another one comes. Each list is answered once.")
     IF_IT_FAILS("The host overwrites the slot, drops what finds it in use, or does not say that "
                 "something waits, so that no guest knows that it has to write EOM. An offer or "
                 "an answer is lost, and the guest waits for it forever."))
{
    enum { MOST = 5 };
    uint32_t next = GPADL;

    client_connect(t);
    cpu_interrupts_off();
    for (unsigned count = 1; count <= MOST; count++) {
        uint32_t first = next, seen = 0;

        settle();
        while (next < first + count) {
            client_describe(t, next++, PAGES);
            (void)comes(slot(), CLIENT_WAIT_US);
        }
        for (unsigned i = 0; i < count; i++) {
            uint32_t gpadl = next_answer(t, first, count, i + 1 == count);

            CHECK(gpadl < count, "message %u of %u does not come", i + 1, count);
            CHECK(!(seen >> gpadl & 1), "it comes twice");
            seen |= 1u << gpadl;
        }
    }
    cpu_interrupts_on();
}

/* One message, by the SINT as it is now. It is in the slot. */
static bool answered(struct test_run *t, uint32_t gpadl, uint64_t us)
{
    const uint64_t end = time_us() + us;

    client_describe(t, gpadl, PAGES);
    do {
        if (!comes(slot(), us))
            return false;
        if (list_in(slot()) == gpadl)
            return true;
        free_slot();
    } while (time_us() < end);
    return false;
}

static void expect_vector(struct test_run *t, unsigned vector, uint32_t gpadl, const char *when)
{
    CHECK(answered(t, gpadl, CLIENT_WAIT_US) && client_requested(vector, CLIENT_WAIT_US),
          "no message, or no vector 0x%x, %s", vector, when);
    free_slot();
    settle();
}

TEST(waiting_messages_request_vectors,
     PROMISE("A message that has waited for the slot requests the vector of its SINT when an EOM "
             "brings it")
     COVERS("BUS-10") ABI() DEVICES(NONE) KINDS("device")
     STEPS("The SINT of VMBus has a vector. Four lists of pages are described to the host, and "
           "the vectors that come meanwhile are taken. The slot is freed and EOM written, until "
           "all have come.")
     EXPECTS("The vector is requested after each EOM that brings a message.")
     IF_IT_FAILS("The host takes the guest for one that looks at the slot again after an EOM. A "
                 "guest that returns from its handler hears of the next message with the one "
                 "after it, or never."))
{
    enum { WAITING = 4 };

    client_connect(t);
    cpu_interrupts_off();
    client_set_msr(t, SINT, CLIENT_VECTOR);
    settle();
    for (uint32_t i = 0; i < WAITING; i++)
        client_describe(t, GPADL + i, PAGES);
    CHECK(comes(slot(), CLIENT_WAIT_US), "no message");
    (void)client_requested(CLIENT_VECTOR, CLIENT_LATE_US);
    client_take_interrupts();
    for (unsigned i = 1; i < WAITING; i++) {
        free_slot();
        CHECK(comes(slot(), CLIENT_WAIT_US), "message %u of %u does not come", i + 1, WAITING);
        CHECK(client_requested(CLIENT_VECTOR, CLIENT_WAIT_US), "message %u of %u has no vector",
              i + 1, WAITING);
        client_take_interrupts();
    }
    cpu_interrupts_on();
}

TEST(masked_sint_is_silent,
     PROMISE("A SINT requests its vector while it is not masked, the present one, and none while "
             "it is masked")
     COVERS("BUS-10") ABI() DEVICES(NONE) KINDS("device")
     STEPS("The SINT of VMBus gets a vector and a message, another vector and a message, is "
           "masked and gets a message, which may come then or later or be lost, and is unmasked "
           "and gets a message.")
     EXPECTS("Each message requests the vector that the SINT has then, and no other; none is "
             "requested while it is masked. After it was unmasked all is as before.")
     IF_IT_FAILS("The host keeps the vector or the mask of an earlier write: the guest takes an "
                 "interrupt on a processor or in a state in which it has no handler, or waits for "
                 "one that never comes."))
{
    uint32_t gpadl = GPADL;
    bool came;

    client_connect(t);
    cpu_interrupts_off();
    settle();
    client_set_msr(t, SINT, CLIENT_VECTOR);
    expect_vector(t, CLIENT_VECTOR, gpadl++, "at first");
    client_set_msr(t, SINT, OTHER);
    expect_vector(t, OTHER, gpadl++, "after a change");
    CHECK(!client_requested(CLIENT_VECTOR, 0), "the vector of before is requested");
    client_set_msr(t, SINT, HV_SINT_MASKED | OTHER);
    came = answered(t, gpadl++, CLIENT_LATE_US);
    CHECK(!client_requested(OTHER, CLIENT_LATE_US), "a masked vector is requested");
    client_set_msr(t, SINT, OTHER);
    (void)msr_write_safe(HV_MSR_EOM, 0);
    STEP("a message for a masked SINT comes %s", came                            ? "meanwhile"
                                                 : comes(slot(), CLIENT_LATE_US) ? "afterwards"
                                                                                 : "never");
    settle();
    expect_vector(t, OTHER, gpadl++, "after the mask");
    cpu_interrupts_on();
}

TEST(polling_sint_is_silent,
     PROMISE("A SINT in polling mode gets its messages, and requests no vector")
     COVERS("BUS-23") ABI() DEVICES(NONE) KINDS("device")
     STEPS("If CPUID offers polling mode, the SINT of VMBus is set to it with a vector, and a "
           "list of pages described. The SINT leaves it, another list is described, and both "
           "happen again with another vector.")
     EXPECTS("Each list is answered. The vector is requested each time but in polling mode.")
     IF_IT_FAILS("The host injects a vector for which a guest that polls, such as a kernel that "
                 "writes its last words, has no handler, or forgets to inject them afterwards."))
{
    uint32_t gpadl = GPADL;

    if (!(hypercall_init()->features_edx & HV_CPUID_FEATURES_EDX_SINT_POLLING))
        SKIP("the host has no polling mode of SINTs");
    client_connect(t);
    cpu_interrupts_off();
    for (unsigned vector = CLIENT_VECTOR; vector <= OTHER; vector++) {
        client_set_msr(t, SINT, HV_SINT_POLLING | vector);
        CHECK(answered(t, gpadl++, CLIENT_WAIT_US), "no message in polling mode");
        CHECK(!client_requested(vector, CLIENT_LATE_US), "a vector in polling mode");
        settle();
        client_set_msr(t, SINT, vector);
        expect_vector(t, vector, gpadl++, "after polling mode");
    }
    cpu_interrupts_on();
}

static void *page_of(uint64_t value)
{
    return gpa_pointer(value & HV_SYNIC_PAGE_GPFN);
}

/* Returns what the register was. */
static uint64_t move(struct test_run *t, uint32_t msr, uint64_t gpa)
{
    uint64_t old = client_msr(msr), now = gpa | (old & ~HV_SYNIC_PAGE_GPFN);

    memset(page_of(now), 0, PAGE_SIZE);
    client_set_msr(t, msr, now);
    memset(page_of(now), 0, PAGE_SIZE); /* an overlay brings its own */
    return old;
}

TEST(synic_pages_move,
     PROMISE("Messages and event flags go to the page that SIMP and SIEFP name now")
     COVERS("BUS-19") ABI() DEVICES(NONE) KINDS("device")
     STEPS("A channel is open, and a message and an event flag come. SIMP is set to another page, "
           "and a list of pages described. SIEFP is set to another page, and a request sent on "
           "the channel. Then both go back, and it happens again.")
     EXPECTS("The message and the flag are in the new page each time, and nothing changes in the "
             "page of before.")
     IF_IT_FAILS("The host keeps the first address. It writes into a page that the guest uses for "
                 "something else by then, and the guest hears of nothing any more."))
{
    const struct vmbus_opening opening = {.interrupts = true};
    uint64_t simp = gpa_of(buffer(t, 1).data), siefp = gpa_of(buffer(t, 1).data);
    struct vmbus_channel *channel;
    uint32_t id;

    client_connect(t);
    channel = client_open(t, 0, 0, &opening);
    id = channel->offer->channel_id;
    CHECK(client_flag(page_of(client_msr(HV_MSR_SIEFP)), id, CLIENT_WAIT_US), "no event flag");
    for (uint32_t i = 0; i < 2; i++) {
        cpu_interrupts_off();
        settle();
        cpu_interrupts_on();
        simp = move(t, HV_MSR_SIMP, simp & HV_SYNIC_PAGE_GPFN);
        siefp = move(t, HV_MSR_SIEFP, siefp & HV_SYNIC_PAGE_GPFN);
        memset(page_of(siefp), 0, PAGE_SIZE);
        CHECK(answered(t, GPADL + i, CLIENT_WAIT_US) && slot_in(simp)->type == HV_MESSAGE_FREE,
              "message in the wrong page, or none");
        client_round_trip(t, channel);
        CHECK(client_flag(page_of(client_msr(HV_MSR_SIEFP)), id, CLIENT_WAIT_US) &&
                  !client_flag(page_of(siefp), id, 0),
              "event flag in the wrong page, or none");
        free_slot();
    }
}
