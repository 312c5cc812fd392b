/* SPDX-License-Identifier: MIT */
/* SVM instructions and VMMCALL in the modes in which a guest can execute them: ring 0 and 3, 64, 32
 * and 16 bits. */
#define TEST_GROUP "hostile"
#include "abi/hypercall.h"
#include "abi/status.h"
#include "drivers/pviommu.h"
#include "kernel/cpu.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"
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

/* --- calls of 32-bit code --- */
struct call_32 {
    const struct mode_page *page;
    uint64_t control, input, output, result;
};

#define SLOT_BACK (PAGE_SIZE - 8u) /* of the page of the GDT: where the code returns to */

/* VMMCALL, and then by a far jump to 64-bit code, which jumps back. */
static void put_call_32(const struct mode_page *p)
{
    const uint32_t entry = (uint32_t)gpa_of(p->code) + CODE_OFFSET, after = entry + 10;
    const uint32_t back = (uint32_t)gpa_of(p->gdt) + SLOT_BACK - (after + 6);
    uint8_t bytes[] = {0x0F, 0x01, 0xD9,          /* vmmcall */
                       0xEA, 0,    0,    0, 0, 0, /* ljmp */
                       0,    0xFF, 0x25, 0, 0, 0, 0 /* jmp *back(%rip) */};
    uint16_t code64;

    __asm__("mov %%cs, %0" : "=r"(code64));
    memcpy(bytes + 4, &after, sizeof(after));
    memcpy(bytes + 8, &code64, sizeof(code64));
    memcpy(bytes + 12, &back, sizeof(back));
    memcpy(p->code + CODE_OFFSET, bytes, sizeof(bytes));
}

/* The other mode may lose the upper halves of all registers. */
static void call_32(void *argument)
{
    struct call_32 *c = argument;
    struct descriptor_register old,
        gdt = {.limit = (uint16_t)(c->page->code16 + 7), .base = gpa_of(c->page->gdt)};
    uint64_t *back = (uint64_t *)(void *)((uint8_t *)c->page->gdt + SLOT_BACK);
    uint64_t a = (uint32_t)c->control, d = c->control >> 32;

    __asm__ volatile("sgdt %0" : "=m"(old));
    __asm__ volatile("lgdt %0" : : "m"(gdt));
    __asm__ volatile("lea 1f(%%rip), %%r8; mov %%r8, (%[back]);"
                     "push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15;"
                     "push %[selector]; push %[offset]; lretq;"
                     "1: pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp"
                     : "+a"(a), "+d"(d)
                     : [back] "r"(back), [selector] "r"((uint64_t)c->page->code32),
                       [offset] "r"(gpa_of(c->page->code) + CODE_OFFSET), "b"(c->input >> 32),
                       "c"(c->input & UINT32_MAX), "D"(c->output >> 32), "S"(c->output & UINT32_MAX)
                     : "r8", "memory", "cc");
    __asm__ volatile("lgdt %0" : : "m"(old));
    c->result = (d & UINT32_MAX) << 32 | (a & UINT32_MAX);
}

/* Of the second processor: it makes a call that goes on for ever one that the host refuses. */
struct end_32 {
    struct hv_input_device_domain *input;
    uint64_t us; /* no call takes so long */
    bool done;
};

static void end_endless(void *argument)
{
    struct end_32 *end = argument;
    const uint64_t then = time_us() + end->us;

    while (!__atomic_load_n(&end->done, __ATOMIC_ACQUIRE)) {
        if (time_us() > then)
            __atomic_store_n(&end->input->partition_id, 0, __ATOMIC_RELEASE);
        give_way();
    }
}

/* The code can be executed meanwhile only: a test that fails leaves the page to others. */
static void make_call_32(struct test_run *t, struct call_32 *c, const char *what)
{
    struct end_32 *end = processor_count() > 1 ? second_memory(t, sizeof(*end)) : NULL;
    enum trap_vector vector;

    if (end) {
        end->input = gpa_pointer(c->input);
        end->us = test_owed_us(t);
        second_begin(t, end_endless, end);
    }
    paging_set(gpa_of(c->page->code), PAGE_SIZE, PAGING_RX);
    vector = trap_catch(call_32, c, NULL);
    mode_page_end(c->page);
    if (end) {
        __atomic_store_n(&end->done, true, __ATOMIC_RELEASE);
        second_end(t);
    }
    CHECK_EQ(vector, TRAP_NONE, "exception of a call of 32-bit code");
    CHECK_STATUS(hv_result_status(c->result), HV_STATUS_SUCCESS, what);
}

#define PAGES_32 200u
#define STRIDE   (2 * PAGE_SIZE) /* no two pages make one block */

