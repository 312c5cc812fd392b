/* SPDX-License-Identifier: MIT */
/*
 * A device in the hands of a program at CPL 3, in the manner of VFIO: the kernel claims the device
 * through a blocking domain, maps the program's memory into a paging domain and the device's
 * registers into the program, and takes all of it back at the end. The program may give the device
 * any command.
 */
#include "drivers/dmaprobe.h"
#include "kernel/paging_bits.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/user_drivers.h"
#include "tests/harness/user_programs.h"

#define TEST_GROUP "user-driver"
#define BASE_IOVA  0x05000000ull

/* A program, its device, and the memory that it may use. */
struct client {
    struct process *process;
    struct dma_engine *engine;
    struct domain *domain;
    struct buffer memory;
    uint64_t registers, address; /* in the process */
};

/* Everything but the last step. */
static struct client prepare(struct test_run *t, struct dma_engine *e, struct domain *blocked,
                             size_t pages)
{
    struct client c = {.process = process_new(t), .engine = e, .memory = buffer(t, pages)};

    attach(t, blocked, e);
    c.domain = domain_paging(t);
    map(t, c.domain, BASE_IOVA, &c.memory, RW);
    c.address = process_map(t, c.process, &c.memory, USER_READ_WRITE);
    c.registers = drive_registers(t, c.process, e);
    return c;
}

static struct client claim(struct test_run *t, struct dma_engine *e, struct domain *blocked,
                           size_t pages)
{
    struct client c = prepare(t, e, blocked, pages);

    attach(t, c.domain, e);
    return c;
}

/* Device first, then the program's tables, then the domain. */
static void take_back(struct test_run *t, struct client *c, struct domain *blocked)
{
    attach(t, blocked, c->engine);
    process_end(t, c->process);
    delete_domain(t, c->domain);
}

TEST(claim_drive_release,
     PROMISE("A program at CPL 3 drives a device that was given to it, until the device is taken "
             "back")
     COVERS("ATT-1 ATT-2 ATT-7 TR-1") DEVICES(DRIVEN) KINDS("dma fault")
     STEPS("A device is claimed through a blocking domain, its program's two pages are mapped, its "
           "registers are given to the program, and it is attached. The program has it write "
           "across the page boundary and looks at its memory. The device goes back to the blocking "
           "domain, the program tries again, and then all is deleted and the pages are used by "
           "others.")
     EXPECTS("The program's bytes are where its IOVAs say. Once released the device reaches "
             "nothing.")
     IF_IT_FAILS("The host does not translate through the new domain after ATTACH, or a blocking "
                 "domain keeps what was there before."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct client c = claim(t, e, blocked, 2);

    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA + 100, 5000, drive(e));
    CHECK_EQ(PROCESS_CALL(t, c.process, program_count_other, c.address + 100, 5000,
                          e->ops->fill_value, 0),
             0, "bytes that the program does not see as its device wrote them");
    expect_driven(t, e, &c.memory, 100, 5000, "the program's memory");
    attach(t, blocked, e);
    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA + 100, 5000, drive(e));
    drain_faults(t, e);
    expect_untouched(t, &c.memory, "driven after it was blocked");
    take_back(t, &c, blocked);
    expect_write_fault(t, e, BASE_IOVA, 64, &c.memory, ORACLE_FAULT_CLASS_BLOCKED,
                       "released, and the pages reused");
}

/* Targets of a hostile program; the interrupt window is left out, since a write there is an
 * interrupt (TR-13). */
static unsigned hostile_list(struct test_run *t, const struct client *c,
                             const struct buffer *victim, uint64_t *list)
{
    uint64_t width = capabilities(t)->max_iova_width;
    unsigned count = 0;

    list[count++] = 0;
    list[count++] = gpa_of(victim->data);
    list[count++] = gpa_of(victim->data) + PAGE_SIZE;
    list[count++] = gpa_of(c->memory.data);
    list[count++] = stage1_root_gpa(&c->domain->table);
    list[count++] = (uint64_t)(uintptr_t)&hostile_list;
    list[count++] = BASE_IOVA - 8;
    list[count++] = BASE_IOVA + c->memory.size;
    list[count++] = BASE_IOVA + SIZE_1G;
    list[count++] = BIT(width - 1) + BASE_IOVA;
    if (width < 63) {
        list[count++] = BIT(width) + BASE_IOVA;
        list[count++] = BIT(63) + BASE_IOVA;
    }
    list[count++] = ~(PAGE_SIZE - 1);
    /* A device folds an address that it cannot emit onto a lower one, and the host sees the lower
     * one. */
    while (c->engine->iova_bits < 64 && list[count - 1] >> c->engine->iova_bits != 0)
        count--;
    return count;
}

