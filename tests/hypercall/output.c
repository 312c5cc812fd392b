/* SPDX-License-Identifier: MIT */
/* The bytes that a host writes for its answer, and those that it must not write. */
#define TEST_GROUP "hypercall"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"

/* One of the two calls with output? GET_PROPERTY is left out where no device is. */
static bool answers(const struct call_fixture *f, enum call_id call)
{
    return call_output_size(call) && call_can_succeed(f, call);
}

static enum hv_status ask(enum call_id call, const uint8_t *input, const uint8_t *output)
{
    return hv_result_status(hypercall_raw(call_control(call), gpa_of(input), gpa_of(output)));
}

/* Every reserved field of the answer holds this value in all of its bytes. */
static bool reserved_is(enum call_id call, const uint8_t *answer, uint8_t byte)
{
    size_t at, length;

    if (call == CALL_CAPABILITIES) {
        at = offsetof(struct hv_output_get_iommu_capabilities, reserved);
        length = sizeof(((struct hv_output_get_iommu_capabilities *)0)->reserved);
    } else {
        at = offsetof(struct hv_output_get_logical_device_property, reserved);
        length = sizeof(((struct hv_output_get_logical_device_property *)0)->reserved);
    }
    return !memory_find_other(answer + at, length, byte);
}

TEST(reserved_output_zero,
     PROMISE("Reserved fields of an answer are zero; over a page of other bytes they are zero or "
             "not written at all")
     COVERS("GEN-12") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls GET_IOMMU_CAPABILITIES and GET_LOGICAL_DEVICE_PROPERTY over output pages full of "
           "0x00, of 0xFF and of a pattern.")
     EXPECTS("Each succeeds, and every reserved field is zero, or was not written at all.")
     IF_IT_FAILS("The host leaks its own memory through reserved fields, or fills them with "
                 "rubbish that a later version of the guest would rely on."))
{
    static const uint8_t fills[] = {0x00, 0xFF, POISON_FRESH};
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        if (!answers(&f, call))
            continue;
        for (unsigned n = 0; n < sizeof(fills); n++) {
            memset(f.output.data, fills[n], PAGE_SIZE);
            call_put(&f, call, f.input.data);
            STEP("%s over an output page of 0x%llx", call_name(call), fills[n]);
            CHECK_SUCCESS(ask(call, f.input.data, f.output.data), call_name(call));
            CHECK(reserved_is(call, f.output.data, 0) || reserved_is(call, f.output.data, fills[n]),
                  "%s: a reserved output field is neither zero nor what the page held before "
                  "(0x%02x)",
                  call_name(call), fills[n]);
        }
    }
}

TEST(output_within_its_size,
     PROMISE("A host writes the output structure and not one byte before or after it")
     COVERS("GEN-12") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls both queries with the output at four places of a poisoned page, the last one up "
           "against its end.")
     EXPECTS("The output is written, and not a byte around it.")
     IF_IT_FAILS("The host copies a structure of another size than the ABI's: it damages the "
                 "guest's memory at every call."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        const size_t places[] = {0, 8, 2048, PAGE_SIZE - call_output_size(call)};

        if (!answers(&f, call))
            continue;

        for (unsigned p = 0; p < ARRAY_SIZE(places); p++) {
            uint8_t *output = f.output.data + places[p];

            call_put(&f, call, f.input.data);
            STEP("%s with its output at offset %llu", call_name(call), places[p]);
            CHECK_SUCCESS(ask(call, f.input.data, output), call_name(call));
            CHECK(memory_find_other(output, call_output_size(call), POISON_FRESH),
                  "%s wrote no output", call_name(call));
            memset(output, POISON_FRESH, call_output_size(call));
            expect_untouched(t, &f.output, call_name(call));
        }
    }
}

TEST(failure_stays_within_output,
     PROMISE("A refused call changes no memory but, at most, its own output structure")
     COVERS("GEN-10 GEN-12") ABI() DEVICES(NONE) KINDS("bad-input")
     STEPS("Sends both queries with four kinds of flaw in the control word.")
     EXPECTS("If the call is refused, at most its own output structure has changed.")
     IF_IT_FAILS("The host writes an answer although it refuses the call, and to more than the "
                 "output."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        const uint64_t flaws[] = {HV_CONTROL_RESERVED, hv_control(0, 2, 0, 0),
                                  hv_control(0, 0, 1, 0), hv_control_var_header(1)};
        uint8_t *output = f.output.data + 1024;

        if (!answers(&f, call))
            continue;
        for (unsigned n = 0; n < ARRAY_SIZE(flaws); n++) {
            uint64_t result;

            call_put(&f, call, f.input.data);
            result =
                hypercall_raw(call_control(call) | flaws[n], gpa_of(f.input.data), gpa_of(output));
            if (hv_result_status(result) == HV_STATUS_SUCCESS)
                continue; /* that it is not refused is told by the tests of control words */
            memset(output, POISON_FRESH, call_output_size(call));
            expect_untouched(t, &f.output, call_name(call));
        }
    }
}

TEST(input_is_not_written,
     PROMISE("A host never writes to the input list of a call")
     COVERS("GEN-10") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Sends every flawless call and compares its input list, and the page around it, before "
           "and after.")
     EXPECTS("No byte of the input page changes.")
     IF_IT_FAILS("The host writes results or marks into the guest's input page."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint8_t body[64];

        call_put(&f, call, body);
        memcpy(f.input.data, body, call_input_size(call));
        hypercall_raw(call_control(call), gpa_of(f.input.data), gpa_of(f.output.data));
        CHECK(memcmp(f.input.data, body, call_input_size(call)) == 0, "%s: the input list changed",
              call_name(call));
        memset(f.input.data, POISON_FRESH, call_input_size(call));
        expect_untouched(t, &f.input, call_name(call));
    }
}

TEST(input_and_output_in_one_page,
     PROMISE("The output may lie in the page of the input, directly after it, and the answer is "
             "the same")
     COVERS("GEN-14") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Calls both queries with input and output apart, then with the output right after the "
           "input in one page, at four places.")
     EXPECTS("Each call succeeds with the same answer, and no other byte of the page changes.")
     IF_IT_FAILS("The host copies or clears a whole page, or refuses what the specification "
                 "permits. Linux calls in this way."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        const size_t places[] = {0, 8, 1024,
                                 PAGE_SIZE - call_input_size(call) - call_output_size(call)};
        uint8_t *apart = f.output.data;

        if (!answers(&f, call))
            continue;
        memset(apart, 0, call_output_size(call));
        call_put(&f, call, f.input.data);
        CHECK_SUCCESS(ask(call, f.input.data, apart), call_name(call));
        buffer_refresh(&f.input);
        for (unsigned p = 0; p < ARRAY_SIZE(places); p++) {
            uint8_t *input = f.input.data + places[p];
            uint8_t *output = input + call_input_size(call);

            call_put(&f, call, input);
            memset(output, 0, call_output_size(call));
            STEP("%s with input and output in one page from offset %llu", call_name(call),
                 places[p]);
            CHECK_SUCCESS(ask(call, input, output), call_name(call));
            CHECK(memcmp(output, apart, call_output_size(call)) == 0,
                  "%s: the answer after the input differs from that in a page of its own",
                  call_name(call));
            memset(input, POISON_FRESH, call_input_size(call) + call_output_size(call));
            expect_untouched(t, &f.input, call_name(call));
        }
    }
}
