/* SPDX-License-Identifier: MIT */
/* Shared virtual addressing: what a process may not do its device may not do either, and what the
 * kernel keeps for itself. */
#include "kernel/paging_bits.h"
#include "lib/string.h"
#include "tests/harness/process.h"
#include "tests/harness/user_programs.h"

#define TEST_GROUP "sva"

TEST(read_only_page,
     PROMISE("A page that the process may only read, its code included, cannot be written by the "
             "device")
     COVERS("TR-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("A process maps a page for reading. The device reads it and tries to write the result "
           "back, which also leaves the translation in every cache, and then it tries plain writes "
           "to this page and to the program's code. The program loads from the page and then "
           "stores to it.")
     EXPECTS("No byte of the page or of the code changes, the load works, and the store is a page "
             "fault.")
     IF_IT_FAILS("The host lets a write through a leaf without R/W, or checks the permission only "
                 "when it walks the table and not when the translation comes from a cache."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ), code = user_process_code(&p->user);
    uint8_t before[64];

    REQUIRE(PROCESS_CALL(t, p, program_load, at, 0, 0, 0) == POISON_FRESH,
            "the program cannot read its page");
    memcpy(before, gpa_pointer(*leaf_entry(t, p->domain, code) & PTE_ADDRESS), sizeof(before));
    attach(t, p->domain, e);
    read_and_try_to_write(t, e, at, 64);
    expect_untouched(t, &b, "write back to a read-only page");
    /* A write that a cached entry refuses leaves no record on QEMU's unit, so the class is checked
     * where nothing is cached. */
    expect_write_fault(t, e, at + 128, 64, &b, FAULT_ANY, "write to a read-only page");
    expect_write_fault(t, e, code, sizeof(before), NULL, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "write to the code");
    CHECK(memcmp(before, gpa_pointer(*leaf_entry(t, p->domain, code) & PTE_ADDRESS),
                 sizeof(before)) == 0,
          "the device has changed the program's code");
    REQUIRE(PROCESS_CALL(t, p, program_load, at, 0, 0, 0) == POISON_FRESH,
            "the program cannot read its page any more");
    PROCESS_START(t, p, program_store, at, 1, 0, 0);
    process_expect_fault(t, p, at, true, true);
}

TEST(write_protected_later,
     PROMISE("A page that a process may no longer write is write-protected for the device after "
             "INVLPG and a list flush")
     COVERS("FL-2 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Program and device write to a page. The kernel takes R/W out of its entry, drops it "
           "from the processor's TLB and flushes the page by a list. Both write again.")
     EXPECTS("The device's write is dropped, and the program gets a page fault.")
     IF_IT_FAILS("The flush left a writable translation behind: in the IOTLB, in a cache of table "
                 "entries, or in the device's TLB."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE);

    REQUIRE(PROCESS_CALL(t, p, program_store, at, POISON_FRESH, 0, 0) == POISON_FRESH,
            "the program cannot write");
    attach(t, p->domain, e);
    expect_write(t, e, at, &b, 0, 64, "writable page");
    *leaf_entry(t, p->domain, at) &= ~PTE_WRITABLE;
    STEP("clear R/W in the entry of 0x%llx", at);
    process_flush(t, p, at, PAGE_SIZE);
    flush_list(t, p->domain, at, PAGE_SIZE);
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_WRITE_DENIED, "write-protected page");
    PROCESS_START(t, p, program_store, at, 1, 0, 0);
    process_expect_fault(t, p, at, true, true);
}

