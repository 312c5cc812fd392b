/* SPDX-License-Identifier: MIT */
/*
 * Instructions that the host carries out in place of the processor, in forms that no compiler
 * emits.
 *
 * A processor tells its hypervisor at most the address of an instruction that exits. A host that
 * adds the usual length lets the guest go on in the middle of a longer form. Each instruction here
 * is followed by a jump over bytes that raise #UD; a guest that goes on one byte too early meets an
 * exception in each case.
 */
#define TEST_GROUP "hostile"
#include "abi/hypercall.h"
#include "kernel/cpu.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"

#define CPUID_VENDOR_LEAF 0u
#define MSR_APIC_BASE     0x1Bu
#define MSR_KERNEL_GS     0xC0000102u

/* The last byte of each of the instructions takes the jump's first byte for an operand: see the
 * head of this file. */
#define FOLLOWED ".byte 0xEB, 0x0F; .fill 15, 1, 0x06"
#define FORM(name, bytes)                                                                          \
    static void name(void *argument)                                                               \
    {                                                                                              \
        struct four_registers *r = argument;                                                       \
        __asm__ volatile(".byte " bytes "\n" FOLLOWED                                              \
                         : "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx)                  \
                         :                                                                         \
                         : "r8", "memory", "cc");                                                  \
    }

FORM(cpuid_plain, "0x0F, 0xA2")
FORM(cpuid_rex, "0x48, 0x0F, 0xA2")
FORM(cpuid_operand, "0x66, 0x0F, 0xA2")
FORM(cpuid_rep, "0xF3, 0x0F, 0xA2")
FORM(cpuid_segment, "0x2E, 0x0F, 0xA2")
FORM(cpuid_three, "0x66, 0xF3, 0x48, 0x0F, 0xA2")
FORM(cpuid_longest,
     "0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x48, 0x0F, 0xA2")
FORM(rdmsr_rex, "0x48, 0x0F, 0x32")
FORM(rdmsr_operand, "0x66, 0x0F, 0x32")
FORM(rdmsr_three, "0x66, 0xF3, 0x48, 0x0F, 0x32")
FORM(wrmsr_rex, "0x48, 0x0F, 0x30")
FORM(wrmsr_operand, "0x66, 0x0F, 0x30")
FORM(wrmsr_three, "0x66, 0xF3, 0x48, 0x0F, 0x30")
FORM(invd_rex, "0x48, 0x0F, 0x08")
FORM(invd_operand, "0x66, 0x0F, 0x08")
FORM(vmmcall_rex, "0x48, 0x0F, 0x01, 0xD9")
FORM(vmmcall_operand, "0x66, 0x0F, 0x01, 0xD9")
FORM(vmmcall_rep, "0xF3, 0x0F, 0x01, 0xD9")

/* Instructions that the guest may be refused: then #UD or #GP, as for a processor without such a
 * form. */
static void run_form(struct test_run *t, void (*form)(void *argument), struct four_registers *r,
                     bool may_fault, const char *what)
{
    uint64_t error = 0;
    enum trap_vector vector = trap_catch(form, r, &error);

    STEP("%s: exception %llu", what, vector);
    CHECK(vector == TRAP_NONE || (may_fault && (vector == TRAP_UD || vector == TRAP_GP)),
          "%s: exception %u with error 0x%x, the guest did not go on after the instruction", what,
          (unsigned)vector, (unsigned)error);
}

static void check_cpuid(struct test_run *t, void (*form)(void *argument), const char *what)
{
    struct four_registers right = {.rax = CPUID_VENDOR_LEAF}, r = {.rax = CPUID_VENDOR_LEAF};

    run_form(t, cpuid_plain, &right, false, "CPUID");
    run_form(t, form, &r, false, what);
    CHECK(memcmp(&r, &right, sizeof(r)) == 0, "%s: other registers than without prefixes", what);
}

static void check_rdmsr(struct test_run *t, void (*form)(void *argument), uint32_t msr,
                        const char *what)
{
    struct four_registers r = {.rcx = msr};

    run_form(t, form, &r, false, what);
    CHECK_EQ(r.rdx << 32 | (uint32_t)r.rax, cpu_rdmsr(msr), what);
}

static void check_wrmsr(struct test_run *t, void (*form)(void *argument), const char *what)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    struct four_registers r = {.rax = (uint32_t)base, .rcx = MSR_APIC_BASE, .rdx = base >> 32};

    run_form(t, form, &r, false, what);
    CHECK_EQ(cpu_rdmsr(MSR_APIC_BASE), base, what);
}

/* A call code that does not exist: the answer is a status, and nothing is read or written. */
static void check_vmmcall(struct test_run *t, void (*form)(void *argument), const char *what)
{
    struct four_registers r = {.rcx = 0xFFFF};

    run_form(t, form, &r, true, what);
}

STRESS(prefixed_instructions,
       PROMISE("An instruction that the host carries out ends where it ends, whatever prefixes it "
               "has")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Executes CPUID, RDMSR, WRMSR, INVD and VMMCALL with one, three and thirteen "
             "prefixes: REX, operand size, REP and segment. A jump over bytes that raise #UD "
             "follows each.")
       EXPECTS("No exception but #UD or #GP of a form that does not exist, and the results of the "
               "form without prefixes.")
       IF_IT_FAILS("The host adds the length of the instruction without prefixes, and its guest "
                   "goes on in the middle of the instruction."))
{
    struct four_registers none = {0};

    need_integrity(t, NULL);
    check_cpuid(t, cpuid_rex, "REX CPUID");
    check_cpuid(t, cpuid_operand, "66 CPUID");
    check_cpuid(t, cpuid_rep, "F3 CPUID");
    check_cpuid(t, cpuid_segment, "2E CPUID");
    check_cpuid(t, cpuid_three, "66 F3 REX CPUID");
    check_cpuid(t, cpuid_longest, "CPUID of 15 bytes");
    check_rdmsr(t, rdmsr_rex, MSR_APIC_BASE, "REX RDMSR");
    check_rdmsr(t, rdmsr_operand, MSR_KERNEL_GS, "66 RDMSR");
    check_rdmsr(t, rdmsr_three, MSR_APIC_BASE, "66 F3 REX RDMSR");
    check_wrmsr(t, wrmsr_rex, "REX WRMSR");
    check_wrmsr(t, wrmsr_operand, "66 WRMSR");
    check_wrmsr(t, wrmsr_three, "66 F3 REX WRMSR");
    run_form(t, invd_rex, &none, true, "REX INVD");
    run_form(t, invd_operand, &none, true, "66 INVD");
    check_vmmcall(t, vmmcall_rex, "REX VMMCALL");
    check_vmmcall(t, vmmcall_operand, "66 VMMCALL");
    check_vmmcall(t, vmmcall_rep, "F3 VMMCALL");
}
