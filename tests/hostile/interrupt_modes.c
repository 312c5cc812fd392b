/* SPDX-License-Identifier: MIT */
/*
 * Delivery modes that a guest must not choose: SMI executes code that the guest has written outside
 * of every translation, INIT takes a processor away from its host, and on the first one starts the
 * firmware.
 *
 * Entries are written masked, and read back. A host that keeps such a mode has the hole; nothing
 * happens yet.
 */
#define TEST_GROUP "hostile"
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/hostile.h"

#define MSR_APIC_BASE    0x1Bu
#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define MSR_X2APIC       0x800u
#define XAPIC_PAGE       0xFEE00000ull
#define MESSAGES         0xFEE01000ull

#define REGISTER_ID           0x20u
#define REGISTER_COMMAND      0x300u
#define REGISTER_COMMAND_HIGH 0x310u
#define ENTRY_TIMER           0x320u
#define ENTRY_ERROR           0x370u
#define ENTRY_BYTES           0x10u

#define ENTRY_MASKED  BIT(16)
#define MODE(entry)   ((entry) >> 8 & 7)
#define MODE_SMI      2u
#define MODE_NMI      4u
#define MODE_INIT     5u
#define WITH_MODE(m)  ((uint64_t)(m) << 8)
#define SHORTHAND_ALL BITS(19, 19)
#define SELF_VECTOR   0xD5u

static bool is_bad(uint64_t entry)
{
    return MODE(entry) == MODE_SMI || MODE(entry) == MODE_INIT;
}

STRESS(local_entries_by_msr,
       PROMISE("No entry of the local vector table has delivery mode SMI or INIT after a WRMSR")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Writes each of the MSRs 0x832 to 0x837 with delivery modes SMI and INIT, masked, "
             "then with NMI, and reads each back. Writes an ICR with mode SMI.")
       EXPECTS("#GP for SMI and INIT, and the old value stays. NMI is accepted, or refused.")
       IF_IT_FAILS("The guest executes code in system management mode, where neither nested paging "
                   "nor any intercept reaches it."))
{
    need_integrity(t, NULL);
    if (!(cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC))
        need_second(t); /* its start switches the x2APIC on */
    for (unsigned offset = ENTRY_TIMER; offset <= ENTRY_ERROR; offset += ENTRY_BYTES) {
        uint32_t msr = MSR_X2APIC + offset / 16;
        uint64_t old = 0, now = 0;

        if (msr_read_safe(msr, &old) != TRAP_NONE)
            continue;
        for (unsigned mode = MODE_SMI; mode <= MODE_INIT; mode += MODE_INIT - MODE_SMI) {
            enum trap_vector vector = msr_write_safe(msr, ENTRY_MASKED | WITH_MODE(mode));

            now = cpu_rdmsr(msr);
            (void)msr_write_safe(msr, old);
            CHECK(!is_bad(now), "MSR 0x%x keeps delivery mode %u: 0x%llx", msr, mode,
                  (unsigned long long)now);
            CHECK_EQ(vector, TRAP_GP, "exception of WRMSR with such a mode");
        }
        (void)msr_write_safe(msr, ENTRY_MASKED | WITH_MODE(MODE_NMI));
        (void)msr_write_safe(msr, old);
        CHECK_EQ(cpu_rdmsr(msr), old, "the entry after its old value was written");
    }
    CHECK_EQ(
        msr_write_safe(MSR_X2APIC + REGISTER_COMMAND / 16, WITH_MODE(MODE_SMI) | SHORTHAND_ALL),
        TRAP_GP, "exception of an SMI to all processors");
}

/* The second processor's view with its APIC in xAPIC mode. */
struct seen {
    uint64_t id, id_after;
    uint64_t entry[(ENTRY_ERROR - ENTRY_TIMER) / ENTRY_BYTES + 1][2]; /* after SMI and after INIT */
    enum trap_vector vector;
    bool done;
};

static uint64_t page_read(unsigned offset)
{
    uint64_t value = 0;

    (void)load_caught(XAPIC_PAGE + offset, 4, &value);
    return value;
}

