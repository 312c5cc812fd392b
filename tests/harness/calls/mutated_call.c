/* SPDX-License-Identifier: MIT */
/* One damaged call: registers, status, effect. */
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/malformed.h"

#define REGISTER_PATTERN 0xC3
/* Bytes before and behind the output structure that are looked at after each call; all others once a test. */
#define OUTPUT_MARGIN 64u

struct damage damage_begin(struct world *w, enum call_id call, uint64_t *body)
{
    world_body(w, call, body);
    return (struct damage){.call = call,
                           .rule = RULE_REFUSE,
                           .what = "call",
                           .how = "",
                           .control = call_control(call),
                           .rdx = gpa_of(w->input.data),
                           .r8 = gpa_of(w->output.data) + WORLD_OUTPUT_OFFSET,
                           .body = body};
}

/* The test ends here. `problem` says what the host did wrong. */
static void damage_fail(struct test_run *t, const struct damage *d, enum hv_status status, const char *expected,
                        const char *problem)
{
    fmt_snprintf(t->expected, sizeof(t->expected), "%s", expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "%s (0x%x)", hv_status_name(status), (unsigned)status);
    test_fail(t, PVT_WHERE, "%s, %s: %s 0x%llx: %s", call_table[d->call].name, d->what, d->how,
              (unsigned long long)d->number, problem);
}

/* All registers but RAX, and but RCX of a rep call, come back as they went. #UD is a refusal of the register form. */
static uint64_t call_registers(struct test_run *t, const struct damage *d)
{
    struct hypercall_registers before, after;
    enum trap_vector vector;

    memset(&before, REGISTER_PATTERN, sizeof(before));
    before.rcx = d->control;
    before.rdx = d->rdx;
    before.r8 = d->r8;
    after = before;
    vector = hypercall_raw_registers(&after);
    if (vector == TRAP_UD && (d->control & HV_CONTROL_FAST)) {
        return hv_result(HV_STATUS_FEATURE_UNAVAILABLE, 0);
    }
    CHECK(vector == TRAP_NONE, "%s, %s: %s 0x%llx: exception %u", call_table[d->call].name, d->what, d->how,
          (unsigned long long)d->number, (unsigned)vector);
    before.rax = after.rax;
    if (d->call == CALL_FLUSH_LIST) {
        before.rcx = after.rcx;
    }
    if (memcmp(&before, &after, sizeof(before)) != 0) {
        damage_fail(t, d, hv_result_status(after.rax), "all registers but RAX, and RCX of a list call, as before",
                    "a register changed");
    }
    return after.rax;
}

static bool is_flush(const struct damage *d)
{
    return d->call == CALL_FLUSH || d->call == CALL_FLUSH_LIST;
}

/* Makes the page that the flushes name stale: used just now, and unmapped. */
static uint64_t make_stale(struct test_run *t, struct world *w)
{
    struct place *home = &w->place[PLACE_HOME];
    uint64_t leaf = *home->leaf;

    CHECK(world_landing(t, w, PLACE_HOME) == LANDED_TARGET, "the device does not reach the page of its domain");
    *home->leaf = 0;
    return leaf;
}

static void judge_status(struct test_run *t, const struct damage *d, enum hv_status status)
{
    bool success = status == HV_STATUS_SUCCESS;

    if (d->rule == RULE_ACCEPT && !success) {
        damage_fail(t, d, status, "SUCCESS: nothing is wrong with the call", "refused");
    }
    if (d->rule != RULE_REFUSE) {
        return;
    }
    if (success) {
        damage_fail(t, d, status, "an error", "not refused");
    }
    if (d->one && status != d->one && status != d->other) {
        char expected[TEXT_MAX];

        fmt_snprintf(expected, sizeof(expected), d->one == d->other ? "%s (0x%x)" : "%s (0x%x) or %s (0x%x)",
                     hv_status_name(d->one), d->one, hv_status_name(d->other), d->other);
        damage_fail(t, d, status, expected, "refused with another status");
    }
}

