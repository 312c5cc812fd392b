/* SPDX-License-Identifier: MIT */
/* What a host writes for its answer, and what it must not write. */
#define TEST_GROUP "hypercall"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/hypercall_calls.h"

/* The two calls with output, one after the other; NULL at the end. GET_PROPERTY is left out where no device is. */
static const struct call_shape *next_with_output(const struct stage *s, unsigned *index)
{
    while (*index < CALL_COUNT) {
        const struct call_shape *shape = &call_shapes[(*index)++];

        if (shape->output_size && stage_can_carry_out(s, shape)) {
            return shape;
        }
    }
    return NULL;
}

static enum hv_status ask(const struct call_shape *shape, const uint8_t *input, const uint8_t *output)
{
    return hv_result_status(hypercall_raw(stage_control(shape), gpa_of(input), gpa_of(output)));
}

/* Every reserved field of the answer holds this value in all of its bytes. */
static bool reserved_is(const struct call_shape *shape, const uint8_t *answer, uint8_t byte)
{
    size_t at, length;

    if (shape->code == HVCALL_GET_IOMMU_CAPABILITIES) {
        at = offsetof(struct hv_output_get_iommu_capabilities, reserved);
        length = sizeof(((struct hv_output_get_iommu_capabilities *)0)->reserved);
    } else {
        at = offsetof(struct hv_output_get_logical_device_property, reserved);
        length = sizeof(((struct hv_output_get_logical_device_property *)0)->reserved);
    }
    return !memory_find_other(answer + at, length, byte);
}

TEST(reserved_output_zero,
     PROMISE("Reserved fields of an answer are zero; over a page of other bytes they are zero or not written at all")
     COVERS("GEN-12") DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES and GET_LOGICAL_DEVICE_PROPERTY over output pages full of 0x00, of 0xFF and "
           "of a pattern.")
     EXPECTS("Each succeeds, and every reserved field is zero, or was not written at all.")
     IF_IT_FAILS("The host leaks its own memory through reserved fields, or fills them with rubbish that a later "
                 "version of the guest would trust."))
{
    static const uint8_t fills[] = {0x00, 0xFF, POISON_FRESH};
    struct stage s = stage_open(t);
    const struct call_shape *shape;

    for (unsigned i = 0; (shape = next_with_output(&s, &i)) != NULL;) {
        for (unsigned f = 0; f < sizeof(fills); f++) {
            memset(s.output.data, fills[f], PAGE_SIZE);
            stage_body(&s, shape, s.input.data);
            STEP2(t, "%s over an output page of 0x%llx", (uint64_t)(uintptr_t)shape->name, fills[f]);
            CHECK_SUCCESS(ask(shape, s.input.data, s.output.data), shape->name);
            CHECK(reserved_is(shape, s.output.data, 0) || reserved_is(shape, s.output.data, fills[f]),
                  "%s: a reserved output field is neither zero nor what the page held before (0x%02x)", shape->name,
                  fills[f]);
        }
    }
}

TEST(output_within_its_size,
     PROMISE("A host writes the output structure and not one byte before or behind it")
     COVERS("GEN-12") DEVICES(NONE) KINDS("none")
     STEPS("Calls both queries with the output at four places of a poisoned page, the last one up against its end.")
     EXPECTS("The output is written, and not a byte around it.")
     IF_IT_FAILS("The host copies a structure of another size than the ABI's: it damages the guest's memory at every "
                 "call."))
{
    struct stage s = stage_open(t);
    const struct call_shape *shape;

    for (unsigned i = 0; (shape = next_with_output(&s, &i)) != NULL;) {
        const size_t places[] = {0, 8, 2048, PAGE_SIZE - shape->output_size};

        for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            uint8_t *output = s.output.data + places[p];

            stage_body(&s, shape, s.input.data);
            STEP2(t, "%s with its output at offset %llu", (uint64_t)(uintptr_t)shape->name, places[p]);
            CHECK_SUCCESS(ask(shape, s.input.data, output), shape->name);
            CHECK(memory_find_other(output, shape->output_size, POISON_FRESH), "%s wrote no output", shape->name);
            memset(output, POISON_FRESH, shape->output_size);
            expect_untouched(t, &s.output, shape->name);
        }
    }
}

