/* SPDX-License-Identifier: MIT */
/* One call: registers, status, effect. */
#include "tests/harness/calls/mutated_call.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/second_processor.h"

/* Bytes before and after the output structure that are checked after each call; all others once a
 * test. */
#define OUTPUT_MARGIN 64u

struct mutated_call mutated_call_begin(struct call_fixture *f, enum call_id call, uint64_t *body)
{
    call_body(f, call, body);
    return (struct mutated_call){.call = call,
                                 .rule = RULE_REFUSE,
                                 .what = "call",
                                 .how = "",
                                 .control = call_control(call),
                                 .rdx = gpa_of(f->input.data),
                                 .r8 = gpa_of(f->output.data) + CALL_OUTPUT_OFFSET,
                                 .body = body};
}

void mutated_call_refuse_with(struct mutated_call *m, enum hv_status one, enum hv_status other)
{
    m->rule = RULE_REFUSE;
    m->one = (uint8_t)one;
    m->other = (uint8_t)other;
}

/* The test ends here. `problem` says what the host did wrong. */
static void mutated_call_fail(struct test_run *t, const struct mutated_call *m,
                              enum hv_status status, const char *expected, const char *problem)
{
    fmt_snprintf(t->expected, sizeof(t->expected), "%s", expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "%s (0x%x)", hv_status_name(status),
                 (unsigned)status);
    test_fail(t, PVT_WHERE, "%s, %s: %s 0x%llx: %s", call_name(m->call), m->what, m->how,
              (unsigned long long)m->number, problem);
}

/* #UD is a refusal of the register form. */
static uint64_t call_registers(struct test_run *t, const struct mutated_call *m)
{
    char name[TEXT_MAX];
    struct register_call c = {.name = name,
                              .control = m->control,
                              .rdx = m->rdx,
                              .r8 = m->r8,
                              .xmm = m->xmm,
                              .rcx_may_change = call_is_rep(m->call)};
    enum trap_vector vector;
    uint64_t rax;

    fmt_snprintf(name, sizeof(name), "%s, %s: %s 0x%llx", call_name(m->call), m->what, m->how,
                 (unsigned long long)m->number);
    vector = call_preserving(t, &c, &rax);
    if (vector == TRAP_UD && (m->control & HV_CONTROL_FAST))
        return hv_result(HV_STATUS_FEATURE_UNAVAILABLE, 0);
    CHECK(vector == TRAP_NONE, "%s: exception %u", name, (unsigned)vector);
    return rax;
}

static bool is_flush(const struct mutated_call *m)
{
    return m->call == CALL_FLUSH || m->call == CALL_FLUSH_LIST;
}

/* Makes the page that the flushes name stale: used just now, and unmapped. */
static uint64_t make_stale(struct test_run *t, struct call_fixture *f)
{
    struct place *home = &f->place[PLACE_HOME];
    uint64_t leaf = *home->leaf;

    CHECK(call_landing(t, f, PLACE_HOME) == LANDED_TARGET,
          "the device does not reach the page of its domain");
    *home->leaf = 0;
    return leaf;
}

static void judge_status(struct test_run *t, const struct mutated_call *m, enum hv_status status)
{
    bool success = status == HV_STATUS_SUCCESS;

    if (m->rule == RULE_ACCEPT && !success)
        mutated_call_fail(t, m, status, "SUCCESS: nothing is wrong with the call", "refused");
    if (m->rule != RULE_REFUSE)
        return;
    if (success)
        mutated_call_fail(t, m, status, "an error", "not refused");
    if (m->one && status != m->one && status != m->other) {
        char expected[TEXT_MAX];

        fmt_snprintf(expected, sizeof(expected),
                     m->one == m->other ? "%s (0x%x)" : "%s (0x%x) or %s (0x%x)",
                     hv_status_name(m->one), m->one, hv_status_name(m->other), m->other);
        mutated_call_fail(t, m, status, expected, "refused with another status");
    }
}

/* Address at which the call should write its output; the usual place if it is in none of the
 * fixture's buffers. */
static uint8_t *output_of(const struct call_fixture *f, const struct mutated_call *m)
{
    uint64_t first = gpa_of(f->output.data),
             last = first + f->output.size - call_output_size(m->call);

    return m->r8 >= first && m->r8 <= last ? gpa_pointer(m->r8)
                                           : f->output.data + CALL_OUTPUT_OFFSET;
}

/* An ATTACH with another id than the device's took some other device, which no bus shows: no later
 * test has to bear that. */
static void release_stranger(struct test_run *t, const struct call_fixture *f,
                             const struct mutated_call *m)
{
    struct hv_input_attach_device_domain input;
    enum hv_status status;

    if (m->call != CALL_ATTACH)
        return;
    memcpy(&input, m->body, sizeof(input));
    if (!f->engine || input.device_id != f->engine->device_id) {
        status = pviommu_detach(input.device_id);
        STEP("detach device 0x%llx, which no bus shows: %s", input.device_id,
             hv_status_name(status));
    }
}

static void judge_effect(struct test_run *t, struct call_fixture *f, const struct mutated_call *m,
                         enum hv_status status)
{
    bool success = status == HV_STATUS_SUCCESS;
    enum effect effect;

