/* SPDX-License-Identifier: MIT */
/*
 * Shared virtual addressing: a process's own page table, the one in CR3, is the stage-1 table of a
 * device's domain. Program and device use the same addresses, and what changes for the one has to
 * change for the other.
 *
 * A driver builds tables for one reader, the IOMMU. A process's table has two readers, and each has
 * caches of its own. A change needs INVLPG for the processor and a flush call for the device, and
 * the page may be reused only after both. A host that relies on a side effect (an intercepted
 * INVLPG, a CR3 write that it sees, its own shadow tables) is right as long as the guest does all
 * of this on one processor and in the usual order. These tests take the steps apart: the
 * processor's caches are flushed without a hypercall, a page is mapped without any flush, a table
 * is given back after a list flush of just the range that it mapped.
 *
 * Each exchange goes both ways, since a stale entry on one side looks like a correct one on the
 * other: the program fills a page, the device inverts it, and the program counts the bytes that are
 * not inverted. The data depends on a seed that differs from one exchange to the next.
 *
 * The tree holds more than a driver would build (reference 5): data has XD set, which the fixture
 * asks the host about, and the kernel's part has US clear. The access of a device to that part is
 * open (TR-9), so only an observation aims at it; a guest that wants a promise gives the device a
 * top table of its own (sva.kernel_left_out).
 *
 * Two things could hide a defect. A page that the program touches first is loaded with its accessed
 * bit set, and a host that writes the bit back late could put a cleared entry back:
 * sva.stays_unmapped looks for that. A process that ends frees its top table while CR3 still names
 * it: sva.process_ends (processes.c) blocks the device first, and reuses the table at once.
 */
#include "kernel/paging_bits.h"
#include "lib/string.h"
#include "tests/harness/flush_ways.h"
#include "tests/harness/process.h"
#include "tests/harness/user_programs.h"

#define TEST_GROUP "sva"

/* A program fills it, a device inverts it, and the program looks. */
static void exchange(struct test_run *t, struct process *p, struct dma_engine *e, uint64_t at,
                     const uint8_t *bytes, uint64_t length, uint64_t seed)
{
    PROCESS_CALL(t, p, program_fill, at, length, seed, 0);
    STEP("device 0x%llx inverts %llu bytes at 0x%llx", e->device_id, length, at);
    invert_by_device(t, e, at, length, bytes, "the process's bytes");
    CHECK_EQ(PROCESS_CALL(t, p, program_count_wrong, at, length, seed, 0xFF), 0,
             "bytes that the program does not see as the device inverted them");
}

TEST(same_addresses,
     PROMISE("A process and a device that share the page table in CR3 see the same bytes at the "
             "same addresses")
     COVERS("TR-1 TR-2 CFG-1 ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("A process gets two pages. Its page table becomes the stage-1 table of a domain, by the "
           "root that is in CR3, and a device is attached. A program at CPL 3 fills bytes across "
           "the page boundary, the device reads and inverts them at the same address, and the "
           "program looks. Then the device writes and the program looks again.")
     EXPECTS("Program and device see each other's bytes at one address, high in the address space.")
     IF_IT_FAILS("The host does not walk the table that CONFIGURE named, takes a wrong index for a "
                 "high address, or goes on with the translation that the device had before."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 2);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE);

    process_stage(t, p, p->domain, e);
    attach(t, p->domain, e);
    exchange(t, p, e, at + 100, b.data + 100, 5000, random_u64(&t->random));
    if (e->ops->features & DMA_SHOWS_READS) {
        PROCESS_CALL(t, p, program_fill, at, 64, 1, 0);
        expect_read(t, e, at, 64, b.data, "what the program wrote");
    }
    STEP("device 0x%llx writes 20 bytes at 0x%llx", e->device_id, at + PAGE_SIZE - 10);
    fill_by_device(t, e, at + PAGE_SIZE - 10, 20, "DMA");
    CHECK_EQ(
        PROCESS_CALL(t, p, program_count_other, at + PAGE_SIZE - 10, 20, e->ops->fill_value, 0), 0,
        "bytes of the device's write that the program does not see");
}

