/* SPDX-License-Identifier: MIT */
/*
 * Malformed control words. Each test walks all nine calls with a flawless parameter list and one flaw in RCX: the
 * status is the documented one, and behind each call the stage must be intact, which a host that reports the error
 * after the deed fails.
 */
#define TEST_GROUP "hypercall"
#include "tests/harness/calls/hypercall_calls.h"

TEST(unknown_code,
     PROMISE("A call code that no host knows is refused with INVALID_HYPERCALL_CODE and does nothing")
     COVERS("GEN-1 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("For each of the nine calls, its flawless parameters are sent under eleven codes that no host knows, among "
           "them its own code with one higher bit set.")
     EXPECTS("Every one is refused with INVALID_HYPERCALL_CODE, and nothing on the stage of domains and devices has "
             "changed.")
     IF_IT_FAILS("The host decodes fewer bits of the code than there are: an unrelated call is carried out."))
{
    /* Far from every published code: 0 is reserved, and nothing between 0x1000 and the extended calls was ever given
     * out. 0x1000 added to a known code shows a host that decodes too few bits. */
    static const uint16_t codes[] = {0x0000, 0x1000, 0x2ABC, 0x4001, 0x5555, 0x6FFF, 0x7000, 0x7E00};
    struct stage s = stage_open_anywhere(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];
        struct malformed m = {.shape = shape,
                              .flaw = "a call code that does not exist",
                              .input_gpa = gpa_of(s.input.data),
                              .output_gpa = gpa_of(s.output.data),
                              .one = HV_STATUS_INVALID_HYPERCALL_CODE,
                              .other = HV_STATUS_INVALID_HYPERCALL_CODE};

        stage_body(&s, shape, s.input.data);
        for (unsigned c = 0; c < sizeof(codes) / sizeof(codes[0]); c++) {
            m.control = hv_control(codes[c], 0, 0, 0);
            expect_malformed(t, &m);
        }
        for (uint16_t bit = 0x1000; bit <= 0x4000; bit = (uint16_t)(bit << 1)) {
            m.control = hv_control(shape->code | bit, 0, 0, 0);
            expect_malformed(t, &m);
        }
        stage_expect_intact(t, &s, "a call with an unknown code and the parameters of a known one");
    }
}

/* The wrong control words of a call, up to CONTROLS_MAX; none where the test has nothing to say about the call. */
typedef unsigned wrong_controls(const struct call_shape *shape, uint64_t *controls);
#define CONTROLS_MAX 64

/* Sends each call with each of its wrong control words, and looks at the stage behind each call. */
static void refuse_controls(struct test_run *t, const char *flaw, wrong_controls *controls_of)
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        struct malformed m = {.shape = &call_shapes[i],
                              .flaw = flaw,
                              .input_gpa = gpa_of(s.input.data),
                              .output_gpa = gpa_of(s.output.data),
                              .one = HV_STATUS_INVALID_HYPERCALL_INPUT,
                              .other = HV_STATUS_INVALID_HYPERCALL_INPUT};
        uint64_t controls[CONTROLS_MAX];
        unsigned count = controls_of(m.shape, controls);

        stage_body(&s, m.shape, s.input.data);
        for (unsigned n = 0; n < count; n++) {
            m.control = controls[n];
            expect_malformed(t, &m);
        }
        if (count > 0) {
            stage_expect_intact_with(t, &s, m.shape, flaw);
        }
    }
}

/* Numbers that set each bit of a 12-bit field, and all of them. */
static const uint32_t field_samples[] = {1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, HV_REP_MAX};
#define FIELD_SAMPLES (sizeof(field_samples) / sizeof(field_samples[0]))

static unsigned rep_counts_of_simple(const struct call_shape *shape, uint64_t *controls)
{
    for (unsigned n = 0; n < FIELD_SAMPLES; n++) {
        controls[n] = hv_control(shape->code, field_samples[n], 0, 0);
    }
    return shape->rep ? 0 : FIELD_SAMPLES;
}

TEST(simple_with_rep_count,
     PROMISE("A simple call with a rep count is refused with INVALID_HYPERCALL_INPUT and does nothing")
     COVERS("GEN-2 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each simple call is sent with fourteen different rep counts.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host does not check the rep count of simple calls, or checks it after the deed."))
{
    refuse_controls(t, "a rep count", rep_counts_of_simple);
}

