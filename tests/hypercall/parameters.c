/* SPDX-License-Identifier: MIT */
/* Places where parameter lists may lie: 8-byte aligned, inside one page, inside guest memory; lists
 * work right up to the edge. */
#define TEST_GROUP "hypercall"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

/* GPAs that no partition can have: one bit above the physical address width each, and the highest
 * page. */
static unsigned outside_gpas(uint64_t gpas[64])
{
    unsigned count = 0;

    for (unsigned bit = memory_physical_bits(); bit < 64; bit++)
        gpas[count++] = 1ull << bit;
    gpas[count++] = ~(PAGE_SIZE - 1);
    return count;
}

/* A call that is right but for where its parameter lists are. INVALID_ALIGNMENT is permitted for
 * every wrong place. */
static struct mutated_call wrong_place(struct call_fixture *f, enum call_id call, uint64_t *body,
                                       const char *flaw, enum hv_status one)
{
    struct mutated_call m = mutated_call_begin(f, call, body);

    mutated_call_refuse_with(&m, one, HV_STATUS_INVALID_ALIGNMENT);
    m.what = flaw;
    return m;
}

TEST(misaligned_input,
     PROMISE("An input GPA that is 1 to 7 bytes off 8-byte alignment is refused with "
             "INVALID_ALIGNMENT by every call")
     COVERS("GEN-7 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with its input 1 to 7 bytes off an 8-byte boundary.")
     EXPECTS("INVALID_ALIGNMENT each time, and nothing has changed.")
     IF_IT_FAILS("The host rounds the address down and carries out what lies there."))
{
    static const char flaw[] = "a misaligned input GPA";
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = wrong_place(&f, call, body, flaw, HV_STATUS_INVALID_ALIGNMENT);

        m.how = "offset";
        for (unsigned off = 1; off < HV_PARAMETER_ALIGNMENT; off++) {
            m.number = off;
            mutated_call_send_at(t, &f, &m, body, 64 + off);
        }
        mutated_call_expect_intact(t, &f, call, flaw);
    }
}

TEST(misaligned_output,
     PROMISE("An output GPA that is 1 to 7 bytes off 8-byte alignment is refused with "
             "INVALID_ALIGNMENT")
     COVERS("GEN-7 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends both queries with their output 1 to 7 bytes off an 8-byte boundary.")
     EXPECTS("INVALID_ALIGNMENT each time, and nothing is written.")
     IF_IT_FAILS("The host writes to a rounded address, which is not where the guest reads."))
{
    static const char flaw[] = "a misaligned output GPA";
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = wrong_place(&f, call, body, flaw, HV_STATUS_INVALID_ALIGNMENT);

        m.how = "offset";
        for (unsigned off = 1; off < HV_PARAMETER_ALIGNMENT && call_output_size(call); off++) {
            m.number = off;
            m.r8 = gpa_of(f.output.data) + 64 + off;
            mutated_call_send_body(t, &f, &m, body);
            expect_untouched(t, &f.output, "output area of a call with a misaligned output GPA");
        }
    }
}

TEST(input_crosses_page,
     PROMISE("An input list that crosses a page is refused by every call, wherever in the list the "
             "page ends")
     COVERS("GEN-8 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with an input list that starts near the end of a page, at each 8-byte "
           "step, so that a part of it lies in the next one.")
     EXPECTS("Each is refused (INVALID_HYPERCALL_INPUT, or INVALID_ALIGNMENT), and nothing has "
             "changed.")
     IF_IT_FAILS("The host maps one page and reads beyond it: it acts on bytes that are not the "
                 "guest's parameters."))
{
    static const char flaw[] = "an input list that crosses a page";
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m =
            wrong_place(&f, call, body, flaw, HV_STATUS_INVALID_HYPERCALL_INPUT);

        m.how = "bytes in the first page";
        for (unsigned inside = HV_PARAMETER_ALIGNMENT; inside < call_input_size(call);
             inside += 8) {
            m.number = inside;
            mutated_call_send_at(t, &f, &m, body, PAGE_SIZE - inside);
        }
        mutated_call_expect_intact(t, &f, call, flaw);
    }
}

TEST(output_crosses_page,
     PROMISE("An output structure that crosses a page is refused, and nothing of it is written")
     COVERS("GEN-8") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends both queries with an output that starts near the end of a page, at each 8-byte "
           "step.")
     EXPECTS("Each is refused, and the page after it is not written.")
     IF_IT_FAILS("The host writes past its mapping of the output page into other memory."))
{
    static const char flaw[] = "an output that crosses a page";
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m =
            wrong_place(&f, call, body, flaw, HV_STATUS_INVALID_HYPERCALL_INPUT);

        m.how = "bytes in the first page";
        for (unsigned inside = HV_PARAMETER_ALIGNMENT; inside < call_output_size(call);
             inside += 8) {
            m.number = inside;
            m.r8 = gpa_of(f.output.data) + PAGE_SIZE - inside;
            mutated_call_send_body(t, &f, &m, body);
            CHECK(!memory_find_other(f.output.data + PAGE_SIZE, PAGE_SIZE, POISON_FRESH),
                  "%s: the refused call wrote to the page after its output page", call_name(call));
        }
    }
}