TEST(new_page_needs_no_flush,
     PROMISE("A page that the process maps where none was is there for the device at once, without "
             "a flush")
     COVERS("FL-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device tries an address that the process has not mapped. Then the program asks for "
           "a page there, gets it by a system call without any hypercall, and fills it. The device "
           "inverts what it finds at the address.")
     EXPECTS("The first access faults, the second reaches the new page.")
     IF_IT_FAILS("The host remembers that an entry was not present; the ABI has no call by which a "
                 "guest announces a new mapping."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer old = buffer(t, 1), b = buffer(t, 1);
    uint64_t at = process_map(t, p, &old, USER_READ_WRITE) + PAGE_SIZE;
    struct system_call call;

    need_promise(t, IOMMU_SEES_EDITS_LATE, "it sees an entry that becomes present without a call");
    process_stage(t, p, p->domain, e);
    attach(t, p->domain, e);
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "before the process maps it");
    PROCESS_START(t, p, program_ask_and_fill, at, PAGE_SIZE, 3, 0);
    call = process_run(t, p, 0);
    REQUIRE(call.number == USER_CALL_FIRST && call.first == at,
            "the program asks for something else");
    process_map_at(t, p, at, gpa_of(b.data), PAGE_SIZE, USER_READ_WRITE);
    REQUIRE(process_finish(t, p) == 0, "the program did not end well");
    invert_by_device(t, e, at, PAGE_SIZE, b.data, "the new page");
    CHECK_EQ(PROCESS_CALL(t, p, program_count_wrong, at, PAGE_SIZE, 3, 0xFF), 0,
             "bytes of the new page that the device did not invert");
    drain_faults(t, e);
}

/* Unmaps as munmap() does in an operating system that shares its page tables. The page has another
 * owner right after.
 */
static void unmap_and_reuse(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e), *other = process_new(t);
    struct buffer b = buffer(t, 3), kept = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE), elsewhere;

    process_map(t, p, &kept, USER_READ_WRITE);
    process_stage(t, p, p->domain, e);
    attach(t, p->domain, e);
    exchange(t, p, e, at, b.data, b.size, 5);
    process_unmap(t, p, at, b.size);
    way(t, p->domain, at, b.size);
    buffer_refresh(&b);
    elsewhere = process_map(t, other, &b, USER_READ_WRITE);
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "first page, now another process's");
    expect_write_fault(t, e, at + b.size - 4, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "last page");
    expect_read_fault(t, e, at + PAGE_SIZE, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                      "read of the middle page");
    CHECK_EQ(PROCESS_CALL(t, other, program_count_other, elsewhere, b.size, POISON_FRESH, 0), 0,
             "bytes that changed under the new owner");
    PROCESS_START(t, p, program_load, at, 0, 0, 0);
    process_expect_fault(t, p, at, false, false);
}

TEST(unmapped_by_domain_flush,
     PROMISE("Pages that a process gives up are out of its device's reach after INVLPG and a flush "
             "of the domain")
     COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Program and device use three pages. The kernel clears their entries, drops them from "
           "the processor's TLB with INVLPG, flushes the domain, and gives the pages to another "
           "process. The device tries all three, and so does the old program.")
     EXPECTS("The device faults, the program gets a page fault, and the new owner finds no byte "
             "changed.")
     IF_IT_FAILS("FLUSH_DEVICE_DOMAIN left a translation in the IOTLB, in a cache of table "
                 "entries, or in the TLB of the device."))
{
    unmap_and_reuse(t, flush_by_domain);
}

TEST(unmapped_by_list_flush,
     PROMISE("Pages that a process gives up are out of its device's reach after INVLPG and a list "
             "flush of their range")
     COVERS("FL-1 LS-1 LS-9") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Program and device use three pages. The kernel clears their entries, drops them from "
           "the processor's TLB with INVLPG, flushes exactly this range by a list, and gives the "
           "pages to another process. The device tries all three.")
     EXPECTS("The device faults, the program gets a page fault, and the new owner finds no byte "
             "changed.")
     IF_IT_FAILS("FLUSH_DEVICE_DOMAIN_LIST left out a page of its range, or one of the places "
                 "where translations are kept."))
{
    unmap_and_reuse(t, flush_list);
}