TEST(copy_on_write,
     PROMISE("After copy-on-write the device of a process reaches the copy and not the page of the "
             "other process")
     COVERS("FL-2 LS-1") DEVICES(ALL) KINDS("dma flush")
     STEPS("Two processes have one page, read-only for both. The first one's device reads it. The "
           "program stores to it, the kernel takes the page fault, copies the page, points the "
           "entry at the copy, drops the old one from the processor's TLB, flushes it by a list, "
           "and lets the store go on. Then the device writes.")
     EXPECTS("Store and DMA are in the copy, and the other process still sees the original.")
     IF_IT_FAILS("After a change of target the flush left the old target somewhere, so that the "
                 "device writes to memory that now belongs to the other process alone; or it left "
                 "the old permission, so that the write is lost."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e), *other = process_new(t);
    struct buffer original = buffer(t, 1), copy = buffer(t, 1);
    uint64_t at = process_map(t, p, &original, USER_READ),
             theirs = process_map(t, other, &original, USER_READ);

    attach(t, p->domain, e);
    read_and_try_to_write(t, e, at, 64);
    PROCESS_START(t, p, program_store, at + 2000, 0x5E, 0, 0);
    process_expect_fault(t, p, at + 2000, true, true);
    retarget(t, p->domain, at, gpa_of(copy.data));
    *leaf_entry(t, p->domain, at) |= PTE_WRITABLE | PTE_DIRTY;
    process_flush(t, p, at, PAGE_SIZE);
    flush_list(t, p->domain, at, PAGE_SIZE);
    REQUIRE(process_finish(t, p) == 0x5E && copy.data[2000] == 0x5E,
            "the program's store did not reach the copy");
    copy.data[2000] = POISON_FRESH;
    expect_write(t, e, at, &copy, 0, PAGE_SIZE, "the copy");
    expect_untouched(t, &original, "the page that the other process has alone now");
    CHECK_EQ(PROCESS_CALL(t, other, program_count_other, theirs, PAGE_SIZE, POISON_FRESH, 0), 0,
             "bytes that changed for the other process");
}

static void describe_bits(const char **a, const char **d, uint64_t entry)
{
    *a = entry & PTE_ACCESSED ? "set" : "clear";
    *d = entry & PTE_DIRTY ? "set" : "clear";
}

OBSERVATION(accessed_and_dirty,
            PROMISE("A and D of the entry that a device and a processor share: set by the device's "
                    "access, ignored, or required")
            COVERS("TR-8") DEVICES(ALL) KINDS("dma flush")
            STEPS("The entry of a page starts with A and D clear. The device writes to the page, "
                  "and the entry is read. A and D are cleared again, with INVLPG and a flush, and "
                  "the program stores to the page.")
            EXPECTS("Whatever the host does with A and D, nothing else of the entry changes; the "
                    "processor sets both.")
            IF_IT_FAILS("The host writes a table entry with something else than A and D, although "
                        "tables belong to the guest."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE), ad = PTE_MARKS;
    uint64_t *entry = leaf_entry(t, p->domain, at), clear = *entry & ~ad;
    const char *a[2], *d[2];
    bool landed;

    *entry = clear;
    process_flush(t, p, at, PAGE_SIZE);
    attach(t, p->domain, e);
    landed = may_write(t, e, at + 8, &b, 8, 8, "entry without A and D");
    describe_bits(&a[0], &d[0], *entry);
    CHECK_EQ(*entry & ~ad, clear, "the entry but for A and D");
    *entry = clear;
    process_flush(t, p, at, PAGE_SIZE);
    flush(t, p->domain);
    REQUIRE(PROCESS_CALL(t, p, program_store, at, 1, 0, 0) == 1, "the program cannot write");
    describe_bits(&a[1], &d[1], *entry);
    CHECK_EQ(*entry & ~ad, clear, "the entry but for A and D, after the program's store");
    OBSERVE("device's write %s; device: A %s, D %s; processor: A %s, D %s",
            landed ? "landed" : "was refused", a[0], d[0], a[1], d[1]);
}

