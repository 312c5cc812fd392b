/* SPDX-License-Identifier: MIT */
/* EFER, a register that the host keeps for its guest: SVME is the host's, the other bits are the
 * guest's (AMD64 APM volume 2, 3.1.7). */
#define TEST_GROUP "hostile"
#include "kernel/control.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "tests/harness/second_processor.h"
#include "tests/hostile/hostile.h"

#define EFER_SCE BIT(0)

#define CPUID_EXTENDED             0x80000001u
#define CPUID_EXTENDED_EDX_SYSCALL BIT(11)
#define CPUID_EXTENDED_EDX_NX      BIT(20)

#define ENTRY_TABLE (BIT(0) | BIT(1))
#define ENTRY_LARGE (BIT(0) | BIT(1) | BIT(7))
#define ENTRIES     512u
#define MAPPED      (4 * SIZE_1G)

struct efer_bit {
    enum trap_vector vector;
    uint64_t old, changed, restored;
};

struct efer_change {
    uint64_t tables; /* CR3 of tables without NX, for a processor without EFER.NXE */
    struct efer_bit sce, nxe;
};

/* The processor's entries with NX are invalid without NXE. So nothing here reaches memory, and the
 * code is that of the tables. */
static void change_nxe(void *argument)
{
    struct efer_change *c = argument;
    uint64_t old = c->nxe.old, low = old ^ EFER_NXE, home = cr3_read(), seen = 0;

    __asm__ volatile("mov %[tables], %%cr3\n\t"
                     "xor %%edx, %%edx\n\t"
                     "wrmsr\n\t"
                     "rdmsr\n\t"
                     "mov %%eax, %k[seen]\n\t"
                     "mov %k[old], %%eax\n\t"
                     "xor %%edx, %%edx\n\t"
                     "wrmsr\n\t"
                     "mov %[home], %%cr3"
                     : [seen] "=&r"(seen), "+a"(low)
                     : [tables] "r"(c->tables), [old] "r"(old), [home] "r"(home), "c"(MSR_EFER)
                     : "rdx", "memory");
    c->nxe.changed = seen;
}

static void change_bits(void *argument)
{
    struct efer_change *c = argument;
    uint64_t cr3 = cr3_read();

    cpu_interrupts_off();
    c->sce.old = c->nxe.old = cpu_rdmsr(MSR_EFER);
    c->sce.vector = msr_write_safe(MSR_EFER, c->sce.old ^ EFER_SCE);
    (void)cpu_cpuid(0, 0); /* an exit in this state */
    c->sce.changed = cpu_rdmsr(MSR_EFER);
    if (c->sce.vector == TRAP_NONE)
        c->sce.vector = msr_write_safe(MSR_EFER, c->sce.old);
    c->sce.restored = cpu_rdmsr(MSR_EFER);
    c->nxe.vector = trap_catch(change_nxe, c, NULL);
    cr3_write(cr3);
    c->nxe.restored = cpu_rdmsr(MSR_EFER);
    cpu_interrupts_on();
}

/* Everything below 4 GiB at its address, by large pages that can be written and executed. */
static uint64_t tables_without_nx(struct test_run *t)
{
    unsigned levels;
    uint64_t *large = page_alloc(MAPPED / SIZE_1G, PAGE_SIZE), *table = page_alloc(1, PAGE_SIZE);

    (void)paging_root(&levels);
    REQUIRE(large && table, "no memory");
    for (unsigned i = 0; i < MAPPED / SIZE_2M; i++)
        large[i] = i * SIZE_2M | ENTRY_LARGE;
    for (unsigned i = 0; i < MAPPED / SIZE_1G; i++)
        table[i] = gpa_of(large + (size_t)i * ENTRIES) | ENTRY_TABLE;
    for (unsigned level = 4; level <= levels; level++) {
        uint64_t *above = page_alloc(1, PAGE_SIZE);

        REQUIRE(above, "no memory");
        above[0] = gpa_of(table) | ENTRY_TABLE;
        table = above;
    }
    return gpa_of(table);
}

static void expect_changed(struct test_run *t, unsigned processor, const struct efer_bit *b,
                           uint64_t bit, const char *name)
{
    STEP("%s of processor %llu: 0x%llx, 0x%llx, 0x%llx", name, processor, b->old, b->changed,
         b->restored);
    CHECK_EQ(b->vector, TRAP_NONE, "exception of a WRMSR that inverts the bit or restores it");
    CHECK_EQ(b->changed, b->old ^ bit, "EFER with the bit inverted");
    CHECK_EQ(b->restored, b->old, "EFER as it was");
}

STRESS(efer_bits,
       PROMISE("Each processor sets and clears EFER.SCE and EFER.NXE, where CPUID has them")
       COVERS("ISO-3") DEVICES(NONE) KINDS("none")
       STEPS("The first processor, and then the second one, inverts EFER.SCE, executes CPUID, and "
             "writes the old value. It goes to tables without NX, inverts EFER.NXE, and writes "
             "the old value.")
       EXPECTS("No exception. EFER reads as it was written each time.")
       IF_IT_FAILS("The host takes a bit of the guest for one of its own, or for a reserved one. "
                   "An operating system that sets EFER.SCE for its system calls ends there."))
{
    uint32_t edx = cpu_cpuid(CPUID_EXTENDED, 0).edx;
    uint64_t tables;

    need_integrity(t, NULL);
    need_second(t);
    if (!(edx & CPUID_EXTENDED_EDX_SYSCALL) || !(edx & CPUID_EXTENDED_EDX_NX))
        SKIP("this processor has no SYSCALL or no NX");
    tables = tables_without_nx(t);
    REQUIRE((uintptr_t)change_nxe < MAPPED, "the code is not below 4 GiB");
    for (unsigned processor = 0; processor < 2; processor++) {
        struct efer_change *c = second_memory(t, sizeof(*c));

        c->tables = tables;
        if (processor == 0)
            change_bits(c);
        else
            on_second(t, change_bits, c);
        expect_changed(t, processor, &c->sce, EFER_SCE, "EFER.SCE");
        expect_changed(t, processor, &c->nxe, EFER_NXE, "EFER.NXE");
    }
}