static void judge_effect(struct test_run *t, struct world *w, const struct damage *d, enum hv_status status)
{
    bool success = status == HV_STATUS_SUCCESS;
    enum effect effect = success ? world_effect_success(t, w, d->call, d->body) : world_effect_refused(t, w, d->call);

    if (!success && effect != EFFECT_NONE) {
        damage_fail(t, d, status, "no effect",
                    effect == EFFECT_DONE ? "refused, and carried out" : "refused, but not without effect");
    }
    if (!success || d->rule == RULE_OPEN) {
        return;
    }
    if (d->rule == RULE_NO_EFFECT) {
        /* Another answer than that of the right call changes nothing, and neither does a flush. */
        if (!is_flush(d) && (effect == EFFECT_DONE || (effect == EFFECT_OTHER && call_output_size(d->call) == 0))) {
            damage_fail(t, d, status, "no effect on what the call does not name", "carried out on another object");
        }
    } else if (effect != EFFECT_DONE) {
        damage_fail(t, d, status, "an error, or all that the call is for",
                    effect == EFFECT_NONE ? "success, and nothing done" : "success, and something else done");
    }
}

/* On SUCCESS the structure is written, on an error it may be; nothing else ever is. */
static void judge_output(struct test_run *t, struct world *w, const struct damage *d, enum hv_status status)
{
    uint8_t *output = w->output.data + WORLD_OUTPUT_OFFSET;
    size_t size = call_output_size(d->call);

    memset(output, POISON_FRESH, size);
    if (memory_find_other(output - OUTPUT_MARGIN, size + 2ul * OUTPUT_MARGIN, POISON_FRESH)) {
        damage_fail(t, d, status, "no byte written outside of the output structure",
                    "memory around the output changed");
    }
}

uint64_t damage_send(struct test_run *t, struct world *w, const struct damage *d)
{
    bool stale = is_flush(d) && w->subject && (d->rule == RULE_REFUSE_OR_IGNORE || d->rule == RULE_ACCEPT);
    uint64_t leaf = stale ? make_stale(t, w) : 0;
    uint64_t result = call_registers(t, d);
    enum hv_status status = hv_result_status(result);

    STEP5(t, "%s, %s: %s 0x%llx: %s", (uint64_t)(uintptr_t)call_table[d->call].name, (uint64_t)(uintptr_t)d->what,
          (uint64_t)(uintptr_t)d->how, d->number, (uint64_t)(uintptr_t)hv_status_name(status));
    tally_add(&w->tally, status);
    judge_status(t, d, status);
    judge_effect(t, w, d, status);
    judge_output(t, w, d, status);
    if (stale) {
        *w->place[PLACE_HOME].leaf = leaf; /* what may still be cached says the same */
    }
    return result;
}

uint64_t damage_send_body(struct test_run *t, struct world *w, struct damage *d, const uint64_t *body)
{
    uint64_t result;

    d->body = body;
    if (d->call == CALL_DETACH_FAST) {
        d->rdx = body[0];
        d->r8 = body[1];
        return damage_send(t, w, d);
    }
    memcpy(w->input.data, body, call_input_size(d->call));
    result = damage_send(t, w, d);
    if (memcmp(w->input.data, body, call_input_size(d->call)) != 0) {
        damage_fail(t, d, hv_result_status(result), "the parameter list as it was sent", "the host wrote to its input");
    }
    memset(w->input.data, POISON_FRESH, call_input_size(d->call));
    return result;
}

void damage_end(struct test_run *t, struct world *w, enum call_id call, const char *what)
{
    char after[TEXT_MAX];

    fmt_snprintf(after, sizeof(after), "%s with %s", call_table[call].name, what);
    world_expect_intact(t, w, after);
    observe_tally(t, what, &w->tally);
}
