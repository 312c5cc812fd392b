/* SPDX-License-Identifier: MIT */
/* Forms of a call on which the ABI is silent: in registers, or with the nested bit. A refusal must
 * change nothing, a success must mean what it says. */
#define TEST_GROUP "hypercall"
#include "tests/harness/calls/mutated_call.h"

/* Sends each call with `bit` of the control word set. The register form of an output is not public,
 * so that only the effect of calls without output can be compared. */
static void with_bit(struct test_run *t, uint64_t bit, const char *form)
{
    struct call_fixture f = call_fixture_open(t);
    struct tally refused = {0};

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);
        enum hv_status status;

        m.rule =
            bit == HV_CONTROL_FAST && call_output_size(call) ? RULE_OPEN : RULE_REFUSE_OR_IGNORE;
        m.what = form;
        m.how = "control word";
        m.number = m.control |= bit;
        status = hv_result_status(mutated_call_send_body(t, &f, &m, body));
        if (status == HV_STATUS_SUCCESS)
            observe_status(t, call_name(call), status);
        else
            tally_add(&refused, status);
        mutated_call_expect_intact(t, &f, call, form);
    }
    observe_tally(t, "refused", &refused);
}

OBSERVATION(fast_form,
            PROMISE("A call in fast form means what it means in memory, or is refused and changes "
                    "nothing")
            COVERS("GEN-15") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Sends each call in the register form, with its parameters in RDX, R8 and the "
                  "XMM registers. Undoes the calls that succeeded, then checks everything.")
            EXPECTS("A call means what it means in memory form, or it is refused (also by #UD) and "
                    "nothing has changed. The statuses are recorded.")
            IF_IT_FAILS("Success without effect, or effect with an error: the host takes "
                        "parameters from the wrong registers."))
{
    with_bit(t, HV_CONTROL_FAST, "its parameters in registers");
}

OBSERVATION(nested_bit,
            PROMISE("The nested bit of the control word is ignored, or the call is refused and "
                    "changes nothing")
            COVERS("GEN-15") ABI() DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Sends each flawless call with the nested bit of the control word. Undoes the "
                  "calls that succeeded, then checks everything.")
            EXPECTS("The bit is ignored, or the call is refused and nothing has changed. The "
                    "statuses are recorded.")
            IF_IT_FAILS("The call is carried out in part, or reports an error after it was carried "
                        "out."))
{
    with_bit(t, HV_CONTROL_NESTED, "the nested bit");
}
