/* SPDX-License-Identifier: MIT */
/* Registers of the synthetic interrupt controller: what they hold, and whose they are (reference
 * 2.1). */
#include "abi/msr.h"
#include "abi/synic.h"
#include "kernel/trap.h"
#include "tests/bus/client.h"
#include "tests/harness/second_processor.h"

#define TEST_GROUP "bus"

#define VECTOR_FIRST 0x60u /* of SINT 0 */

static const uint32_t pages[] = {HV_MSR_SIEFP, HV_MSR_SIMP};
#define PAGES ARRAY_SIZE(pages)

/* From second_memory(). */
struct registers {
    uint64_t sint[HV_SINTS], page[PAGES];
};

static void read_all(void *argument)
{
    struct registers *r = argument;

    for (uint32_t i = 0; i < HV_SINTS; i++)
        r->sint[i] = client_msr(HV_MSR_SINT0 + i);
    for (uint32_t i = 0; i < PAGES; i++)
        r->page[i] = client_msr(pages[i]);
}

static void expect_all(struct test_run *t, const struct registers *now,
                       const struct registers *wanted, const char *whose)
{
    for (uint32_t i = 0; i < HV_SINTS; i++)
        CHECK(now->sint[i] == wanted->sint[i], "SINT%u of the %s processor is 0x%llx, not 0x%llx",
              i, whose, (unsigned long long)now->sint[i], (unsigned long long)wanted->sint[i]);
    for (uint32_t i = 0; i < PAGES; i++)
        CHECK(now->page[i] == wanted->page[i], "MSR 0x%x of the %s processor is 0x%llx", pages[i],
              whose, (unsigned long long)now->page[i]);
}

/* That of VMBus stays as it is: the suite needs it. */
static void write_all(struct test_run *t, struct registers *r, unsigned turn)
{
    for (uint32_t i = 0; i < HV_SINTS; i++) {
        if (i == VMBUS_SINT)
            continue;
        r->sint[i] = HV_SINT_MASKED | (VECTOR_FIRST + turn * HV_SINTS + i);
        CHECK(client_try_msr(HV_MSR_SINT0 + i, r->sint[i]), "SINT%u does not take 0x%llx", i,
              (unsigned long long)r->sint[i]);
    }
}

TEST(sints_are_apart,
     PROMISE("Each SINT of each processor keeps the value that was written to it last")
     COVERS("BUS-36") ABI() DEVICES(NONE) KINDS("device")
     STEPS("All SINTs of the first processor but that of VMBus get a vector each and a mask, "
           "twice, and all registers of both processors are read after each time. Then the SINTs "
           "have their old values again.")
     EXPECTS("Each register has the value that was written to it; that of VMBus, the pages of "
             "messages and flags, and all registers of the second processor have that of before.")
     IF_IT_FAILS("The host keeps one register for several SINTs, or for several processors: a "
                 "timer or a debugger that uses a SINT of its own takes away the interrupts of "
                 "VMBus, or a second processor those of the first."))
{
    struct registers *second = second_memory(t, sizeof(*second));
    struct registers old, wanted, now, second_old;

    client_connect(t);
    need_second(t);
    CHECK_EQ(client_msr(HV_MSR_SVERSION), HV_SVERSION_1, "SVERSION");
    read_all(&old);
    wanted = old;
    on_second(t, read_all, second);
    second_old = *second;
    for (unsigned turn = 0; turn < 2; turn++) {
        write_all(t, &wanted, turn);
        read_all(&now);
        expect_all(t, &now, &wanted, "first");
        on_second(t, read_all, second);
        expect_all(t, second, &second_old, "second");
    }
    for (uint32_t i = 0; i < HV_SINTS; i++)
        (void)client_try_msr(HV_MSR_SINT0 + i, old.sint[i]);
}

TEST(sints_have_vectors_of_interrupts,
     PROMISE("A SINT that is not masked takes any vector from 16 on, and a write of a lower one "
             "raises #GP and changes nothing")
     COVERS("BUS-36") ABI() DEVICES(NONE) KINDS("device bad-input")
     STEPS("Each SINT but that of VMBus, which has a vector and a mask, gets the vectors 0, 2, 8, "
           "14 and 15 without a mask, and then 16 and 255. Then it has its old value again.")
     EXPECTS("The first five raise #GP, and the register keeps its value. The others are taken.")
     IF_IT_FAILS("The host injects what the guest takes for an exception, or counts vectors from "
                 "another number on."))
{
    static const uint64_t low[] = {0, 2, 8, 14, 15}, high[] = {16, 255};

    client_connect(t);
    for (uint32_t i = 0; i < HV_SINTS; i++) {
        const uint32_t msr = HV_MSR_SINT0 + i;
        const uint64_t old = client_msr(msr), kept = HV_SINT_MASKED | VECTOR_FIRST;

        if (i == VMBUS_SINT)
            continue;
        client_set_msr(t, msr, kept);
        for (unsigned n = 0; n < ARRAY_SIZE(low); n++) {
            enum trap_vector written = msr_write_safe(msr, low[n]);

            CHECK(written == TRAP_GP, "SINT%u takes the vector %llu", i,
                  (unsigned long long)low[n]);
            CHECK(client_msr(msr) == kept, "SINT%u is 0x%llx after #GP", i,
                  (unsigned long long)client_msr(msr));
        }
        for (unsigned n = 0; n < ARRAY_SIZE(high); n++)
            CHECK(client_try_msr(msr, high[n]), "SINT%u does not take the vector %llu", i,
                  (unsigned long long)high[n]);
        (void)client_try_msr(msr, old);
    }
}
