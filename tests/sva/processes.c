/* SPDX-License-Identifier: MIT */
/* Shared virtual addressing: several processes, several devices, and the end of a process. */
#include "kernel/paging_bits.h"
#include "lib/string.h"
#include "tests/harness/process.h"
#include "tests/harness/user_programs.h"

#define TEST_GROUP "sva"

TEST(two_processes,
     PROMISE("Two processes use one address for different pages, and the device of each reaches "
             "the page of its own process")
     COVERS("ISO-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two processes map different pages at one address, and each has a device in the domain "
           "of its page table. Both programs fill their page, both devices invert what they find "
           "at the address, and both programs look. This is done twice, in turns.")
     EXPECTS("Each program finds its own bytes, inverted once per turn.")
     IF_IT_FAILS("The host mixes up the tables or the cached translations of two domains."))
{
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct process *p[2] = {process_shared(t, e[0]), process_shared(t, NULL)};
    struct buffer b[2] = {buffer(t, 1), buffer(t, 1)};
    uint64_t at = p[0]->space.base + USER_SPACE_SIZE / 2;

    for (unsigned i = 0; i < 2; i++) {
        process_map_at(t, p[i], at, gpa_of(b[i].data), PAGE_SIZE, USER_READ_WRITE);
        process_stage(t, p[i], p[i]->domain, e[i]);
        attach(t, p[i]->domain, e[i]);
    }
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned i = turn % 2;

        PROCESS_CALL(t, p[i], program_fill, at, PAGE_SIZE, turn, 0);
        invert_by_device(t, e[i], at, PAGE_SIZE, b[i].data, "the page of this process");
        CHECK_EQ(PROCESS_CALL(t, p[i], program_count_wrong, at, PAGE_SIZE, turn, 0xFF), 0,
                 "bytes that the device of this process did not invert");
        if (turn > 0) {
            CHECK_EQ(PROCESS_CALL(t, p[!i], program_count_wrong, at, PAGE_SIZE, turn - 1, 0xFF), 0,
                     "bytes of the other process that changed meanwhile");
        }
    }
}

TEST(one_device_in_turn,
     PROMISE("A device that goes from process to process reaches the pages of the one that it is "
             "attached to")
     COVERS("ATT-4 ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two processes map different pages at one address. One device goes from the domain of "
           "the one to that of the other and back, eight times, by ATTACH alone. After each switch "
           "it writes at the address.")
     EXPECTS("Every write is in the page of the process whose turn it is.")
     IF_IT_FAILS("ATTACH leaves translations of the domain that the device came from: in the IOTLB "
                 "under the wrong DID, in the device's TLB, or in a cached context entry."))
{
    struct dma_engine *e = device(t);
    struct process *p[2] = {process_shared(t, e), process_shared(t, NULL)};
    struct buffer b[2] = {buffer(t, 1), buffer(t, 1)};
    uint64_t at = p[0]->space.base + USER_SPACE_SIZE / 2;

    for (unsigned i = 0; i < 2; i++)
        process_map_at(t, p[i], at, gpa_of(b[i].data), PAGE_SIZE, USER_READ_WRITE);
    for (unsigned turn = 0; turn < 8; turn++) {
        unsigned i = turn % 2;

        attach(t, p[i]->domain, e);
        expect_write(t, e, at + 64 * turn, &b[i], 64 * turn, 64, "the process whose turn it is");
        expect_untouched(t, &b[!i], "the other process");
        REQUIRE(PROCESS_CALL(t, p[i], program_store, at, POISON_FRESH, 0, 0) == POISON_FRESH,
                "the program cannot run");
    }
}

