/* SPDX-License-Identifier: MIT */
/* Where parameter lists may lie: 8-byte aligned, inside one page, inside guest memory; and that they work right up to
 * the edge. */
#define TEST_GROUP "hypercall"
#include "tests/harness/calls/hypercall_calls.h"
#include "tests/harness/tally.h"

/* GPAs that no partition can have: one bit above the physical address width each, and the highest page. */
static unsigned outside_gpas(uint64_t gpas[64])
{
    unsigned count = 0;

    for (unsigned bit = memory_physical_bits(); bit < 64; bit++) {
        gpas[count++] = 1ull << bit;
    }
    gpas[count++] = ~(PAGE_SIZE - 1);
    return count;
}

/* A call that is right but for where its parameter lists are. INVALID_ALIGNMENT is permitted for every wrong place. */
static void refuse_places(struct test_run *t, const struct call_shape *shape, const char *flaw, uint64_t input_gpa,
                          uint64_t output_gpa, enum hv_status one)
{
    struct malformed m = {.shape = shape,
                          .flaw = flaw,
                          .control = stage_control(shape),
                          .input_gpa = input_gpa,
                          .output_gpa = output_gpa,
                          .one = one,
                          .other = HV_STATUS_INVALID_ALIGNMENT};

    expect_malformed(t, &m);
}

TEST(misaligned_input,
     PROMISE("An input GPA that is 1 to 7 bytes off 8-byte alignment is refused with INVALID_ALIGNMENT by every call")
     COVERS("GEN-7 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with its input 1 to 7 bytes off an 8-byte boundary.")
     EXPECTS("INVALID_ALIGNMENT each time, and nothing has changed.")
     IF_IT_FAILS("The host rounds the address down and carries out what lies there."))
{
    static const char flaw[] = "a misaligned input GPA";
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        for (unsigned off = 1; off < HV_PARAMETER_ALIGNMENT; off++) {
            stage_body(&s, &call_shapes[i], s.input.data + 64 + off);
            refuse_places(t, &call_shapes[i], flaw, gpa_of(s.input.data) + 64 + off, gpa_of(s.output.data),
                          HV_STATUS_INVALID_ALIGNMENT);
        }
        stage_expect_intact_with(t, &s, &call_shapes[i], flaw);
    }
}

TEST(misaligned_output,
     PROMISE("An output GPA that is 1 to 7 bytes off 8-byte alignment is refused with INVALID_ALIGNMENT")
     COVERS("GEN-7 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends both queries with their output 1 to 7 bytes off an 8-byte boundary.")
     EXPECTS("INVALID_ALIGNMENT each time, and nothing is written.")
     IF_IT_FAILS("The host writes to a rounded address, which is not where the guest reads."))
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        stage_body(&s, &call_shapes[i], s.input.data);
        for (unsigned off = 1; off < HV_PARAMETER_ALIGNMENT && call_shapes[i].output_size; off++) {
            refuse_places(t, &call_shapes[i], "a misaligned output GPA", gpa_of(s.input.data),
                          gpa_of(s.output.data) + 64 + off, HV_STATUS_INVALID_ALIGNMENT);
            expect_untouched(t, &s.output, "output area of a call with a misaligned output GPA");
        }
    }
}

TEST(input_crosses_page,
     PROMISE("An input list that crosses a page is refused by every call, wherever in the list the page ends")
     COVERS("GEN-8 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with an input list that starts near the end of a page, at each 8-byte step, so that a "
           "part of it lies in the next one.")
     EXPECTS("Each is refused (INVALID_HYPERCALL_INPUT, or INVALID_ALIGNMENT), and nothing has changed.")
     IF_IT_FAILS("The host maps one page and reads beyond it: it acts on bytes that are not the guest's parameters."))
{
    static const char flaw[] = "an input list that crosses a page";
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        for (unsigned inside = HV_PARAMETER_ALIGNMENT; inside < call_shapes[i].input_size; inside += 8) {
            uint8_t *at = s.input.data + PAGE_SIZE - inside;

            stage_body(&s, &call_shapes[i], at);
            refuse_places(t, &call_shapes[i], flaw, gpa_of(at), gpa_of(s.output.data),
                          HV_STATUS_INVALID_HYPERCALL_INPUT);
        }
        stage_expect_intact_with(t, &s, &call_shapes[i], flaw);
    }
}

TEST(output_crosses_page,
     PROMISE("An output structure that crosses a page is refused, and nothing of it is written")
     COVERS("GEN-8") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends both queries with an output that starts near the end of a page, at each 8-byte step.")
     EXPECTS("Each is refused, and the page behind is not written.")
     IF_IT_FAILS("The host writes past its mapping of the output page into memory of somebody else."))
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        stage_body(&s, &call_shapes[i], s.input.data);
        for (unsigned inside = HV_PARAMETER_ALIGNMENT; inside < call_shapes[i].output_size; inside += 8) {
            refuse_places(t, &call_shapes[i], "an output that crosses a page", gpa_of(s.input.data),
                          gpa_of(s.output.data) + PAGE_SIZE - inside, HV_STATUS_INVALID_HYPERCALL_INPUT);
            CHECK(!memory_find_other(s.output.data + PAGE_SIZE, PAGE_SIZE, POISON_FRESH),
                  "%s: the refused call wrote to the page behind its output page", call_shapes[i].name);
        }
    }
}

