/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of the first processor, under VMBus. A list of pages that is
 * described to the host (GPADL_HEADER) makes it send one message, at any time and as often as a
 * test likes.
 */
#include "abi/synic.h"
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
        cpu_pause();
    return slot->type != HV_MESSAGE_FREE;
}

/* The list of a GPADL_CREATED in the slot, which is free afterwards; 0: it is another message. */
static uint32_t take(volatile struct hv_message *slot)
{
    struct vmbus_result created;

    memcpy(&created, (const void *)slot->payload, sizeof(created));
    __atomic_store_n(&slot->type, HV_MESSAGE_FREE, __ATOMIC_SEQ_CST);
    cpu_memory_barrier();
    return created.header.type == VMBUS_GPADL_CREATED ? created.id : 0;
}

static void end_of_message(void)
{
    (void)msr_write_safe(HV_MSR_EOM, 0);
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
    volatile struct hv_message *s;
    uint32_t next = GPADL;

    client_connect(t);
    s = slot();
    cpu_interrupts_off();
    for (unsigned count = 1; count <= MOST; count++) {
        uint32_t first = next, seen = 0;

        while (next < first + count) {
            client_describe(t, next++, PAGES);
            (void)comes(s, CLIENT_WAIT_US);
        }
        for (unsigned i = 0; i < count; i++) {
            const uint64_t end = time_us() + CLIENT_WAIT_US;
            const bool last = i + 1 == count;
            uint32_t gpadl;

            CHECK(comes(s, CLIENT_WAIT_US), "message %u of %u does not come", i + 1, count);
            while (!last && !(s->flags & HV_MESSAGE_FLAG_PENDING) && time_us() < end)
                cpu_pause();
            CHECK(last || (s->flags & HV_MESSAGE_FLAG_PENDING) != 0,
                  "it does not say that others wait");
            gpadl = take(s) - first;
            CHECK(gpadl < count && !(seen >> gpadl & 1), "it comes twice, or is another one");
            seen |= 1u << gpadl;
            end_of_message();
        }
    }
    cpu_interrupts_on();
}

/* One message, by the SINT as it is now. */
static bool answered(struct test_run *t, uint32_t gpadl, uint64_t us)
{
    volatile struct hv_message *s = slot();

    client_describe(t, gpadl, PAGES);
    return comes(s, us);
}

static void free_slot(void)
{
    (void)take(slot());
    end_of_message();
}

static void expect_vector(struct test_run *t, unsigned vector, uint32_t gpadl, const char *when)
{
    CHECK(answered(t, gpadl, CLIENT_WAIT_US) && client_requested(vector, CLIENT_WAIT_US),
          "no message, or no vector 0x%x, %s", vector, when);
    free_slot();
    client_take_interrupts();
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
    client_set_msr(t, SINT, CLIENT_VECTOR);
    expect_vector(t, CLIENT_VECTOR, gpadl++, "at first");
    client_set_msr(t, SINT, OTHER);
    expect_vector(t, OTHER, gpadl++, "after a change");
    CHECK(!client_requested(CLIENT_VECTOR, 0), "the vector of before is requested");
    client_set_msr(t, SINT, HV_SINT_MASKED | OTHER);
    came = answered(t, gpadl++, CLIENT_LATE_US);
    CHECK(!client_requested(OTHER, CLIENT_LATE_US), "a masked vector is requested");
    client_set_msr(t, SINT, OTHER);
    end_of_message();
    STEP("a message for a masked SINT comes %s", came                            ? "meanwhile"
                                                 : comes(slot(), CLIENT_LATE_US) ? "afterwards"
                                                                                 : "never");
    free_slot();
    client_take_interrupts();
    expect_vector(t, OTHER, gpadl++, "after the mask");
    cpu_interrupts_on();
}