static void page_write(struct seen *s, unsigned offset, uint64_t value)
{
    enum trap_vector vector = store_caught(XAPIC_PAGE + offset, 4, value);

    if (vector != TRAP_NONE)
        s->vector = vector;
}

static void try_entries(struct seen *s)
{
    for (unsigned i = 0; i < ARRAY_SIZE(s->entry); i++) {
        unsigned offset = ENTRY_TIMER + i * ENTRY_BYTES;
        uint64_t old = page_read(offset);

        page_write(s, offset, ENTRY_MASKED | WITH_MODE(MODE_SMI));
        s->entry[i][0] = page_read(offset);
        page_write(s, offset, ENTRY_MASKED | WITH_MODE(MODE_INIT));
        s->entry[i][1] = page_read(offset);
        page_write(s, offset, old);
    }
}

static void in_xapic_mode(void *argument)
{
    struct seen *s = argument;
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

    cpu_wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    cpu_wrmsr(MSR_APIC_BASE, (base & ~APIC_BASE_X2APIC) | APIC_BASE_ENABLE);
    s->vector = TRAP_NONE;
    s->id = page_read(REGISTER_ID);
    try_entries(s);
    page_write(s, REGISTER_ID, ~s->id);
    s->id_after = page_read(REGISTER_ID);
    page_write(s, REGISTER_ID, s->id);
    /* Commands that take processors away: SMI to all, INIT of the first processor, INIT of oneself.
     */
    page_write(s, REGISTER_COMMAND, WITH_MODE(MODE_SMI) | SHORTHAND_ALL);
    page_write(s, REGISTER_COMMAND_HIGH, 0);
    page_write(s, REGISTER_COMMAND, WITH_MODE(MODE_INIT) | BIT(14));
    page_write(s, REGISTER_COMMAND_HIGH, s->id);
    page_write(s, REGISTER_COMMAND, WITH_MODE(MODE_INIT) | BIT(14));
    /* QEMU takes this store for a message. */
    page_write(s, 0, WITH_MODE(MODE_INIT));
    cpu_wrmsr(MSR_APIC_BASE, base);
    lapic_init_other();
    s->done = true;
}

STRESS(local_entries_by_page,
       PROMISE("The page of the xAPIC lets no entry have delivery mode SMI or INIT, and no command "
               "stops a processor that is not to be stopped")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("The second processor goes from x2APIC to xAPIC mode. It writes each entry of its "
             "local vector table with delivery modes SMI and INIT, masked, and reads it back; "
             "writes another APIC id; and writes commands: SMI to all, INIT to the first processor "
             "and to itself. Then it goes back to x2APIC mode.")
       EXPECTS("No entry has such a mode, the id is as before, and both processors go on.")
       IF_IT_FAILS("The host watches the MSRs of the x2APIC, and not the page by which the same "
                   "registers are reached."))
{
    struct seen *s = second_memory(t, sizeof(*s));

    need_integrity(t, NULL);
    need_second(t);
    if (!lapic_has_x2apic())
        SKIP("this processor has no x2APIC");
    REQUIRE(cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC, "the x2APIC is off");
    (void)paging_map_mmio(XAPIC_PAGE, PAGE_SIZE);
    on_second(t, in_xapic_mode, s);
    CHECK(s->done, "the second processor did not come back to x2APIC mode");
    for (unsigned i = 0; i < ARRAY_SIZE(s->entry); i++) {
        CHECK(!is_bad(s->entry[i][0]) && !is_bad(s->entry[i][1]),
              "entry 0x%x keeps 0x%llx and 0x%llx", ENTRY_TIMER + i * ENTRY_BYTES,
              (unsigned long long)s->entry[i][0], (unsigned long long)s->entry[i][1]);
    }
    CHECK_EQ(s->id_after, s->id, "APIC id after another one was written");
    CHECK_EQ(s->vector, TRAP_NONE, "exception of a store to the page");
}

