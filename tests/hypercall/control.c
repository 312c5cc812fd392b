/* SPDX-License-Identifier: MIT */
/*
 * Malformed control words. Each test walks all nine calls with a flawless parameter list and one
 * flaw in RCX: the status is the documented one, and after each call nothing of its work may be
 * there, which a host that reports the error after the deed fails.
 */
#define TEST_GROUP "hypercall"
#include "lib/bits.h"
#include "tests/harness/calls/mutated_call.h"

TEST(unknown_code,
     PROMISE("A call code that no host defines is refused with INVALID_HYPERCALL_CODE and does "
             "nothing")
     COVERS("GEN-1 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("For each of the nine calls, its flawless parameters are sent under eleven codes that "
           "no host defines, among them its own code with one higher bit set.")
     EXPECTS("Every one is refused with INVALID_HYPERCALL_CODE, and no domain or device has "
             "changed.")
     IF_IT_FAILS("The host decodes fewer bits of the code than there are: an unrelated call is "
                 "carried out."))
{
    /* Far from every published code: 0 is reserved, and nothing between 0x1000 and the extended
     * calls was ever given out. 0x1000 added to a known code shows a host that decodes too few
     * bits. */
    static const uint16_t codes[] = {0x0000, 0x1000, 0x2ABC, 0x4001,
                                     0x5555, 0x6FFF, 0x7000, 0x7E00};
    struct call_fixture f = call_fixture_anywhere(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        mutated_call_refuse_with(&m, HV_STATUS_INVALID_HYPERCALL_CODE,
                                 HV_STATUS_INVALID_HYPERCALL_CODE);
        m.what = "a call code that does not exist";
        m.how = "code";
        for (unsigned c = 0; c < ARRAY_SIZE(codes); c++) {
            m.number = codes[c];
            m.control = hv_control(codes[c], 0, 0, 0);
            mutated_call_send_body(t, &f, &m, body);
        }
        for (uint16_t bit = 0x1000; bit <= 0x4000; bit = (uint16_t)(bit << 1)) {
            m.number = call_table[call].code | bit;
            m.control = hv_control(call_table[call].code | bit, 0, 0, 0);
            mutated_call_send_body(t, &f, &m, body);
        }
        mutated_call_expect_intact(t, &f, call, "a call code that does not exist");
    }
}

/* Sends the call under the code, which no host gives out, in memory and in registers: any error,
 * and nothing is done. */
static void refuse_code(struct test_run *t, struct call_fixture *f, struct mutated_call *m,
                        uint32_t code)
{
    const uint64_t r8 = m->r8;

    m->number = code;
    m->control = hv_control((uint16_t)code, 0, 0, 0);
    mutated_call_send_body(t, f, m, m->body);
    m->control |= HV_CONTROL_FAST;
    mutated_call_send_body(t, f, m, m->body);
    m->r8 = r8;
}

TEST(code_with_upper_bits,
     PROMISE("The code of a call with any of its upper bits set is refused and does nothing, as "
             "are extended calls that no host defines")
     COVERS("GEN-1 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("For each of the nine calls, its flawless parameters are sent under its own code with "
           "each of bits 9 to 11 set, all three, each combination of bits 12 to 15, and all bits "
           "from 9 on; and under seven codes above 0x8000, far from the extended calls that "
           "there are. Each time in memory and in registers.")
     EXPECTS("Each is refused, by any status, and no domain or device has changed.")
     IF_IT_FAILS("The host takes a part of the code for all of it, such as one bit for that of "
                 "extended calls which it then drops; or it answers extended calls that it does "
                 "not have."))
{
    static const uint16_t extended[] = {0x8ABC, 0x9000, 0xA5A5, 0xBFFF, 0xC000, 0xE001, 0xFFFF};
    struct call_fixture f = call_fixture_anywhere(t);

    FOR_EACH_CALL(call)
    {
        const uint32_t code = call_table[call].code;
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        m.what = "upper bits of the call code";
        m.how = "code";
        for (uint32_t bit = 0x200; bit <= 0x800; bit <<= 1)
            refuse_code(t, &f, &m, code | bit);
        refuse_code(t, &f, &m, code | 0x0E00);
        for (uint32_t bits = 0x1000; bits <= 0xF000; bits += 0x1000)
            refuse_code(t, &f, &m, code | bits);
        refuse_code(t, &f, &m, code | 0xFE00);
        for (unsigned i = 0; i < ARRAY_SIZE(extended); i++)
            refuse_code(t, &f, &m, extended[i]);
        mutated_call_expect_intact(t, &f, call, "upper bits of the call code");
    }
}

/* The wrong control words of a call, up to CONTROLS_MAX; none where the test has nothing to say
 * about the call. */
typedef unsigned wrong_controls(enum call_id call, uint64_t *controls);
#define CONTROLS_MAX 64

/* Sends each call with each of its wrong control words, and looks at what it would have done after
 * each. */
static void refuse_controls(struct test_run *t, const char *flaw, wrong_controls *controls_of)
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t controls[CONTROLS_MAX], body[CALL_WORDS_MAX];
        unsigned count = controls_of(call, controls);
        struct mutated_call m = mutated_call_begin(&f, call, body);

        mutated_call_refuse_with(&m, HV_STATUS_INVALID_HYPERCALL_INPUT,
                                 HV_STATUS_INVALID_HYPERCALL_INPUT);
        m.what = flaw;
        m.how = "control word";
        for (unsigned n = 0; n < count; n++) {
            m.number = controls[n];
            m.control = controls[n];
            mutated_call_send_body(t, &f, &m, body);
        }
        if (count > 0)
            mutated_call_expect_intact(t, &f, call, flaw);
    }
}