TEST(two_devices,
     PROMISE("A page that a process gives up is out of reach for all devices that share its page "
             "table")
     COVERS("FL-1 ATT-9 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two devices are in the domain of one process, and both have used its page. The kernel "
           "clears the entry, executes INVLPG, flushes the page by a list, and reuses it. Both "
           "devices try the address.")
     EXPECTS("Neither reaches the page.")
     IF_IT_FAILS("The flush reached only one device of the domain: one of the IOMMUs, one of the "
                 "DIDs, or one device TLB was left out."))
{
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct process *p = process_shared(t, e[0]);
    struct buffer b = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE);

    for (unsigned i = 0; i < 2; i++) {
        attach(t, p->domain, e[i]);
        expect_write(t, e[i], at + 512 * i, &b, 512 * i, 64, "mapped");
    }
    process_unmap(t, p, at, PAGE_SIZE);
    flush_list(t, p->domain, at, PAGE_SIZE);
    for (unsigned i = 0; i < 2; i++)
        expect_write_fault(t, e[i], at, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "given up");
    PROCESS_START(t, p, program_load, at, 0, 0, 0);
    process_expect_fault(t, p, at, false, false);
}

/* The tables of the program's part, from the top one on; the kernel's are shared and must not be
 * touched. */
static unsigned private_tables(struct test_run *t, const struct process *p, uint64_t at,
                               uint64_t *tables[5])
{
    unsigned count = 0;
    struct stage1_walk w;

    REQUIRE(stage1_walk(p->space.table, at, &w) == STAGE1_OK, "our own mapping is gone");
    tables[count++] = p->space.table->root;
    for (unsigned level = p->space.table->levels - 1; level > 0; level--)
        tables[count++] = gpa_pointer(*w.entry[level] & PTE_ADDRESS);
    return count;
}

TEST(process_ends,
     PROMISE("When a process ends, its memory and its page table can be reused as soon as its "
             "device is blocked")
     COVERS("DEL-1 ATT-7 ATT-6") DEVICES(ALL) KINDS("dma fault")
     STEPS("A program stores to an address that it has not mapped, while its device uses its "
           "memory. The kernel ends the process: it attaches the device to a blocking domain, "
           "loads its own page table, and gives the tables and the page to another owner before it "
           "deletes the domain. All entries of the former tables now lead to a page that no domain "
           "maps. The device goes on.")
     EXPECTS("No byte of the page, of the former tables and of the page that they lead to changes.")
     IF_IT_FAILS("After the last device has left, the host still uses a domain's tables: in "
                 "ATTACH, in DELETE, or because the blocking domain keeps the old translation."))
{
    struct dma_engine *e = device(t);
    struct process *p = process_shared(t, e);
    struct domain *blocked = domain_blocked(t);
    struct buffer b = buffer(t, 1), trap = buffer(t, 1);
    uint64_t at = process_map(t, p, &b, USER_READ_WRITE), *tables[5];
    unsigned count = private_tables(t, p, at, tables);

    attach(t, p->domain, e);
    expect_write(t, e, at, &b, 0, 64, "the process lives");
    PROCESS_START(t, p, program_store, at + 16 * PAGE_SIZE, 1, 0, 0);
    process_expect_fault(t, p, at + 16 * PAGE_SIZE, true, false);
    attach(t, blocked, e);
    user_process_leave();
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < PAGE_SIZE / sizeof(uint64_t); k++) {
            /* Present and not accessed: a host that still walked them would leave a mark. */
            tables[i][k] = gpa_of(trap.data) | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
        }
    }
    STEP("the former %llu tables get entries that lead to a page that no domain maps", count);
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "the process is gone");
    CHECK_SUCCESS(iommu_delete(p->domain->id), "DELETE of the domain of a process that is gone");
    expect_write_fault(t, e, at, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "the domain is gone, too");
    expect_untouched(t, &trap, "the page that the former tables lead to");
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < PAGE_SIZE / sizeof(uint64_t); k++) {
            CHECK_EQ(tables[i][k], gpa_of(trap.data) | PTE_PRESENT | PTE_WRITABLE | PTE_USER,
                     "word of a former table");
        }
    }
}