TEST(list_longer_than_page,
     PROMISE("A list flush whose 509 to 4095 elements do not fit after the header in one page is "
             "refused")
     COVERS("GEN-8") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends list flushes whose rep count is 509 to 4095, while valid elements lie in all "
           "pages after the input page.")
     EXPECTS("Each is refused, and the canary's domain is as before.")
     IF_IT_FAILS("The host reads elements beyond the input page. 508 fit after the header."))
{
    static const uint32_t counts[] = {509, 510, 511, 512, 513, 1024, 2048, HV_REP_MAX};
    static const char flaw[] = "a list that does not fit its page";
    struct call_fixture f = call_fixture_open(t);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m =
        wrong_place(&f, CALL_FLUSH_LIST, body, flaw, HV_STATUS_INVALID_HYPERCALL_INPUT);

    m.how = "elements";
    call_fill_list(&f);
    memcpy(f.input.data, body, sizeof(struct hv_input_flush_device_domain_list));
    for (unsigned n = 0; n < ARRAY_SIZE(counts); n++) {
        m.number = counts[n];
        m.control = hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, counts[n], 0, 0);
        mutated_call_send(t, &f, &m);
    }
    buffer_refresh(&f.input);
    mutated_call_expect_intact(t, &f, CALL_FLUSH_LIST, flaw);
}

TEST(gpa_outside_space,
     PROMISE("A parameter GPA above the physical address width is refused by every call, and is "
             "not cut to fit")
     COVERS("GEN-9 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with each address bit above the physical width set in its input GPA, "
           "and then in its output GPA; the low bits are those of a flawless call.")
     EXPECTS("Each is refused, and nothing has changed or was written.")
     IF_IT_FAILS("The host drops the high bits and carries the call out on another address than "
                 "was named."))
{
    static const char flaw[] = "a parameter GPA outside the guest physical address space";
    struct call_fixture f = call_fixture_open(t);
    uint64_t gpas[64 + 1];
    unsigned count = outside_gpas(gpas);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m =
            wrong_place(&f, call, body, flaw, HV_STATUS_INVALID_HYPERCALL_INPUT);
        const uint64_t input = m.rdx, output = m.r8;

        memcpy(f.input.data, body, call_input_size(call));
        for (unsigned n = 0; n < count; n++) {
            m.number = gpas[n];
            m.how = "input bits";
            /* With a good address in the low bits, a host that drops the high ones would find a
             * flawless call. */
            m.rdx = gpas[n] | input;
            mutated_call_send(t, &f, &m);
            m.rdx = input;
            if (call_output_size(call)) {
                m.how = "output bits";
                m.r8 = gpas[n] | output;
                mutated_call_send(t, &f, &m);
                m.r8 = output;
            }
        }
        buffer_refresh(&f.input);
        mutated_call_expect_intact(t, &f, call, flaw);
    }
}

TEST(lists_up_to_the_page_end,
     PROMISE("A parameter list that ends with the last byte of its page is not taken for one that "
             "crosses it")
     COVERS("GEN-8") ABI() DEVICES(NONE) KINDS("dma")
     STEPS("Sends every flawless call with a list that ends with the last byte of its page, and "
           "the output likewise.")
     EXPECTS("Every call succeeds.")
     IF_IT_FAILS("The check against crossing a page is off by one, and refuses what is permitted."))
{
    struct call_fixture f = call_fixture_open(t);

    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        m.rule = RULE_ACCEPT;
        m.what = "lists that end with their pages";
        m.r8 = gpa_of(f.output.data) + PAGE_SIZE - call_output_size(call);
        if (call_can_succeed(&f, call))
            mutated_call_send_at(t, &f, &m, body, PAGE_SIZE - call_input_size(call));
    }
}

TEST(gpa_without_memory,
     PROMISE("A parameter list at a GPA inside the space where no memory is changes nothing, "
             "whatever the status")
     COVERS("GEN-10 ROB-1") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("Sends every call with its input, and then its output, at an address where the guest "
           "has no memory.")
     EXPECTS("Any status, which is recorded; nothing has changed.")
     IF_IT_FAILS("The host crashes or acts on whatever it finds at that address of its own."))
{
    static const char flaw[] = "a parameter GPA without memory";
    struct call_fixture f = call_fixture_open(t);
    struct tally inputs = {0}, outputs = {0};
    uint64_t hole = memory_hole();

    REQUIRE(hole != 0, "this machine has no GPA without memory below its physical address width");
    FOR_EACH_CALL(call)
    {
        uint64_t body[CALL_WORDS_MAX];
        struct mutated_call m = mutated_call_begin(&f, call, body);

        m.rule = RULE_NO_EFFECT;
        m.what = flaw;
        m.how = "input";
        m.number = hole;
        m.rdx = hole;
        tally_add(&inputs, hv_result_status(mutated_call_send(t, &f, &m)));
        if (call_output_size(call)) {
            m.rule = RULE_OPEN;
            m.how = "output";
            m.r8 = hole;
            tally_add(&outputs, hv_result_status(mutated_call_send_body(t, &f, &m, body)));
        }
        mutated_call_expect_intact(t, &f, call, flaw);
    }
    observe_tally(t, "input", &inputs);
    observe_tally(t, "output", &outputs);
}