TEST(hostile_program,
     PROMISE("A program that gives its device any IOVA it likes does no harm")
     COVERS("ATT-4 TR-1 TR-2") DEVICES(DRIVEN) KINDS("dma fault")
     STEPS("The kernel has used the device in an identity domain, where it wrote to a page of the "
           "kernel. Then a program gets it, with one page mapped. It has the device write at the "
           "kernel page, at the tables of its own domain, at the kernel's code, around its page, "
           "and at its IOVA with higher bits set, up to the last page of the address space.")
     EXPECTS("Nothing but faults: no byte of any of these pages changes, and a device that does "
             "not take part still works.")
     IF_IT_FAILS("ATTACH leaves translations of the identity domain behind, or the host ignores "
                 "the high bits of an IOVA."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *identity = domain_identity(t);
    struct canary others = canary(t);
    struct buffer victim = buffer(t, 2), list = buffer(t, 1);
    struct client c;
    uint64_t tables[8];
    unsigned count;
    uint64_t at;

    attach(t, identity, e);
    expect_write(t, e, gpa_of(victim.data), &victim, 0, 2 * PAGE_SIZE, "the kernel's own use");
    c = claim(t, e, blocked, 1);
    at = process_map(t, c.process, &list, USER_READ_WRITE);
    count = hostile_list(t, &c, &victim, (uint64_t *)(void *)list.data);
    memcpy(tables, c.domain->table.root, sizeof(tables));
    PROCESS_CALL(t, c.process, program_drive_list, c.registers, at, count, drive(e));
    drain_faults(t, e);
    expect_untouched(t, &victim, "the kernel's page");
    expect_untouched(t, &c.memory, "the program's page, by IOVAs that do not lead there");
    for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
        CHECK(((tables[i] ^ c.domain->table.root[i]) & ~PTE_MARKS) == 0,
              "entry %u of the top table of the domain has changed", i);
    expect_undisturbed(t, &others, "a hostile program");
    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA, 64, drive(e));
    expect_driven(t, e, &c.memory, 0, 64, "the program's page by its IOVA");
}

TEST(unmapped_under_the_program,
     PROMISE("A page that the kernel takes back from a program is out of reach, though the program "
             "goes on using it")
     COVERS("FL-1 LS-1") DEVICES(DRIVEN) KINDS("dma fault flush")
     STEPS("A program has its device write to a page, and then asks the kernel to take the page "
           "back. The kernel clears the entry, flushes it by a list and uses the page for "
           "something else. The program goes on as if nothing had happened.")
     EXPECTS("The first write arrives, the second does not.")
     IF_IT_FAILS("The list flush left the translation somewhere: in the IOTLB, in a cache of table "
                 "entries, or in the device's TLB."))
{
    struct dma_engine *e = device(t);
    struct client c = claim(t, e, domain_blocked(t), 2);

    PROCESS_START(t, c.process, program_drive_twice, c.registers, BASE_IOVA + 200, PAGE_SIZE,
                  drive(e));
    REQUIRE(process_run(t, c.process, 0).number == USER_CALL_FIRST, "the program does not ask");
    expect_driven(t, e, &c.memory, 200, PAGE_SIZE, "both pages are mapped");
    unmap(t, c.domain, BASE_IOVA, c.memory.size);
    flush_list(t, c.domain, BASE_IOVA, c.memory.size);
    REQUIRE(process_finish(t, c.process) == 0, "the program did not end well");
    drain_faults(t, e);
    expect_untouched(t, &c.memory, "pages that were taken back");
}

