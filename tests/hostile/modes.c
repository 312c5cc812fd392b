/* SPDX-License-Identifier: MIT */
/* SVM instructions and VMMCALL in the modes in which a guest can execute them: ring 0 and 3, 64, 32
 * and 16 bits. */
#define TEST_GROUP "hostile"
#include "abi/hypercall.h"
#include "abi/status.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"

#define OPCODE_INT3 0xCC
#define OPCODE_RET  0xC3
#define CODE_OFFSET 0x100u /* not the start of the page, where the base of a segment is */

struct form {
    const char *name;
    uint8_t length, bytes[4];
};

static const struct form svm[] = {
    {"VMRUN", 3, {0x0F, 0x01, 0xD8}},
    {"VMLOAD", 3, {0x0F, 0x01, 0xDA}},
    {"VMSAVE", 3, {0x0F, 0x01, 0xDB}},
    {"STGI", 3, {0x0F, 0x01, 0xDC}},
    {"CLGI", 3, {0x0F, 0x01, 0xDD}},
    {"SKINIT", 3, {0x0F, 0x01, 0xDE}},
    {"INVLPGA", 3, {0x0F, 0x01, 0xDF}},
    {"VMCALL", 3, {0x0F, 0x01, 0xC1}},
    {"RSM", 2, {0x0F, 0xAA}},
    {"66 VMRUN", 4, {0x66, 0x0F, 0x01, 0xD8}},
    {"REX VMSAVE", 4, {0x48, 0x0F, 0x01, 0xDB}},
};
static const struct form vmmcall = {"VMMCALL", 3, {0x0F, 0x01, 0xD9}};

/* Code on a page of its own, and a GDT with segments for it. The harness loads the kernel's again.
 */
struct mode_page {
    uint8_t *code;
    uint64_t *gdt;
    uint16_t code32, code16; /* selectors; the base of the second one is the page */
};

#define GDT_CODE_32 0x00CF9B000000FFFFull
#define GDT_CODE_16 0x00009B000000FFFFull

struct descriptor_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct mode_page mode_page(struct test_run *t)
{
    struct mode_page p = {.code = page_alloc(1, PAGE_SIZE), .gdt = page_alloc(1, PAGE_SIZE)};
    struct descriptor_register old;
    uint64_t base = gpa_of(p.code);

    REQUIRE(p.code && p.gdt, "no memory");
    __asm__ volatile("sgdt %0" : "=m"(old));
    REQUIRE(old.limit + 17u <= PAGE_SIZE, "the GDT is too large");
    memcpy(p.gdt, gpa_pointer(old.base), old.limit + 1u);
    p.code32 = (uint16_t)(old.limit + 1);
    p.code16 = (uint16_t)(old.limit + 9);
    p.gdt[p.code32 / 8] = GDT_CODE_32;
    p.gdt[p.code16 / 8] = GDT_CODE_16 | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
    return p;
}

static void put_code(const struct mode_page *p, const struct form *form, uint8_t end)
{
    paging_set(gpa_of(p->code), PAGE_SIZE, PAGING_RW);
    memset(p->code, OPCODE_INT3, PAGE_SIZE);
    memcpy(p->code + CODE_OFFSET, form->bytes, form->length);
    p->code[CODE_OFFSET + form->length] = end;
    paging_set(gpa_of(p->code), PAGE_SIZE, PAGING_RX);
}

static void mode_page_end(const struct mode_page *p)
{
    paging_set(gpa_of(p->code), PAGE_SIZE, PAGING_RW);
}

struct attempt {
    const struct mode_page *page;
    uint16_t selector; /* 0: 64-bit code */
    uint64_t rax;      /* in and out */
};

static void call_64(void *argument)
{
    struct attempt *a = argument;
    uint64_t entry = gpa_of(a->page->code) + CODE_OFFSET, rcx = 0xFFFF, rdx = 0;

    __asm__ volatile("call *%3"
                     : "+a"(a->rax), "+c"(rcx), "+d"(rdx)
                     : "r"(entry)
                     : "rbx", "r8", "r9", "r10", "r11", "memory", "cc");
}

/* Into the other mode; the code there ends with an exception, and the catcher restores everything.
 */