STRESS(messages_by_store,
       PROMISE("A store of the processor to the range of interrupt messages sends none")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Stores to addresses above the page of the local APIC, each with the data of a "
             "message with a fixed vector.")
       EXPECTS("#GP for each, and the vector is not requested.")
       IF_IT_FAILS("The machine takes such a store for a message, and with it any delivery mode: "
                   "SMI, INIT."))
{
    need_integrity(t, NULL);
    (void)paging_map_mmio(MESSAGES, 0x100000 - PAGE_SIZE);
    cpu_interrupts_off();
    for (uint64_t at = MESSAGES; at < XAPIC_PAGE + 0x100000; at += 0x11000) {
        enum trap_vector vector = store_caught(at, 4, SELF_VECTOR);
        bool requested = lapic_requested(SELF_VECTOR);

        STEP("store at 0x%llx: exception %llu", at, vector);
        CHECK(!requested, "the store at 0x%llx has sent a message", (unsigned long long)at);
        CHECK_EQ(vector, TRAP_GP, "exception of the store");
    }
    cpu_interrupts_on();
}

#define IOAPIC             0xFEC00000ull
#define IOAPIC_WINDOW      0x10u
#define IOAPIC_REDIRECTION 0x10u
#define IOAPIC_ENTRIES     24u
#define STORE_SIZES        4u /* 1, 2, 4 and 8 bytes */
#define WAYS               (3 * STORE_SIZES)

static uint64_t io_apic_read(uint64_t index)
{
    uint64_t value = 0;

    (void)store_caught(IOAPIC, 4, index);
    (void)load_caught(IOAPIC + IOAPIC_WINDOW, 4, &value);
    return value;
}

static void io_apic_write(uint64_t index, unsigned size, uint64_t alias, uint64_t value)
{
    (void)store_caught(IOAPIC, 4, index);
    (void)store_caught(IOAPIC + IOAPIC_WINDOW + alias, size, value);
}

/* Stores of one size at the window or at one of its aliases. */
static void expect_no_bad_mode(struct test_run *t, unsigned entry, unsigned size, uint64_t alias)
{
    uint64_t index = IOAPIC_REDIRECTION + 2 * entry, now;

    io_apic_write(index, size, alias, ENTRY_MASKED | WITH_MODE(MODE_SMI));
    io_apic_write(index, size, alias + 1, (ENTRY_MASKED | WITH_MODE(MODE_INIT)) >> 8);
    now = io_apic_read(index);
    CHECK(!is_bad(now), "entry %u is 0x%llx after stores of %u bytes", entry,
          (unsigned long long)now, size);
    io_apic_write(index, size, alias, ENTRY_MASKED | WITH_MODE(MODE_INIT));
    now = io_apic_read(index);
    CHECK(!is_bad(now), "entry %u is 0x%llx after a store of %u bytes", entry,
          (unsigned long long)now, size);
}

STRESS(io_apic_entries,
       PROMISE("No entry of an I/O APIC has delivery mode SMI or INIT, by whatever store")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Writes each redirection entry with delivery modes SMI and INIT, masked, with stores "
             "of 1, 2, 4 and 8 bytes, at the window and at its aliases, and reads the entry back: "
             "the first and the last entry in each of these twelve ways, each other one in one of "
             "them.")
       EXPECTS("No entry has such a mode; a right entry is accepted.")
       IF_IT_FAILS("An interrupt of any device becomes an SMI, or an INIT that starts the firmware "
                   "outside of the host."))
{
    static const uint64_t aliases[] = {0, 0x100, 0xF00};

    need_integrity(t, NULL);
    (void)paging_map_mmio(IOAPIC, PAGE_SIZE);
    for (unsigned i = 0; i < IOAPIC_ENTRIES; i++) {
        uint64_t index = IOAPIC_REDIRECTION + 2 * i, old = io_apic_read(index), now;

        for (unsigned k = 0; k < WAYS; k++)
            if (i == 0 || i == IOAPIC_ENTRIES - 1 || k == i % WAYS)
                expect_no_bad_mode(t, i, 1u << k % STORE_SIZES, aliases[k / STORE_SIZES]);
        io_apic_write(index, 4, 0, ENTRY_MASKED | SELF_VECTOR);
        now = io_apic_read(index);
        io_apic_write(index, 4, 0, old);
        CHECK_EQ(now & 0xFFFF, SELF_VECTOR, "entry after a right one was written");
    }
}
