/* SPDX-License-Identifier: MIT */
/*
 * A right call in which one thing is changed. A test describes the change and the rule that the ABI
 * gives for it; mutated_call_send() checks status, effect, registers, and the memory around input
 * and output.
 */
#ifndef PVT_TESTS_HARNESS_CALLS_MUTATED_CALL_H
#define PVT_TESTS_HARNESS_CALLS_MUTATED_CALL_H

#include "tests/harness/calls/call_fixture.h"

enum rule {
    RULE_REFUSE,           /* any error, and no effect */
    RULE_REFUSE_OR_IGNORE, /* that, or success with exactly the effect of the right call */
    RULE_NO_EFFECT,        /* any status, never an effect */
    RULE_OPEN,   /* an error without effect, or success with whatever the host means by it */
    RULE_ACCEPT, /* nothing is wrong with the call: success, with its effect */
};

struct mutated_call {
    enum call_id call;
    enum rule rule;
    uint8_t one, other; /* RULE_REFUSE: the two statuses that are allowed; 0 = any */
    const char *what;   /* "partition_id", "control word" */
    const char *how;    /* "bit", "value" */
    uint64_t number;
    uint64_t control, rdx, r8;
    const uint8_t *xmm;   /* input for XMM0 to XMM5; NULL: anything */
    const uint64_t *body; /* what the parameter list says, for taking a success back */
};

/* The objects for mutations of `call`, which has been sent as it should be: a host that is wrong
 * already then breaks the requirements of the right call, and not those of the test. Skips the test
 * when the call needs a device and there is none. */
struct call_fixture mutated_call_fixture(struct test_run *t, enum call_id call);
/* The right call in the usual place, for a test to change. `body` is filled, and sent when the call
 * is. */
struct mutated_call mutated_call_begin(struct call_fixture *f, enum call_id call, uint64_t *body);
/* RULE_REFUSE with these statuses. */
void mutated_call_refuse_with(struct mutated_call *m, enum hv_status one, enum hv_status other);
/* Sends it and checks it, after the right call where that was not tried yet; the test ends here
 * when the host is wrong. Returns RAX. */
uint64_t mutated_call_send(struct test_run *t, struct call_fixture *f,
                           const struct mutated_call *m);
/* Puts the body to its usual place first, or to `offset` of the input buffer. In register form RDX,
 * R8 and the XMM registers get it. */
uint64_t mutated_call_send_body(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                                const uint64_t *body);
uint64_t mutated_call_send_at(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                              const uint64_t *body, size_t offset);
/* The full look at the objects after "CREATE with what". */
void mutated_call_expect_intact(struct test_run *t, struct call_fixture *f, enum call_id call,
                                const char *what);
/* At the end of a test of one call: the full look, and the statuses as an observation. */
void mutated_call_end(struct test_run *t, struct call_fixture *f, enum call_id call,
                      const char *what);

/* One call with a value of its own in every register that is not a parameter, so that a lost and a
 * swapped one show. All but RAX have to come back, and RCX unless it may change. `name` is for the
 * report. An exception is returned, and is for the caller to check. `xmm`: input for XMM0 to XMM5,
 * or NULL. */
struct register_call {
    const char *name;
    uint64_t control, rdx, r8;
    const uint8_t *xmm;
    bool rcx_may_change;
};
enum trap_vector call_preserving(struct test_run *t, const struct register_call *c, uint64_t *rax);

#endif