/* The pages are used, unmapped, and flushed from element `start` on by a list of 32-bit code. */
static void flush_of_32(struct test_run *t, const struct mode_page *p, struct domain *d,
                        struct dma_engine *e, struct buffer *b, const struct buffer *parameters,
                        unsigned count, unsigned start)
{
    struct hv_input_flush_device_domain_list *input = (void *)parameters->data;
    struct call_32 call = {.page = p,
                           .control = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, count, start, 0),
                           .input = gpa_of(input)};

    for (unsigned i = 0; i < count; i++)
        REQUIRE(domain_map(d, IOVA + i * STRIDE, gpa_of(b->data), PAGE_SIZE, RW) == STAGE1_OK,
                "mapping page %u", i);
    fill_each_by_device(t, e, IOVA, STRIDE, count, 8, "mapped");
    *input = (struct hv_input_flush_device_domain_list){.flags = HV_FLUSH_LIST_IOMMU_FORMAT};
    pviommu_fill_domain(&input->device_domain, d->id);
    for (unsigned i = 0; i < count; i++) {
        input->range[i] = hv_iommu_range((IOVA + i * STRIDE) >> HV_PAGE_SHIFT, 0);
        *leaf_entry(t, d, IOVA + i * STRIDE) = 0;
    }
    STEP("a list of %llu elements from %llu on, at GPA 0x%llx, by 32-bit code", count, start,
         call.input);
    make_call_32(t, &call, "FLUSH_LIST of 32-bit code");
    CHECK_EQ(hv_result_reps(call.result), count, "elements done");
    buffer_refresh(b);
    try_each_by_device(t, e, IOVA + start * STRIDE, STRIDE, count - start, 8, "flushed");
    expect_untouched(t, b, "pages that 32-bit code has flushed");
    drain_faults(t, e);
    flush(t, d);
}

#define PLACES_32(ROW, test)                                                                       \
    ROW(test, low, false, WORD(place, "below 4 GiB"))                                              \
    ROW(test, high, true, WORD(place, "above 4 GiB"))

VARIANTS(const bool, places_32, PLACES_32);

TEST_EACH(calls_of_32_bit_code, PLACES_32,
          PROMISE("Calls of 32-bit code with parameters {place} take them from pairs of registers, "
                  "and long lists are flushed to their end")
          COVERS("GEN-18 LS-4") DEVICES(NONE) KINDS("dma flush device")
          STEPS("32-bit code at CPL 0 asks for the capabilities. It flushes 1, 64, 65, 129 and 200 "
                "pages, which a device has used and which were unmapped, by one list each, also "
                "from elements 1, 3 and 70 on, with the list {place}. The device writes to all "
                "that were flushed.")
          EXPECTS("The capabilities are those that 64-bit code gets. Each list succeeds with all "
                  "elements done, and no write lands.")
          IF_IT_FAILS("The host goes on with a list by registers of 64-bit code, or leaves a half "
                      "of a pair out: EDX holds the number of elements and of those done."))
{
    static const struct {
        unsigned count, start;
    } lists[] = {{1, 0},  {64, 0}, {65, 0},   {129, 0},     {PAGES_32, 0},
                 {65, 1}, {64, 3}, {129, 70}, {PAGES_32, 3}};
    struct dma_engine *engines[DMA_ENGINES_MAX], *e;
    struct buffer parameters, b = buffer(t, 1);
    struct hv_output_get_iommu_capabilities *got;
    struct mode_page p;
    struct domain *d;
    struct call_32 ask = {.control = hv_control(HVCALL_GET_IOMMU_CAPABILITIES, 0, 0, 0)};

    need_integrity(t, NULL);
    (void)fast_devices(t, engines, 1);
    e = engines[0];
    need_width(t, IOVA, PAGES_32 * STRIDE);
    parameters = VARIANT(places_32) ? buffer_high(t, 2) : buffer(t, 2);
    d = domain_paging(t);
    attach(t, d, e);
    p = mode_page(t);
    REQUIRE((gpa_of(p.code) | gpa_of(p.gdt)) >> 31 == 0, "the code is above 2 GiB");
    put_call_32(&p);
    got = (void *)(parameters.data + PAGE_SIZE);
    memset(parameters.data, 0, PAGE_SIZE);
    *(struct hv_input_get_iommu_capabilities *)(void *)parameters.data =
        (struct hv_input_get_iommu_capabilities){.partition_id = HV_PARTITION_ID_SELF};
    ask.page = &p;
    ask.input = gpa_of(parameters.data);
    ask.output = gpa_of(got);
    make_call_32(t, &ask, "GET_CAPABILITIES of 32-bit code");
    CHECK(memcmp(got, capabilities(t), sizeof(*got)) == 0,
          "the capabilities are not those that 64-bit code gets");
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
        flush_of_32(t, &p, d, e, &b, &parameters, lists[i].count, lists[i].start);
}
