/* SPDX-License-Identifier: MIT */
/* Places for the answer of a call: every place around the end of a page, and every overlap with the
 * input. */
#define TEST_GROUP "malformed"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

/* Sends the right call with its output at `output`. The bytes there are the answer, or, after an
 * error, anything; all others of `area` are as they were. */
static enum hv_status ask_at(struct test_run *t, struct call_fixture *f, enum call_id call,
                             const uint8_t *input, struct buffer *area, size_t offset)
{
    size_t size = call_output_size(call);
    enum hv_status status = hv_result_status(
        hypercall_raw(call_control(call), gpa_of(input), gpa_of(area->data) + offset));

    STEP("%s with its output at offset %llu: %s", call_table[call].name, offset,
         hv_status_name(status));
    tally_add(&f->tally, status);
    CHECK(status != HV_STATUS_SUCCESS || memcmp(area->data + offset, f->answer[call], size) == 0,
          "%s: success, but at offset %zu is another answer than in a page of its own",
          call_table[call].name, offset);
    return status;
}

static void output_places(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    size_t size = call_output_size(call);
    uint64_t body[CALL_WORDS_MAX];

    call_body(&f, call, body);
    memcpy(f.input.data, body, call_input_size(call));
    for (size_t offset = HV_PAGE_SIZE - size - 2ul * HV_PARAMETER_ALIGNMENT; offset < HV_PAGE_SIZE;
         offset++) {
        bool aligned = offset % HV_PARAMETER_ALIGNMENT == 0, fits = offset + size <= HV_PAGE_SIZE;
        enum hv_status status = ask_at(t, &f, call, f.input.data, &f.output, offset);

        if (aligned && fits) {
            CHECK_SUCCESS(status, "a call with its output aligned and inside of a page");
        } else {
            CHECK(status == HV_STATUS_INVALID_ALIGNMENT ||
                      (!fits && status == HV_STATUS_INVALID_HYPERCALL_INPUT),
                  "%s with its output at offset %zu: %s", call_table[call].name, offset,
                  hv_status_name(status));
        }
        memset(f.output.data + offset, POISON_FRESH, size);
        expect_untouched(t, &f.output, "memory around the output");
    }
    buffer_refresh(&f.input);
    mutated_call_end(t, &f, call, "its output in wrong places");
}

static void overlaps(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    size_t in_size = call_input_size(call), out_size = call_output_size(call), in = 1024;
    uint64_t body[CALL_WORDS_MAX];

    call_body(&f, call, body);
    for (size_t out = in - out_size; out <= in + in_size; out += HV_PARAMETER_ALIGNMENT) {
        bool apart = out + out_size == in || out == in + in_size;
        enum hv_status status;

        memcpy(f.input.data + in, body, in_size);
        status = ask_at(t, &f, call, f.input.data + in, &f.input, out);
        CHECK(!apart || status == HV_STATUS_SUCCESS,
              "%s with its output right beside its input: %s", call_table[call].name,
              hv_status_name(status));
        /* Of the input that the output did not cover every byte is as it was. */
        for (size_t i = 0; i < in_size; i++) {
            bool covered = in + i >= out && in + i < out + out_size;

            CHECK(covered || f.input.data[in + i] == ((const uint8_t *)body)[i],
                  "%s, output %zu, input %zu: byte %zu of the input changed", call_table[call].name,
                  out, in, i);
        }
        memset(f.input.data + out, POISON_FRESH, out_size);
        memset(f.input.data + in, POISON_FRESH, in_size);
        expect_untouched(t, &f.input, "memory around an output that overlaps its input");
    }
    mutated_call_end(t, &f, call, "its output over its input");
}

#define WITH_OUTPUT(ROW, test)                                                                     \
    ROW(test, capabilities, CALL_CAPABILITIES, WORD(call, "GET_CAPABILITIES"))                     \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") KINDS("device"))

VARIANTS(const enum call_id, with_output, WITH_OUTPUT);

EACH_TEST(WITH_OUTPUT, output_places,
          PROMISE("{call} writes its output where it is aligned and inside of a page, and is "
                  "refused everywhere else")
          COVERS("GEN-1 GEN-10") ABI() DEVICES(NONE) KINDS("bad-input")
          STEPS("A right {call} gets an address for its output at every offset around the end of a "
                "page.")
          EXPECTS("The answer where it is aligned to 8 and ends inside of the page, else "
                  "INVALID_ALIGNMENT, or INVALID_HYPERCALL_INPUT as well where it crosses the "
                  "page. No other byte is written.")
          IF_IT_FAILS("The host checks the place of the input alone, or writes before it has "
                      "checked."))
{
    output_places(t, VARIANT(with_output));
}

EACH_TEST(WITH_OUTPUT, overlaps,
          PROMISE("{call} with its output over its input is refused, or gives the answer that it "
                  "gives elsewhere")
          COVERS("GEN-14 GEN-10 ROB-1") ABI() DEVICES(NONE) KINDS("bad-input")
          STEPS("The output of a right {call} is placed over its input, at every distance at which "
                "they share a word, and right before and after it.")
          EXPECTS("SUCCESS and the answer beside each other; over each other an error, or SUCCESS "
                  "and the same answer. No byte outside of the two is written, and none of the "
                  "input that the output does not cover.")
          IF_IT_FAILS("The host reads its input again while it writes the output, or writes more "
                      "than the structure."))
{
    overlaps(t, VARIANT(with_output));
}