TEST(failure_stays_within_output,
     PROMISE("A refused call changes no memory but, at most, its own output structure")
     COVERS("GEN-10 GEN-12") DEVICES(NONE) KINDS("bad-input")
     STEPS("Sends both queries with four kinds of flaw in the control word.")
     EXPECTS("Where the call is refused, at most its own output structure has changed.")
     IF_IT_FAILS("The host writes an answer although it refuses the call, and to more than the output."))
{
    struct stage s = stage_open(t);
    const struct call_shape *shape;

    for (unsigned i = 0; (shape = next_with_output(&s, &i)) != NULL;) {
        const uint64_t flaws[] = {HV_CONTROL_RESERVED, hv_control(0, 2, 0, 0), hv_control(0, 0, 1, 0),
                                  hv_control_var_header(1)};
        uint8_t *output = s.output.data + 1024;

        for (unsigned f = 0; f < sizeof(flaws) / sizeof(flaws[0]); f++) {
            uint64_t result;

            stage_body(&s, shape, s.input.data);
            result = hypercall_raw(stage_control(shape) | flaws[f], gpa_of(s.input.data), gpa_of(output));
            if (hv_result_status(result) == HV_STATUS_SUCCESS) {
                continue; /* that it is not refused is told by the tests of control words */
            }
            memset(output, POISON_FRESH, shape->output_size);
            expect_untouched(t, &s.output, shape->name);
        }
    }
}

TEST(input_is_not_written,
     PROMISE("A host never writes to the input list of a call")
     COVERS("GEN-10") DEVICES(NONE) KINDS("none")
     STEPS("Sends every flawless call and compares its input list, and the page around it, before and after.")
     EXPECTS("No byte of the input page changes.")
     IF_IT_FAILS("The host writes results or marks into the guest's input page."))
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];
        uint8_t body[64];

        stage_body(&s, shape, body);
        memcpy(s.input.data, body, shape->input_size);
        hypercall_raw(stage_control(shape), gpa_of(s.input.data), gpa_of(s.output.data));
        CHECK(memcmp(s.input.data, body, shape->input_size) == 0, "%s: the input list changed", shape->name);
        memset(s.input.data, POISON_FRESH, shape->input_size);
        expect_untouched(t, &s.input, shape->name);
    }
}

TEST(input_and_output_in_one_page,
     PROMISE("The output may lie in the page of the input, directly behind it, and the answer is the same")
     COVERS("GEN-14") DEVICES(NONE) KINDS("none")
     STEPS("Calls both queries with input and output apart, then with the output right behind the input in one page, "
           "at four places.")
     EXPECTS("Each call succeeds with the same answer, and no other byte of the page changes.")
     IF_IT_FAILS("The host copies or clears a whole page, or refuses what the specification permits. Linux calls in "
                 "this way."))
{
    struct stage s = stage_open(t);
    const struct call_shape *shape;

    for (unsigned i = 0; (shape = next_with_output(&s, &i)) != NULL;) {
        const size_t places[] = {0, 8, 1024, PAGE_SIZE - shape->input_size - shape->output_size};
        uint8_t *apart = s.output.data;

        memset(apart, 0, shape->output_size);
        stage_body(&s, shape, s.input.data);
        CHECK_SUCCESS(ask(shape, s.input.data, apart), shape->name);
        buffer_refresh(&s.input);
        for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            uint8_t *input = s.input.data + places[p];
            uint8_t *output = input + shape->input_size;

            stage_body(&s, shape, input);
            memset(output, 0, shape->output_size);
            STEP2(t, "%s with input and output in one page from offset %llu", (uint64_t)(uintptr_t)shape->name,
                  places[p]);
            CHECK_SUCCESS(ask(shape, input, output), shape->name);
            CHECK(memcmp(output, apart, shape->output_size) == 0,
                  "%s: the answer behind the input differs from that in a page of its own", shape->name);
            memset(input, POISON_FRESH, shape->input_size + shape->output_size);
            expect_untouched(t, &s.input, shape->name);
        }
    }
}