static unsigned rep_count_of_0(const struct call_shape *shape, uint64_t *controls)
{
    controls[0] = hv_control(shape->code, 0, 0, 0);
    return shape->rep ? 1 : 0;
}

TEST(rep_without_count,
     PROMISE("The list flush with a rep count of 0 is refused with INVALID_HYPERCALL_INPUT")
     COVERS("GEN-3") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("The list flush is sent with a rep count of 0.")
     EXPECTS("INVALID_HYPERCALL_INPUT, and nothing has changed.")
     IF_IT_FAILS("An empty list counts as success. A guest that computed its count wrongly would believe that it "
                 "flushed."))
{
    refuse_controls(t, "a rep count of 0", rep_count_of_0);
}

static unsigned rep_starts_of_simple(const struct call_shape *shape, uint64_t *controls)
{
    for (unsigned n = 0; n < FIELD_SAMPLES; n++) {
        controls[n] = hv_control(shape->code, 0, field_samples[n], 0);
    }
    return shape->rep ? 0 : FIELD_SAMPLES;
}

TEST(simple_with_rep_start,
     PROMISE("A simple call with a rep start is refused with INVALID_HYPERCALL_INPUT and does nothing")
     COVERS("GEN-4 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each simple call is sent with fourteen different rep start indices.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host does not check the rep start of simple calls, or checks it after the deed."))
{
    refuse_controls(t, "a rep start", rep_starts_of_simple);
}

static unsigned rep_starts_not_below_count(const struct call_shape *shape, uint64_t *controls)
{
    static const struct {
        uint32_t count, start;
    } pairs[] = {{1, 1}, {1, 2}, {1, HV_REP_MAX}, {2, 2}, {2, 3}, {7, 7}, {7, 1024}, {508, 508}, {508, HV_REP_MAX}};
    const unsigned count = sizeof(pairs) / sizeof(pairs[0]);

    for (unsigned n = 0; n < count; n++) {
        controls[n] = hv_control(shape->code, pairs[n].count, pairs[n].start, 0);
    }
    return shape->rep ? count : 0;
}

TEST(rep_start_not_below_count,
     PROMISE("The list flush with a rep start at or beyond its rep count is refused with INVALID_HYPERCALL_INPUT")
     COVERS("GEN-4") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("The list flush is sent with nine pairs in which the start is at or beyond the count.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The loop over the list starts behind its end: success for nothing, or elements read from beyond the "
                 "list."))
{
    refuse_controls(t, "a rep start not below the rep count", rep_starts_not_below_count);
}

static unsigned variable_headers(const struct call_shape *shape, uint64_t *controls)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1023};
    const unsigned count = sizeof(sizes) / sizeof(sizes[0]);

    for (unsigned n = 0; n < count; n++) {
        controls[n] = stage_control(shape) | hv_control_var_header(sizes[n]);
    }
    return count;
}

TEST(variable_header,
     PROMISE("A variable header, which none of the nine calls has, is refused with INVALID_HYPERCALL_INPUT")
     COVERS("GEN-5 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each call is sent with twelve sizes of a variable header, which none of them has.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host ignores the field, so that later versions cannot use it; or it skips as many bytes of the "
                 "parameters."))
{
    refuse_controls(t, "a variable header", variable_headers);
}

static unsigned reserved_bits(const struct call_shape *shape, uint64_t *controls)
{
    unsigned count = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        if (HV_CONTROL_RESERVED >> bit & 1) {
            controls[count++] = stage_control(shape) | 1ull << bit;
        }
    }
    controls[count++] = stage_control(shape) | HV_CONTROL_RESERVED;
    return count;
}

TEST(reserved_control_bits,
     PROMISE("Each reserved bit of the control word makes each call fail with INVALID_HYPERCALL_INPUT")
     COVERS("GEN-6 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Each call is sent once with every reserved bit of the control word, and once with all of them.")
     EXPECTS("INVALID_HYPERCALL_INPUT each time, and nothing has changed.")
     IF_IT_FAILS("The host ignores some reserved bit of RCX: a later meaning of it would silently be dropped."))
{
    refuse_controls(t, "a reserved control bit", reserved_bits);
}