TEST(crash_under_dma,
     PROMISE("A program that crashes while its device does DMA leaves nothing that reaches memory "
             "once the device is blocked")
     COVERS("ATT-5 ATT-4 ATT-7 DEL-1") DEVICES(PROBE) KINDS("dma fault")
     STEPS("A program starts a DMA that never ends and ends by a page fault. The kernel blocks the "
           "device, deletes the domain and uses the page for something else, while the device "
           "tries to go on. Then the same with one transfer that was translated while the program "
           "ran and is released when everything is gone.")
     EXPECTS("After ATTACH to the blocking domain has returned, no byte changes.")
     IF_IT_FAILS("ATTACH does not wait for DMA under way, or leaves a context entry, a device TLB "
                 "or the old tables in use."))
{
    static const enum drive ways[] = {DRIVE_BURST, DRIVE_HELD};
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct dmaprobe_request result;

    for (unsigned i = 0; i < 2; i++) {
        struct client c = claim(t, e, blocked, 1);

        PROCESS_START(t, c.process, program_drive_and_crash, c.registers, BASE_IOVA, 512,
                      drive_as(e, ways[i]));
        process_expect_fault(t, c.process, 0, false, false);
        if (ways[i] == DRIVE_BURST) {
            (void)dmaprobe_pending(e);
            CHECK(!memory_find_other(c.memory.data, 512, e->ops->fill_value),
                  "the DMA under way does not arrive");
        }
        attach(t, blocked, e);
        buffer_refresh(&c.memory);
        STEP("from here on the page has another owner");
        take_back(t, &c, blocked);
        (void)dmaprobe_pending(e);
        (void)dmaprobe_pending(e);
        expect_untouched(t, &c.memory, "the program has ended, its device continues");
        REQUIRE(dmaprobe_release(e, DRIVE_SLOT, &result), "the device did not finish");
        drain_faults(t, e);
        expect_untouched(t, &c.memory, "the last of its DMA");
    }
}

TEST(two_programs,
     PROMISE("Two programs with a device each use one IOVA, and each reaches its own memory only")
     COVERS("ISO-1 ISO-2") DEVICES(DRIVEN) KINDS("dma")
     STEPS("Two programs have a device each, in a domain each, and use the same IOVA. They take "
           "turns: the first drives, then the second, then the first again, then the second.")
     EXPECTS("Each device writes to the memory of its own program.")
     IF_IT_FAILS("The host mixes up the tables or the DIDs of two domains."))
{
    struct domain *blocked = domain_blocked(t);
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct client c[2] = {prepare(t, e[0], blocked, 1), prepare(t, e[1], blocked, 1)};

    attach(t, c[0].domain, e[0]);
    attach(t, c[1].domain, e[1]);
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned i = turn % 2;

        if (turn < 2) {
            PROCESS_START(t, c[i].process, program_drive_twice, c[i].registers, BASE_IOVA + 64 * i,
                          64, drive(e[i]));
            REQUIRE(process_run(t, c[i].process, 0).number == USER_CALL_FIRST,
                    "the program does not stop half-way");
        } else {
            REQUIRE(process_finish(t, c[i].process) == 0, "the program did not end well");
        }
        expect_driven(t, e[i], &c[i].memory, 64 * i, 64,
                      "the memory of the program whose turn it is");
        expect_untouched(t, &c[!i].memory, "the memory of the other program");
    }
}