/* Numbers that set each bit of a 12-bit field, and all of them. */
static const uint32_t field_samples[] = {1,  2,   3,   4,   8,    16,   32,
                                         64, 128, 256, 512, 1024, 2048, HV_REP_MAX};
#define FIELD_SAMPLES ARRAY_SIZE(field_samples)

static unsigned rep_counts_of_simple(enum call_id call, uint64_t *controls)
{
    for (unsigned n = 0; n < FIELD_SAMPLES; n++)
        controls[n] = hv_control(call_table[call].code, field_samples[n], 0, 0);
    return call_is_rep(call) ? 0 : FIELD_SAMPLES;
}

TEST(simple_with_rep_count,
     PROMISE("A simple call with a rep count is refused with INVALID_HYPERCALL_INPUT and does "
             "nothing")
     COVERS("GEN-2 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each simple call is sent with fourteen different rep counts.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host does not check the rep count of simple calls, or checks it after the "
                 "deed."))
{
    refuse_controls(t, "a rep count", rep_counts_of_simple);
}

static unsigned rep_count_of_0(enum call_id call, uint64_t *controls)
{
    controls[0] = hv_control(call_table[call].code, 0, 0, 0);
    return call_is_rep(call) ? 1 : 0;
}

TEST(rep_without_count,
     PROMISE("The list flush with a rep count of 0 is refused with INVALID_HYPERCALL_INPUT")
     COVERS("GEN-3") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("The list flush is sent with a rep count of 0.")
     EXPECTS("INVALID_HYPERCALL_INPUT, and nothing has changed.")
     IF_IT_FAILS("An empty list counts as success. A guest that computed its count wrongly would "
                 "believe that it flushed."))
{
    refuse_controls(t, "a rep count of 0", rep_count_of_0);
}

static unsigned rep_starts_of_simple(enum call_id call, uint64_t *controls)
{
    for (unsigned n = 0; n < FIELD_SAMPLES; n++)
        controls[n] = hv_control(call_table[call].code, 0, field_samples[n], 0);
    return call_is_rep(call) ? 0 : FIELD_SAMPLES;
}

TEST(simple_with_rep_start,
     PROMISE("A simple call with a rep start is refused with INVALID_HYPERCALL_INPUT and does "
             "nothing")
     COVERS("GEN-4 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each simple call is sent with fourteen different rep start indices.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host does not check the rep start of simple calls, or checks it after the "
                 "deed."))
{
    refuse_controls(t, "a rep start", rep_starts_of_simple);
}

static unsigned rep_starts_not_below_count(enum call_id call, uint64_t *controls)
{
    static const struct {
        uint32_t count, start;
    } pairs[] = {{1, 1}, {1, 2},    {1, HV_REP_MAX}, {2, 2},           {2, 3},
                 {7, 7}, {7, 1024}, {508, 508},      {508, HV_REP_MAX}};
    const unsigned count = ARRAY_SIZE(pairs);

    for (unsigned n = 0; n < count; n++)
        controls[n] = hv_control(call_table[call].code, pairs[n].count, pairs[n].start, 0);
    return call_is_rep(call) ? count : 0;
}

TEST(rep_start_not_below_count,
     PROMISE("The list flush with a rep start at or beyond its rep count is refused with "
             "INVALID_HYPERCALL_INPUT")
     COVERS("GEN-4") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("The list flush is sent with nine pairs in which the start is at or beyond the count.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The loop over the list starts after its end: success for nothing, or elements "
                 "read from beyond the list."))
{
    refuse_controls(t, "a rep start not below the rep count", rep_starts_not_below_count);
}

static unsigned variable_headers(enum call_id call, uint64_t *controls)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1023};
    const unsigned count = ARRAY_SIZE(sizes);

    for (unsigned n = 0; n < count; n++)
        controls[n] = call_control(call) | hv_control_var_header(sizes[n]);
    return count;
}

TEST(variable_header,
     PROMISE("A variable header, which none of the nine calls has, is refused with "
             "INVALID_HYPERCALL_INPUT")
     COVERS("GEN-5 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each call is sent with twelve sizes of a variable header, which none of them has.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host ignores the field, so that later versions cannot use it; or it skips as "
                 "many bytes of the parameters."))
{
    refuse_controls(t, "a variable header", variable_headers);
}

static unsigned reserved_bits(enum call_id call, uint64_t *controls)
{
    unsigned count = 0;

    for (unsigned bit = 0; bit < 64; bit++)
        if (HV_CONTROL_RESERVED >> bit & 1)
            controls[count++] = call_control(call) | 1ull << bit;
    controls[count++] = call_control(call) | HV_CONTROL_RESERVED;
    return count;
}

TEST(reserved_control_bits,
     PROMISE("Each reserved bit of the control word makes each call fail with "
             "INVALID_HYPERCALL_INPUT")
     COVERS("GEN-6 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each call is sent once with every reserved bit of the control word, and once with all "
           "of them.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host ignores some reserved bit of RCX: a later meaning of it would silently "
                 "be dropped."))
{
    refuse_controls(t, "a reserved control bit", reserved_bits);
}
