/* SPDX-License-Identifier: MIT */
/* What a call leaves in the processor. Every register goes in with a value of its own, so that a swap shows as well. */
#define TEST_GROUP "hypercall"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/hypercall_calls.h"

static void fill_registers(struct test_run *t, struct hypercall_registers *r)
{
    uint8_t *bytes = (uint8_t *)r;

    for (size_t i = 0; i < sizeof(*r); i++) {
        bytes[i] = (uint8_t)random_u64(&t->random);
    }
}

static void same(struct test_run *t, const char *call, const char *name, uint64_t before, uint64_t after)
{
    char what[TEXT_MAX];

    fmt_snprintf(what, sizeof(what), "%s after %s", name, call);
    CHECK_EQ(after, before, what);
}

/* Makes the call with random values in all other registers, and compares all but RAX, and but RCX where that may move.
 */
static enum hv_status call_preserving(struct test_run *t, const char *call, uint64_t control, uint64_t rdx, uint64_t r8,
                                      bool rcx_may_change)
{
    struct hypercall_registers before, after;
    enum trap_vector vector;

    fill_registers(t, &before);
    before.rcx = control;
    before.rdx = rdx;
    before.r8 = r8;
    after = before;
    vector = hypercall_raw_registers(&after);
    STEP4(t, "%s, control 0x%llx: exception %llu, RAX 0x%llx", (uint64_t)(uintptr_t)call, control, vector, after.rax);
    CHECK(vector == TRAP_NONE, "%s raised exception %u", call, (unsigned)vector);
#define SAME(field) same(t, call, #field, before.field, after.field)
    SAME(rbx);
    SAME(rdx);
    SAME(rbp);
    SAME(rsi);
    SAME(rdi);
    SAME(r8);
    SAME(r9);
    SAME(r10);
    SAME(r11);
    SAME(r12);
    SAME(r13);
    SAME(r14);
    SAME(r15);
    if (!rcx_may_change) {
        SAME(rcx);
    }
#undef SAME
    for (unsigned i = 0; i < sizeof(before.xmm) / sizeof(before.xmm[0]); i++) {
        CHECK(memcmp(before.xmm[i], after.xmm[i], sizeof(before.xmm[i])) == 0, "XMM%u changed in %s", i, call);
    }
    return hv_result_status(after.rax);
}

TEST(registers_after_success,
     PROMISE("A simple call in memory form that succeeds leaves all registers but RAX as they were, XMM0 to XMM5 "
             "included")
     COVERS("GEN-11") DEVICES(NONE) KINDS("none")
     STEPS("Makes every simple call with random values in all other registers and in XMM0 to XMM5.")
     EXPECTS("Every call succeeds and changes RAX only.")
     IF_IT_FAILS("The host's exit path loses a register of the guest. Compilers keep values in them across the call, "
                 "so damage shows far away from its cause."))
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];

        if (shape->rep || !stage_can_carry_out(&s, shape)) {
            continue;
        }
        stage_body(&s, shape, s.input.data);
        CHECK_SUCCESS(
            call_preserving(t, shape->name, stage_control(shape), gpa_of(s.input.data), gpa_of(s.output.data), false),
            shape->name);
    }
}

TEST(registers_after_rep_call,
     PROMISE("A rep call may move on RCX; all other registers but RAX stay as they were")
     COVERS("GEN-11 LS-4") DEVICES(NONE) KINDS("flush")
     STEPS("Makes list flushes of 1, 2 and 508 elements with random values in all other registers.")
     EXPECTS("Each succeeds; RAX and RCX may change, nothing else.")
     IF_IT_FAILS("The continuation of a rep call damages registers."))
{
    static const uint32_t counts[] = {1, 2, 508};
    struct stage s = stage_open(t);

    stage_fill_list(&s);
    stage_body(&s, list_flush, s.input.data);
    for (unsigned n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        uint64_t control = hv_control(list_flush->code, counts[n], 0, 0);

        CHECK_SUCCESS(call_preserving(t, list_flush->name, control, gpa_of(s.input.data), gpa_of(s.output.data), true),
                      list_flush->name);
    }
}

TEST(registers_after_failure,
     PROMISE("A call that is refused leaves all registers but RAX as they were")
     COVERS("GEN-11") DEVICES(NONE) KINDS("bad-input")
     STEPS("Makes every call with a reserved control bit, and with a misaligned input, with random values in all other "
           "registers; then an unknown call.")
     EXPECTS("All registers but RAX are as before (RCX may move for a rep call).")
     IF_IT_FAILS("The error path of the host leaves through another way than the good one, and loses registers."))
{
    struct stage s = stage_open_anywhere(t);
    uint64_t input = gpa_of(s.input.data);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];
        uint64_t output = gpa_of(s.output.data);

        stage_body(&s, shape, s.input.data);
        /* That these are refused is for the tests of malformed calls to judge. */
        call_preserving(t, shape->name, stage_control(shape) | HV_CONTROL_RESERVED, input, output, shape->rep);
        call_preserving(t, shape->name, stage_control(shape), input + 1, output, shape->rep);
    }
    call_preserving(t, "an unknown call", hv_control(0x7000, 0, 0, 0), input, 0, false);
}

TEST(unused_output_register,
     PROMISE("A call without output ignores R8, whatever it holds, and writes nothing where it points")
     COVERS("GEN-13") DEVICES(NONE) KINDS("none")
     STEPS("Makes every call without output with six different values in R8, among them odd ones, impossible ones, and "
           "the address of a poisoned page.")
     EXPECTS("Every call succeeds, and the page is not written.")
     IF_IT_FAILS("The host checks or uses the output address of calls that have no output. Guests leave rubbish in R8."))
{
    static const uint64_t garbage[] = {1, 7, UINT64_C(0xFFFFFFFFFFFFFFFF), UINT64_C(0x8000000000000000),
                                       UINT64_C(0x0000123456789ABD)};
    struct stage s = stage_open(t);

    /* CREATE comes before DELETE in the table, and each round names a domain that the round before left as it found it.
     */
    for (unsigned g = 0; g <= sizeof(garbage) / sizeof(garbage[0]); g++) {
        uint64_t r8 = g < sizeof(garbage) / sizeof(garbage[0]) ? garbage[g] : gpa_of(s.output.data);

        for (unsigned i = 0; i < CALL_COUNT; i++) {
            const struct call_shape *shape = &call_shapes[i];

            if (shape->output_size || (shape->code == HVCALL_ATTACH_DEVICE_DOMAIN && !s.by.engine) ||
                shape->code == HVCALL_DETACH_DEVICE_DOMAIN) {
                continue;
            }
            stage_body(&s, shape, s.input.data);
            if (shape->code == HVCALL_DELETE_DEVICE_DOMAIN) {
                struct hv_input_delete_device_domain body;

                pviommu_fill_domain(&body.device_domain, s.absent);
                memcpy(s.input.data, &body, sizeof(body));
            }
            if (shape->code == HVCALL_CONFIGURE_DEVICE_DOMAIN && g > 0) {
                continue; /* a second CONFIGURE may be refused for its own sake */
            }
            STEP2(t, "%s with R8 0x%llx", (uint64_t)(uintptr_t)shape->name, r8);
            CHECK_SUCCESS(hv_result_status(hypercall_raw(stage_control(shape), gpa_of(s.input.data), r8)), shape->name);
        }
        if (s.by.engine) {
            attach(t, s.by.domain, s.by.engine);
        }
    }
    expect_untouched(t, &s.output, "memory that R8 of calls without output pointed to");
}