TEST(handed_on,
     PROMISE("A device that goes from program to program never reaches the memory of one that had "
             "it before")
     COVERS("ATT-4 ATT-2") DEVICES(DRIVEN) KINDS("dma")
     STEPS("A program drives a device. Then the device goes through the blocking domain to the "
           "next program, which uses the same IOVA for another page; only when that one has driven "
           "it is the domain of the first deleted. This is done for four programs. The pages of "
           "all that are gone belong to others.")
     EXPECTS("Each program reaches its own page, and no page of an earlier one changes.")
     IF_IT_FAILS("ATTACH leaves translations of an earlier domain in the IOTLB, in the device's "
                 "TLB or in the context cache."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct client c[4];

    for (unsigned i = 0; i < 4; i++) {
        c[i] = claim(t, e, blocked, 1);
        PROCESS_CALL(t, c[i].process, program_drive, c[i].registers, BASE_IOVA + 16 * i, 16,
                     drive(e));
        for (unsigned k = 0; k < i; k++)
            expect_untouched(t, &c[k].memory, "the memory of a program that had the device before");
        expect_driven(t, e, &c[i].memory, 16 * i, 16, "the memory of the program that has it now");
        if (i > 0) {
            process_end(t, c[i - 1].process);
            delete_domain(t, c[i - 1].domain);
        }
    }
}

TEST(released_by_detach,
     PROMISE("A device that is taken from a program by DETACH does not reach its memory, until it "
             "is attached again")
     COVERS("DET-1 DET-3 DET-4") DEVICES(DRIVEN) KINDS("dma fault")
     STEPS("A program drives its device. The kernel detaches the device instead of blocking it, "
           "flushes nothing, and uses the page for something else. The program drives the device "
           "again. Then the IOVA is pointed at another page, and the device is attached again.")
     EXPECTS("The detached device reaches nothing, and the one that was attached again reaches the "
             "new page alone.")
     IF_IT_FAILS("DETACH leaves a translation in a cache or the old table in use, or a device "
                 "cannot come back from it."))
{
    struct dma_engine *e = device(t);
    struct client c = claim(t, e, domain_blocked(t), 1);
    struct buffer next = buffer(t, 1);

    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA, 256, drive(e));
    expect_driven(t, e, &c.memory, 0, 256, "attached");
    CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH");
    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA, 256, drive(e));
    drain_faults(t, e);
    expect_untouched(t, &c.memory, "detached");
    retarget(t, c.domain, BASE_IOVA, gpa_of(next.data));
    attach(t, c.domain, e);
    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA + 256, 256, drive(e));
    expect_untouched(t, &c.memory, "the page of the time before DETACH");
    expect_driven(t, e, &next, 256, 256, "attached again");
}

/* Calls through a hypercall page that is mapped at `page`; the status would be the exit value. */
USER_PROGRAM static uint64_t program_hypercall(uint64_t page, uint64_t control, uint64_t input,
                                               uint64_t unused)
{
    uint64_t result;

    (void)unused;
    __asm__ volatile("xor %%r8d, %%r8d\n\tcall *%3"
                     : "=a"(result), "+c"(control), "+d"(input)
                     : "r"(page)
                     : "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}

TEST(hostile_hypercall,
     PROMISE("A program cannot move its device to another domain by a hypercall of its own")
     COVERS("DISC-9") ABI() DEVICES(DRIVEN) KINDS("dma fault bad-input")
     STEPS("A program has a device, and the hypercall page is mapped into it by mistake. In its "
           "own memory it makes the input of ATTACH, which would put its device into an identity "
           "domain that the kernel uses for another purpose, and makes the call. Then it has the "
           "device write at a page of the kernel.")
     EXPECTS("The call raises #UD, and the device stays in the domain that it was given.")
     IF_IT_FAILS("The host does not look at the privilege level of a hypercall, so that a program "
                 "can take its device out of its domain."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *identity = domain_identity(t);
    struct buffer victim = buffer(t, 1);
    struct client c = claim(t, e, blocked, 1);
    struct hv_input_attach_device_domain input = {.device_id = e->device_id};
    uint64_t page = c.process->space.base + USER_SPACE_SIZE / 2;
    unsigned vector;

    pviommu_fill_domain(&input.device_domain, identity->id);
    process_map_at(t, c.process, page, gpa_of(hypercall_entry()), PAGE_SIZE, USER_EXECUTE);
    memcpy(c.memory.data, &input, sizeof(input));
    PROCESS_START(t, c.process, program_hypercall, page,
                  hv_control(HVCALL_ATTACH_DEVICE_DOMAIN, 0, 0, 0), gpa_of(c.memory.data), 0);
    vector = user_process_run(&c.process->user);
    STEP("the call ends with vector %llu, RAX 0x%llx", vector, c.process->user.frame.rax);
    memset(c.memory.data, POISON_FRESH, sizeof(input));
    PROCESS_CALL(t, c.process, program_drive, c.registers, gpa_of(victim.data), 64, drive(e));
    drain_faults(t, e);
    expect_untouched(t, &victim, "a page of the kernel");
    CHECK_EQ(vector, TRAP_UD, "exception of a hypercall at CPL 3");
    PROCESS_CALL(t, c.process, program_drive, c.registers, BASE_IOVA, 64, drive(e));
    expect_driven(t, e, &c.memory, 0, 64, "the program's page by its IOVA");
}