OBSERVATION(kernel_pages,
            PROMISE("Whether a device that shares a process's page table reaches what the kernel "
                    "has mapped for itself")
            COVERS("TR-9") DEVICES(ALL) KINDS("dma")
            STEPS("The page table of a process also maps the kernel, with U/S clear, as the "
                  "processor needs it. The device writes to a kernel address through it, and to a "
                  "page of the process whose U/S bit was cleared. The program tries both, too.")
            EXPECTS("No expectation for the device: the ABI leaves a clear U/S bit to the host. "
                    "The program gets page faults. Nothing but the bytes that were aimed at may "
                    "change.")
            IF_IT_FAILS("A DMA went elsewhere. A host that lets the writes through is within the "
                        "ABI, and a guest must then keep the kernel out of a table that it gives "
                        "to a device."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1), secret = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE);
    bool by_leaf, by_kernel;

    *leaf_entry(t, p->domain, at) &= ~PTE_USER;
    process_flush(t, p, at, PAGE_SIZE);
    attach(t, p->domain, e);
    by_leaf = may_write(t, e, at, &b, 0, 64, "leaf with U/S clear");
    by_kernel = may_write(t, e, gpa_of(secret.data), &secret, 0, 64, "kernel address");
    PROCESS_START(t, p, program_store, at, 1, 0, 0);
    process_expect_fault(t, p, at, true, true);
    PROCESS_START(t, p, program_store, gpa_of(secret.data), 1, 0, 0);
    process_expect_fault(t, p, gpa_of(secret.data), true, true);
    OBSERVE("write through a leaf with U/S clear %s; write to a kernel address %s",
            by_leaf ? "landed" : "was refused", by_kernel ? "landed" : "was refused");
}

/* Lets `d`, which maps nothing of its own there, share all tables below the process's GiB. */
static void share_gib(struct test_run *t, struct domain *d, const struct process *p,
                      const struct buffer *spare)
{
    const unsigned gib = 2; /* the level of entries that span it */
    struct stage1_walk ours, theirs;

    map(t, d, p->space.base, spare, STAGE1_READ);
    REQUIRE(stage1_walk(&d->table, p->space.base, &ours) == STAGE1_OK &&
                stage1_walk(p->space.table, user_process_code(&p->user), &theirs) == STAGE1_OK,
            "our own mappings are gone");
    *ours.entry[gib] = *theirs.entry[gib];
    STEP("domain 0x%llx shares the tables below the process's GiB at 0x%llx", d->id, p->space.base);
}

TEST(kernel_left_out,
     PROMISE("A device whose top table shares only the process's part reaches the process and "
             "nothing of the kernel")
     COVERS("ATT-4 TR-1 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A device has a top table of its own, which shares only the tables below the process's "
           "part of the address space. It comes from an identity domain, where it has written to a "
           "kernel page. In the new domain it exchanges bytes with the program, and tries the "
           "kernel page again. Then the process gives a page up, with INVLPG and a flush of the "
           "device's domain.")
     EXPECTS("The device reaches the process's pages and not the kernel page, and it loses what "
             "the process gives up.")
     IF_IT_FAILS("A translation of the identity domain is still cached after ATTACH, or a flush "
                 "does not reach tables below a shared entry."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct domain *identity = domain_identity(t),
                  *d = domain_paging_with(t, p->space.levels, PAGE_SIZE);
    struct buffer secret = buffer(t, 1), spare = buffer(t, 1), b = buffer(t, 2);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE);

    PROCESS_CALL(t, p, program_fill, at, b.size, 2, 0);
    share_gib(t, d, p, &spare);
    process_stage(t, p, d, e);
    attach(t, identity, e);
    expect_write(t, e, gpa_of(secret.data), &secret, 0, 64, "identity: the kernel's page");
    attach(t, d, e);
    expect_write_fault(t, e, gpa_of(secret.data), 64, &secret, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "the kernel's page");
    invert_by_device(t, e, at, b.size, b.data, "the process's pages");
    CHECK_EQ(PROCESS_CALL(t, p, program_count_wrong, at, b.size, 2, 0xFF), 0,
             "bytes that the device did not invert");
    process_unmap(t, p, at, PAGE_SIZE);
    flush(t, d);
    buffer_refresh(&b);
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "page that the process gave up");
    expect_write(t, e, at + PAGE_SIZE, &b, PAGE_SIZE, 64, "page that it kept");
}
