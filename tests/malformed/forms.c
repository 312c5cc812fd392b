/* SPDX-License-Identifier: MIT */
/* The form of a right call is wrong: a bit of its control word, or the place of its lists. */
#define TEST_GROUP "malformed"
#include "lib/string.h"
#include "tests/harness/calls/mutated_call.h"

#define FAST_BIT    16u
#define INPUT_ERROR HV_STATUS_INVALID_HYPERCALL_INPUT
#define ALIGN_ERROR HV_STATUS_INVALID_ALIGNMENT

/* The rule of the ABI for a call in which one bit of the control word is wrong. */
static void rule_of_bit(struct mutated_call *m, unsigned bit)
{
    uint64_t flip = UINT64_C(1) << bit;

    mutated_call_refuse_with(m, INPUT_ERROR, INPUT_ERROR);
    if (bit == FAST_BIT) {
        /* Addresses are sent as parameters, and the first parameter is a partition; or, the other
         * way round, SELF as an address. */
        mutated_call_refuse_with(m, 0, 0);
        m->rule = call_output_size(m->call) ? RULE_NO_EFFECT : RULE_REFUSE;
    } else if (flip & HV_CONTROL_NESTED) {
        m->rule = RULE_REFUSE_OR_IGNORE;
    } else if (m->call == CALL_FLUSH_LIST && (flip & HV_CONTROL_REP_COUNT_MASK) &&
               hv_control_rep_count(m->control) != 0) {
        /* A longer list: what follows in the page are elements, too, as long as the page lasts. */
        mutated_call_refuse_with(m, INPUT_ERROR, ALIGN_ERROR);
        m->rule = hv_control_rep_count(m->control) <= HV_FLUSH_LIST_MAX ? RULE_OPEN : RULE_REFUSE;
    }
}

static void control_word(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);

    m.what = "control word";
    m.how = "bit";
    memset(f.input.data, 0, PAGE_SIZE); /* the list flush may find more elements there: page 0 */
    for (unsigned bit = FAST_BIT; bit < 64; bit++) {
        m.number = bit;
        m.control = call_control(call) ^ UINT64_C(1) << bit;
        rule_of_bit(&m, bit);
        call_body(&f, call, body);
        if (call == CALL_DETACH_FAST) {
            m.rdx = body[0];
            m.r8 = body[1];
        }
        memcpy(f.input.data, body, call_input_size(call));
        mutated_call_send(t, &f, &m);
    }
    buffer_refresh(&f.input);
    mutated_call_end(t, &f, call, "one bit of its control word wrong");
}

#define WITH_INPUT_PAGE(ROW, test)                                                                 \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE"))                                           \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") KINDS("device"))                           \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") KINDS("device"))                           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE"))                                           \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE"))                                  \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH"))                                              \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST"))                               \
    ROW(test, capabilities, CALL_CAPABILITIES, WORD(call, "GET_CAPABILITIES"))                     \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") KINDS("device"))

#define ALL_CALLS(ROW, test)                                                                       \
    WITH_INPUT_PAGE(ROW, test)                                                                     \
    ROW(test, detach_fast, CALL_DETACH_FAST, WORD(call, "DETACH in registers") KINDS("device"))

VARIANTS(const enum call_id, all_calls, ALL_CALLS);

EACH_TEST(ALL_CALLS, control_word,
          PROMISE("{call} with one bit of its control word wrong is refused without effect")
          COVERS("GEN-1 GEN-10 GEN-11 GEN-15") ABI() DEVICES(NONE) KINDS("dma bad-input")
          STEPS("Each of bits 16 to 63 of the control word is inverted in a right {call}.")
          EXPECTS("INVALID_HYPERCALL_INPUT for reserved bits, a variable header, and a wrong rep "
                  "count or start; any error where registers and memory are mixed up; the nested "
                  "bit may be ignored. Nothing has changed after an error, and all registers but "
                  "RAX and, for a list, RCX are as before.")
          IF_IT_FAILS("A part of the control word is not checked, or only after the call was "
                      "carried out."))
{
    control_word(t, VARIANT(all_calls));
}

/* The rule for a list of `size` bytes at `offset` of its page. */
static void rule_of_place(struct mutated_call *m, size_t offset, size_t size)
{
    bool aligned = offset % HV_PARAMETER_ALIGNMENT == 0, fits = offset + size <= HV_PAGE_SIZE;

    mutated_call_refuse_with(m, ALIGN_ERROR, fits ? ALIGN_ERROR : INPUT_ERROR);
    if (aligned && fits)
        m->rule = RULE_ACCEPT;
    m->how = fits ? "offset in its page" : "crosses its page, offset";
    m->number = offset;
}

/* Every offset around the end of the page, and around its beginning. */
static size_t next_place(size_t offset, size_t size)
{
    const size_t head = 2ul * HV_PARAMETER_ALIGNMENT;

    return offset + 1 == head ? HV_PAGE_SIZE - size - head : offset + 1;
}

static void input_places(struct test_run *t, enum call_id call)
{
    struct call_fixture f = mutated_call_fixture(t, call);
    size_t size = call_input_size(call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);

    m.what = "input list";
    for (size_t offset = 0; offset < HV_PAGE_SIZE; offset = next_place(offset, size)) {
        rule_of_place(&m, offset, size);
        mutated_call_send_at(t, &f, &m, body, offset);
    }
    mutated_call_end(t, &f, call, "its input in wrong places");
}

VARIANTS(const enum call_id, with_input_page, WITH_INPUT_PAGE);

EACH_TEST(WITH_INPUT_PAGE, input_places,
          PROMISE("{call} is accepted where its input is aligned and inside of a page, and refused "
                  "everywhere else")
          COVERS("GEN-1 GEN-10 GEN-11") ABI() DEVICES(NONE) KINDS("dma bad-input")
          STEPS("A right {call} is sent from every offset around the end and at the beginning of a "
                "page.")
          EXPECTS("SUCCESS and its effect where the list is aligned to 8 and ends inside of its "
                  "page. INVALID_ALIGNMENT, or INVALID_HYPERCALL_INPUT as well where it crosses "
                  "the page, and no effect, everywhere else.")
          IF_IT_FAILS("The checks of alignment and of the page end are missing, or are off by "
                      "one."))
{
    input_places(t, VARIANT(with_input_page));
}