TEST(list_longer_than_page,
     PROMISE("A list flush whose 509 to 4095 elements do not fit behind the header in one page is refused")
     COVERS("GEN-8") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends list flushes whose rep count is 509 to 4095, while valid elements lie in all pages behind the input "
           "page.")
     EXPECTS("Each is refused, and the bystander's domain is as before.")
     IF_IT_FAILS("The host reads elements beyond the input page. 508 fit behind the header."))
{
    static const uint32_t counts[] = {509, 510, 511, 512, 513, 1024, 2048, HV_REP_MAX};
    struct stage s = stage_open(t);

    stage_fill_list(&s);
    stage_body(&s, list_flush, s.input.data);
    for (unsigned n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        struct malformed m = {.shape = list_flush,
                              .flaw = "a list that does not fit its page",
                              .control = hv_control(list_flush->code, counts[n], 0, 0),
                              .input_gpa = gpa_of(s.input.data),
                              .one = HV_STATUS_INVALID_HYPERCALL_INPUT,
                              .other = HV_STATUS_INVALID_ALIGNMENT};

        expect_malformed(t, &m);
    }
    stage_expect_intact_with(t, &s, list_flush, "a list that does not fit its page");
}

TEST(gpa_outside_space,
     PROMISE("A parameter GPA above the physical address width is refused by every call, and is not cut to fit")
     COVERS("GEN-9 GEN-10") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with each address bit above the physical width set in its input GPA, and then in its "
           "output GPA; the low bits are those of a flawless call.")
     EXPECTS("Each is refused, and nothing has changed or was written.")
     IF_IT_FAILS("The host drops the high bits and carries the call out on another address than was named."))
{
    static const char flaw[] = "a parameter GPA outside the guest physical address space";
    struct stage s = stage_open(t);
    uint64_t gpas[64 + 1];
    unsigned count = outside_gpas(gpas);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        stage_body(&s, &call_shapes[i], s.input.data);
        for (unsigned n = 0; n < count; n++) {
            /* With a good address in the low bits, a host that drops the high ones would find a flawless call. */
            refuse_places(t, &call_shapes[i], flaw, gpas[n] | gpa_of(s.input.data), gpa_of(s.output.data),
                          HV_STATUS_INVALID_HYPERCALL_INPUT);
            if (call_shapes[i].output_size) {
                refuse_places(t, &call_shapes[i], flaw, gpa_of(s.input.data), gpas[n] | gpa_of(s.output.data),
                              HV_STATUS_INVALID_HYPERCALL_INPUT);
            }
        }
        stage_expect_intact_with(t, &s, &call_shapes[i], flaw);
    }
    expect_untouched(t, &s.output, "memory below an output GPA outside the space");
}

TEST(lists_up_to_the_page_end,
     PROMISE("A parameter list that ends with the last byte of its page is not taken for one that crosses it")
     COVERS("GEN-8") DEVICES(NONE) KINDS("dma")
     STEPS("Sends every flawless call with a list that ends with the last byte of its page, and the output likewise.")
     EXPECTS("Every call succeeds.")
     IF_IT_FAILS("The check against crossing a page is off by one, and refuses what is permitted."))
{
    struct stage s = stage_open(t);

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];
        uint8_t *input = s.input.data + PAGE_SIZE - shape->input_size;
        uint8_t *output = s.output.data + PAGE_SIZE - shape->output_size;

        if (!stage_can_carry_out(&s, shape)) {
            continue;
        }
        stage_body(&s, shape, input);
        CHECK_SUCCESS(hv_result_status(hypercall_raw(stage_control(shape), gpa_of(input), gpa_of(output))),
                      shape->name);
    }
}

TEST(gpa_without_memory,
     PROMISE("A parameter list at a GPA inside the space where no memory is changes nothing, whatever the status")
     COVERS("GEN-10 ROB-1") DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with its input, and then its output, at an address where the guest has no memory.")
     EXPECTS("Any status, which is recorded; nothing has changed.")
     IF_IT_FAILS("The host crashes or acts on whatever it finds at that address of its own."))
{
    struct stage s = stage_open(t);
    struct tally inputs = {0}, outputs = {0};
    uint64_t hole = memory_hole();

    REQUIRE(hole != 0, "this machine has no GPA without memory below its physical address width");
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];

        stage_body(&s, shape, s.input.data);
        tally_add(&inputs, hv_result_status(hypercall_raw(stage_control(shape), hole, gpa_of(s.output.data))));
        if (shape->output_size) {
            uint64_t result = hypercall_raw(stage_control(shape), gpa_of(s.input.data), hole);

            tally_add(&outputs, hv_result_status(result));
        }
        stage_expect_intact_with(t, &s, shape, "a parameter GPA without memory");
    }
    observe_tally(t, "input", &inputs);
    observe_tally(t, "output", &outputs);
}