TEST(unmapped_under_dma,
     PROMISE("A DMA that is under way when a process gives its page up does not reach the page "
             "after INVLPG and the flush")
     COVERS("FL-6") DEVICES(DEFERRED) KINDS("dma flush")
     STEPS("A DMA to a page of the process has been translated and waits. The kernel clears the "
           "entry, executes INVLPG, flushes, first the domain and then by a list, and gives the "
           "page to another process. Then the DMA is released.")
     EXPECTS("The page does not change any more once the flush has returned.")
     IF_IT_FAILS("A flush does not wait for DMA that was translated before it."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1);

    attach(t, p->domain, e);
    for (unsigned by_list = 0; by_list < 2; by_list++) {
        uint64_t at = process_map(t, p, &b, USER_READ_WRITE);

        PROCESS_CALL(t, p, program_fill, at, PAGE_SIZE, by_list, 0);
        start_by_device(t, e, at + 1000, 512);
        process_unmap(t, p, at, PAGE_SIZE);
        if (by_list)
            flush_list(t, p->domain, at, PAGE_SIZE);
        else
            flush(t, p->domain);
        buffer_refresh(&b);
        STEP("the page is reused; the DMA is released");
        REQUIRE(dma_finish(e), "the device did not finish");
        drain_faults(t, e);
        expect_untouched(t, &b, by_list ? "after the list flush" : "after the flush of the domain");
    }
}

TEST(stays_unmapped,
     PROMISE("After the flush no host writes an entry back that the process has cleared")
     COVERS("LS-8 DEL-5") DEVICES(ALL) KINDS("dma flush")
     STEPS("The entry of a page that the device has used starts with A and D clear. It is cleared, "
           "dropped from the processor's TLB and flushed. Then the device uses another page of the "
           "process, and the program loads from the old address.")
     EXPECTS("The entry is still zero, and the program gets a page fault.")
     IF_IT_FAILS("The host stores A and D by writing a whole entry back that it read before the "
                 "flush, so that a mapping comes back which the processor and all devices then "
                 "use."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1), kept = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE),
             next = process_map(t, p, &kept, USER_READ_WRITE);
    uint64_t *entry = leaf_entry(t, p->domain, at);

    *entry &= ~(PTE_ACCESSED | PTE_DIRTY);
    process_flush(t, p, at, PAGE_SIZE);
    attach(t, p->domain, e);
    may_write(t, e, at, &b, 0, 8, "entry without A and D");
    process_unmap(t, p, at, PAGE_SIZE);
    flush_list(t, p->domain, at, PAGE_SIZE);
    expect_write(t, e, next, &kept, 0, 8, "another page");
    CHECK_EQ(*entry, 0, "the cleared entry, after the next DMA of the device");
    PROCESS_START(t, p, program_load, at, 0, 0, 0);
    process_expect_fault(t, p, at, false, false);
}

TEST(table_given_back,
     PROMISE("A table that a process has given back is not walked after INVLPG and a list flush of "
             "what it mapped")
     COVERS("LS-8") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A process unmaps all that one of its tables maps, so that the kernel unlinks the "
           "table. After INVLPG and a list flush of the 2 MiB the table page gets entries that "
           "lead to a page that no domain maps. The device tries the old addresses, one of which "
           "it has used before.")
     EXPECTS("The device faults, and the page that the new entries lead to does not change.")
     IF_IT_FAILS("A list flush leaves the cached upper levels of the walk, so that the host walks "
                 "through a page that is no table any more."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct buffer b = buffer(t, 1), trap = buffer(t, 1);
    uint64_t at = p->space.base + USER_SPACE_SIZE / 2, *table, *upper;
    struct stage1_walk w;

    process_map_at(t, p, at, gpa_of(b.data), PAGE_SIZE, USER_READ_WRITE);
    process_stage(t, p, p->domain, e);
    attach(t, p->domain, e);
    exchange(t, p, e, at, b.data, 512, 9);
    REQUIRE(stage1_walk(&p->domain->table, at, &w) == STAGE1_OK, "our own mapping is gone");
    upper = w.entry[1];
    table = gpa_pointer(*upper & PTE_ADDRESS);
    *upper = 0;
    STEP("unlink the table at GPA 0x%llx", gpa_of(table));
    process_flush(t, p, at, PAGE_SIZE);
    flush_list(t, p->domain, at, SIZE_2M);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i++) {
        table[i] =
            gpa_of(trap.data) | PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
    }
    buffer_refresh(&b);
    expect_write_fault(t, e, at, 64, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "address that the device has used");
    expect_write_fault(t, e, at + PAGE_SIZE, 64, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "its neighbor");
    expect_untouched(t, &b, "the page that was mapped");
    PROCESS_START(t, p, program_load, at, 0, 0, 0);
    process_expect_fault(t, p, at, false, false);
}
