/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

static void fill(struct test_run *t, struct hypercall_registers *r)
{
    for (size_t at = 0; at + sizeof(uint64_t) <= sizeof(*r); at += sizeof(uint64_t)) {
        uint64_t word = random_u64(&t->random);

        memcpy((uint8_t *)r + at, &word, sizeof(word));
    }
}

static void expect_register(struct test_run *t, const char *call, const char *name, uint64_t before,
                            uint64_t after)
{
    if (before != after) {
        fmt_snprintf(t->expected, sizeof(t->expected), "%s 0x%llx, as before the call", name,
                     (unsigned long long)before);
        fmt_snprintf(t->actual, sizeof(t->actual), "0x%llx", (unsigned long long)after);
        test_fail(t, PVT_WHERE, "%s changed in %s", name, call);
    }
}

static void expect_xmm(struct test_run *t, const char *call, unsigned n, const uint8_t *before,
                       const uint8_t *after)
{
    uint64_t was[2], is[2];
    char name[8];

    memcpy(was, before, sizeof(was));
    memcpy(is, after, sizeof(is));
    fmt_snprintf(name, sizeof(name), "XMM%u", n);
    for (unsigned half = 0; half < 2; half++)
        expect_register(t, call, name, was[half], is[half]);
}

static void expect_same(struct test_run *t, const struct register_call *c,
                        const struct hypercall_registers *before,
                        const struct hypercall_registers *after)
{
#define SAME(field, text) expect_register(t, c->name, text, before->field, after->field)
    SAME(rbx, "RBX");
    SAME(rdx, "RDX");
    SAME(rbp, "RBP");
    SAME(rsi, "RSI");
    SAME(rdi, "RDI");
    SAME(r8, "R8");
    SAME(r9, "R9");
    SAME(r10, "R10");
    SAME(r11, "R11");
    SAME(r12, "R12");
    SAME(r13, "R13");
    SAME(r14, "R14");
    SAME(r15, "R15");
    if (!c->rcx_may_change)
        SAME(rcx, "RCX");
#undef SAME
    for (unsigned i = 0; i < ARRAY_SIZE(before->xmm); i++)
        expect_xmm(t, c->name, i, before->xmm[i], after->xmm[i]);
}

enum trap_vector call_preserving(struct test_run *t, const struct register_call *c, uint64_t *rax)
{
    struct hypercall_registers before, after;
    enum trap_vector vector;

    fill(t, &before);
    before.rcx = c->control;
    before.rdx = c->rdx;
    before.r8 = c->r8;
    if (c->xmm)
        memcpy(before.xmm, c->xmm, sizeof(before.xmm));
    after = before;
    vector = hypercall_raw_registers(&after);
    *rax = after.rax;
    STEP("control word 0x%llx, RDX 0x%llx, R8 0x%llx: RAX 0x%llx%s", c->control, c->rdx, c->r8,
         after.rax, vector == TRAP_NONE ? "" : ", as before, by an exception");
    if (vector == TRAP_NONE)
        expect_same(t, c, &before, &after);
    return vector;
}