static void jump_other(void *argument)
{
    struct attempt *a = argument;
    struct descriptor_register gdt = {.limit = (uint16_t)(a->page->code16 + 7),
                                      .base = gpa_of(a->page->gdt)};
    bool flat = a->selector == a->page->code32;
    uint64_t offset = CODE_OFFSET + (flat ? gpa_of(a->page->code) : 0);

    __asm__ volatile("lgdt %0" : : "m"(gdt));
    __asm__ volatile("push %0; push %1; xor %%edx, %%edx; lretq"
                     :
                     : "r"((uint64_t)a->selector), "r"(offset), "a"(a->rax), "b"(0), "c"(0)
                     : "rdx", "memory");
}

static enum trap_vector try_form(const struct mode_page *p, const struct form *form,
                                 uint16_t selector, uint64_t rax)
{
    struct attempt a = {.page = p, .selector = selector, .rax = rax};

    put_code(p, form, selector ? OPCODE_INT3 : OPCODE_RET);
    return trap_catch(selector ? jump_other : call_64, &a, NULL);
}

STRESS(svm_instructions,
       PROMISE("No SVM instruction is carried out for a guest, in any mode and at any privilege")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Executes VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA, and VMCALL and RSM, in "
             "64-bit, 32-bit and 16-bit code at CPL 0, and in 64-bit code at CPL 3, with RAX at an "
             "unused page of the host.")
       EXPECTS("#UD, at CPL 3 also #GP.")
       IF_IT_FAILS("The guest switches the processor's global interrupt flag or reads and writes a "
                   "control block of its own."))
{
    struct integrity_output host;
    struct mode_page p;

    need_integrity(t, &host);
    p = mode_page(t);
    for (unsigned i = 0; i < ARRAY_SIZE(svm); i++) {
        bool rex = svm[i].bytes[0] == 0x48; /* DEC EAX outside of 64-bit code */
        enum trap_vector in_64 = try_form(&p, &svm[i], 0, host.target);
        enum trap_vector in_32 = rex ? TRAP_UD : try_form(&p, &svm[i], p.code32, host.target);
        enum trap_vector in_16 = rex ? TRAP_UD : try_form(&p, &svm[i], p.code16, host.target);
        enum trap_vector user = user_call(p.code + CODE_OFFSET, 0, 0, 0, NULL);

        mode_page_end(&p);
        STEP("%s: exceptions %llu, %llu, %llu, at CPL 3 %llu", svm[i].name, in_64, in_32, in_16,
             user);
        CHECK(in_64 == TRAP_UD && in_32 == TRAP_UD && in_16 == TRAP_UD,
              "%s: exceptions %u, %u and %u in 64, 32 and 16 bits", svm[i].name, (unsigned)in_64,
              (unsigned)in_32, (unsigned)in_16);
        CHECK(user == TRAP_UD || user == TRAP_GP, "%s: exception %u at CPL 3", svm[i].name,
              (unsigned)user);
    }
}

STRESS(vmmcall_modes,
       PROMISE("VMMCALL is answered in 64-bit and 32-bit code at CPL 0, and raises #UD elsewhere")
       COVERS("ISO-3 DISC-9") DEVICES(NONE) KINDS("bad-input")
       STEPS("Executes VMMCALL with an unknown call code in 64-bit, 32-bit and 16-bit code at CPL "
             "0 and in 64-bit code at CPL 3. INT3 follows in all modes but the first.")
       EXPECTS("In 64-bit code a status; in 32-bit code the instruction is passed; in 16-bit code "
               "#UD, at CPL 3 #UD.")
       IF_IT_FAILS("The host takes parameters from registers of another mode, or serves user "
                   "programs."))
{
    enum trap_vector in_64, in_32, in_16, user;
    struct mode_page p;

    need_integrity(t, NULL);
    p = mode_page(t);
    in_64 = try_form(&p, &vmmcall, 0, 0);
    in_32 = try_form(&p, &vmmcall, p.code32, 0xFFFF);
    in_16 = try_form(&p, &vmmcall, p.code16, 0xFFFF);
    user = user_call(p.code + CODE_OFFSET, 0xFFFF, 0, 0, NULL);
    mode_page_end(&p);
    CHECK_EQ(in_64, TRAP_NONE, "exception of VMMCALL in 64-bit code");
    CHECK_EQ(in_32, TRAP_BP, "exception after VMMCALL in 32-bit code");
    CHECK_EQ(in_16, TRAP_UD, "exception of VMMCALL in 16-bit code");
    CHECK_EQ(user, TRAP_UD, "exception of VMMCALL at CPL 3");
}
