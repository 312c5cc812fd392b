/* SPDX-License-Identifier: MIT */
/* Registers after a call. Every register goes in with a value of its own, so that a swap shows as
 * well. */
#define TEST_GROUP "hypercall"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

static enum hv_status make(struct test_run *t, const char *name, uint64_t control, uint64_t rdx,
                           uint64_t r8, bool rcx_may_change)
{
    struct register_call c = {
        .name = name, .control = control, .rdx = rdx, .r8 = r8, .rcx_may_change = rcx_may_change};
    uint64_t rax;
    enum trap_vector vector = call_preserving(t, &c, &rax);

    CHECK(vector == TRAP_NONE, "%s raised exception %u", name, (unsigned)vector);
    return hv_result_status(rax);
}

TEST(registers_after_success,
     PROMISE("A simple call in memory form that succeeds leaves all registers but RAX as they "
             "were, XMM0 to XMM5 included")
     COVERS("GEN-11") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Makes every simple call with random values in all other registers and in XMM0 to XMM5.")
     EXPECTS("Every call succeeds and changes RAX only.")
     IF_IT_FAILS("The host's exit path loses a register of the guest. Compilers keep values in "
                 "them across the call, so damage shows far away from its cause."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];

        if (call_is_rep(call) || !call_can_succeed(&f, call))
            continue;
        call_body(&f, call, body);
        memcpy(f.input.data, body, call_input_size(call));
        CHECK_SUCCESS(make(t, call_name(call), call_control(call), gpa_of(f.input.data),
                           gpa_of(f.output.data), false),
                      call_name(call));
    }
}

TEST(registers_after_rep_call,
     PROMISE("A rep call may move on RCX; all other registers but RAX stay as they were")
     COVERS("GEN-11 LS-4") ABI() DEVICES(NONE) KINDS("flush")
     STEPS("Makes list flushes of 1, 2 and 508 elements with random values in all other registers.")
     EXPECTS("Each succeeds; RAX and RCX may change, nothing else.")
     IF_IT_FAILS("The continuation of a rep call damages registers."))
{
    static const uint32_t counts[] = {1, 2, 508};
    struct call_fixture f = call_fixture_open(t);
    uint64_t body[CALL_WORDS_MAX];

    call_fill_list(&f);
    call_body(&f, CALL_FLUSH_LIST, body);
    memcpy(f.input.data, body, call_input_size(CALL_FLUSH_LIST));
    for (unsigned n = 0; n < ARRAY_SIZE(counts); n++) {
        uint64_t control = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, counts[n], 0, 0);

        CHECK_SUCCESS(
            make(t, "FLUSH_LIST", control, gpa_of(f.input.data), gpa_of(f.output.data), true),
            "FLUSH_LIST");
    }
}

TEST(registers_after_failure,
     PROMISE("A call that is refused leaves all registers but RAX as they were")
     COVERS("GEN-11") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Makes every call with a reserved control bit, and with a misaligned input, with random "
           "values in all other registers; then an unknown call.")
     EXPECTS("All registers but RAX are as before (RCX may move for a rep call).")
     IF_IT_FAILS("The error path of the host leaves through another way than the good one, and "
                 "loses registers."))
{
    struct call_fixture f = call_fixture_anywhere(t);
    uint64_t input = gpa_of(f.input.data), output = gpa_of(f.output.data);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        bool rep = call_is_rep(call);

        call_body(&f, call, body);
        memcpy(f.input.data, body, call_input_size(call));
        /* The tests of malformed calls check that these are refused. */
        make(t, call_name(call), call_control(call) | HV_CONTROL_RESERVED, input, output, rep);
        make(t, call_name(call), call_control(call), input + 1, output, rep);
    }
    make(t, "an unknown call", hv_control(0x7000, 0, 0, 0), input, 0, false);
}

TEST(unused_output_register,
     PROMISE("A call without output ignores R8, whatever it holds, and writes nothing where it "
             "points")
     COVERS("GEN-13") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Makes every call without output with six different values in R8, among them odd ones, "
           "impossible ones, and the address of a poisoned page.")
     EXPECTS("Every call succeeds, and the page is not written.")
     IF_IT_FAILS("The host checks or uses the output address of calls that have no output. Guests "
                 "leave rubbish in R8."))
{
    static const uint64_t garbage[] = {1, 7, UINT64_C(0xFFFFFFFFFFFFFFFF),
                                       UINT64_C(0x8000000000000000), UINT64_C(0x0000123456789ABD)};
    struct call_fixture f = call_fixture_open(t);

    for (unsigned g = 0; g <= ARRAY_SIZE(garbage); g++) {
        uint64_t r8 = g < ARRAY_SIZE(garbage) ? garbage[g] : gpa_of(f.output.data);

        FOR_EACH_CALL(call)
        {
            uint64_t body[CALL_WORDS_MAX];
            struct mutated_call m = mutated_call_begin(&f, call, body);

            m.rule = RULE_ACCEPT;
            m.what = "an output address that it has no use for";
            m.how = "R8";
            m.number = r8;
            m.r8 = r8;
            if (!call_output_size(call) && call_can_succeed(&f, call))
                mutated_call_send_body(t, &f, &m, body);
        }
    }
    expect_untouched(t, &f.output, "memory that R8 of calls without output pointed to");
}