    if (!f->pviommu)
        return;
    effect = success ? call_effect_success(t, f, m->call, m->body, output_of(f, m))
                     : call_effect_refused(t, f, m->call);
    if (success && effect == EFFECT_NONE)
        release_stranger(t, f, m);
    if (!success && effect != EFFECT_NONE) {
        mutated_call_fail(t, m, status, "no effect",
                          effect == EFFECT_DONE ? "refused, and carried out"
                                                : "refused, but not without effect");
    }
    if (!success || m->rule == RULE_OPEN)
        return;
    if (m->rule == RULE_NO_EFFECT) {
        /* Another answer than that of the right call changes nothing, and neither does a flush. */
        if (!is_flush(m) &&
            (effect == EFFECT_DONE || (effect == EFFECT_OTHER && call_output_size(m->call) == 0))) {
            mutated_call_fail(t, m, status, "no effect on what the call does not name",
                              "carried out on another object");
        }
    } else if (effect != EFFECT_DONE) {
        mutated_call_fail(t, m, status, "an error, or all that the call is for",
                          effect == EFFECT_NONE ? "success, and nothing done"
                                                : "success, and something else done");
    }
}

/* On SUCCESS the structure is written, on an error it may be; nothing else ever is. */
static void judge_output(struct test_run *t, struct call_fixture *f, const struct mutated_call *m,
                         enum hv_status status)
{
    uint8_t *output = output_of(f, m), *first = f->output.data, *end = first + f->output.size;
    size_t size = call_output_size(m->call);

    memset(output, POISON_FRESH, size);
    first = output - first > OUTPUT_MARGIN ? output - OUTPUT_MARGIN : first;
    end = (size_t)(end - output) > size + OUTPUT_MARGIN ? output + size + OUTPUT_MARGIN : end;
    if (memory_find_other(first, (size_t)(end - first), POISON_FRESH)) {
        mutated_call_fail(t, m, status, "no byte written outside of the output structure",
                          "memory around the output changed");
    }
}

static uint64_t send(struct test_run *t, struct call_fixture *f, const struct mutated_call *m)
{
    bool stale =
        is_flush(m) && f->engine && (m->rule == RULE_REFUSE_OR_IGNORE || m->rule == RULE_ACCEPT);
    uint64_t leaf = stale ? make_stale(t, f) : 0;
    enum hv_status status;
    uint64_t result;

    processor_makes_calls(t, f->processor);
    result = call_registers(t, m);
    status = hv_result_status(result);
    processor_makes_calls(t, 0);

    STEP("%s, %s: %s 0x%llx: %s", call_name(m->call), m->what, m->how, m->number,
         hv_status_name(status));
    judge_status(t, m, status);
    judge_effect(t, f, m, status);
    judge_output(t, f, m, status);
    if (stale)
        *f->place[PLACE_HOME].leaf = leaf; /* what may still be cached says the same */
    return result;
}

/* The list is in memory of its own: the input buffer belongs to the test. */
static void prove(struct test_run *t, struct call_fixture *f, enum call_id call)
{
    struct mutated_call right;
    uint64_t *body;

    if (f->proven[call] || !f->pviommu || !call_can_succeed(f, call))
        return;
    body = page_alloc(1, PAGE_SIZE);
    REQUIRE(body, "no memory for a parameter list");
    f->proven[call] = true;
    test_setup(t, call_table[call].requirements);
    right = mutated_call_begin(f, call, body);
    /* A host may have no register form. */
    right.rule = right.control & HV_CONTROL_FAST ? RULE_REFUSE_OR_IGNORE : RULE_ACCEPT;
    right.what = "the right call";
    right.how = "control word";
    right.number = right.control;
    if (right.control & HV_CONTROL_FAST) {
        right.rdx = body[0];
        right.r8 = body[1];
    } else {
        right.rdx = gpa_of(body);
    }
    send(t, f, &right);
    test_setup(t, NULL);
}

uint64_t mutated_call_send(struct test_run *t, struct call_fixture *f, const struct mutated_call *m)
{
    uint64_t result;

    prove(t, f, m->call);
    result = send(t, f, m);
    tally_add(&f->tally, hv_result_status(result));
    return result;
}

struct call_fixture mutated_call_fixture(struct test_run *t, enum call_id call)
{
    struct call_fixture f = call_fixture_for(t, call);

    prove(t, &f, call);
    return f;
}

static uint64_t send_in_registers(struct test_run *t, struct call_fixture *f,
                                  struct mutated_call *m, const uint64_t *body)
{
    uint64_t list[HV_FAST_XMM_INPUT_MAX / sizeof(uint64_t)] = {0}, result;

    memcpy(list, body, call_input_size(m->call));
    m->rdx = list[0];
    m->r8 = list[1];
    m->xmm = (const uint8_t *)&list[2];
    result = mutated_call_send(t, f, m);
    m->xmm = NULL;
    return result;
}

uint64_t mutated_call_send_at(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                              const uint64_t *body, size_t offset)
{
    uint8_t *list = f->input.data + offset;
    size_t size = call_input_size(m->call);
    uint64_t result;

    m->body = body;
    if (m->control & HV_CONTROL_FAST)
        return send_in_registers(t, f, m, body);
    m->rdx = gpa_of(list);
    memcpy(list, body, size);
    result = mutated_call_send(t, f, m);
    if (memcmp(list, body, size) != 0) {
        mutated_call_fail(t, m, hv_result_status(result), "the parameter list as it was sent",
                          "the host wrote to its input");
    }
    memset(list, POISON_FRESH, size);
    return result;
}

uint64_t mutated_call_send_body(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                                const uint64_t *body)
{
    return mutated_call_send_at(t, f, m, body, 0);
}

void mutated_call_expect_intact(struct test_run *t, struct call_fixture *f, enum call_id call,
                                const char *what)
{
    char after[TEXT_MAX];

    fmt_snprintf(after, sizeof(after), "%s with %s", call_name(call), what);
    call_fixture_expect_intact(t, f, after);
}

void mutated_call_end(struct test_run *t, struct call_fixture *f, enum call_id call,
                      const char *what)
{
    mutated_call_expect_intact(t, f, call, what);
    observe_tally(t, what, &f->tally);
}
