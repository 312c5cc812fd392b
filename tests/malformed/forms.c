/* SPDX-License-Identifier: MIT */
/* The form of a right call is wrong: a bit of its control word, or the place of its lists. */
#define TEST_GROUP "malformed"
#include "lib/string.h"
#include "tests/harness/calls/malformed.h"

#define KINDS       "dma,bad-input"
#define FAST_BIT    16u
#define INPUT_ERROR HV_STATUS_INVALID_HYPERCALL_INPUT
#define ALIGN_ERROR HV_STATUS_INVALID_ALIGNMENT

static void refuse_with(struct damage *d, enum hv_status one, enum hv_status other)
{
    d->rule = RULE_REFUSE;
    d->one = (uint8_t)one;
    d->other = (uint8_t)other;
}

/* What the ABI says about a call in which one bit of the control word is not as it should be. */
static void rule_of_bit(struct damage *d, unsigned bit)
{
    uint64_t flip = UINT64_C(1) << bit;

    refuse_with(d, INPUT_ERROR, INPUT_ERROR);
    if (bit == FAST_BIT) {
        /* Addresses are sent as parameters, and the first parameter is a partition; or, the other way round, SELF as an
         * address. */
        refuse_with(d, 0, 0);
        d->rule = call_output_size(d->call) ? RULE_NO_EFFECT : RULE_REFUSE;
    } else if (flip & HV_CONTROL_NESTED) {
        d->rule = RULE_REFUSE_OR_IGNORE;
    } else if (d->call == CALL_FLUSH_LIST && (flip & HV_CONTROL_REP_COUNT_MASK) &&
               hv_control_rep_count(d->control) != 0) {
        /* A longer list: what follows in the page are elements, too, as long as the page lasts. */
        refuse_with(d, INPUT_ERROR, ALIGN_ERROR);
        d->rule = hv_control_rep_count(d->control) <= HV_FLUSH_LIST_MAX ? RULE_OPEN : RULE_REFUSE;
    }
}

static void control_word(struct test_run *t, enum call_id call)
{
    struct world w = world_open(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(&w, call, body);

    d.what = "control word";
    d.how = "bit";
    memset(w.input.data, 0, PAGE_SIZE); /* the list flush may find more elements there: page 0 */
    for (unsigned bit = FAST_BIT; bit < 64; bit++) {
        d.number = bit;
        d.control = call_control(call) ^ UINT64_C(1) << bit;
        rule_of_bit(&d, bit);
        world_body(&w, call, body);
        if (call == CALL_DETACH_FAST) {
            d.rdx = body[0];
            d.r8 = body[1];
        }
        memcpy(w.input.data, body, call_input_size(call));
        damage_send(t, &w, &d);
    }
    buffer_refresh(&w.input);
    damage_end(t, &w, call, "one bit of its control word wrong");
}

#define CONTROL_WORD(symbol, call, name)                                                                               \
    STORY(symbol "_control_word", "Each of bits 16 to 63 of the control word is inverted in a right " name ".",        \
          "INVALID_HYPERCALL_INPUT for reserved bits, a variable header, and a wrong rep count or start; any error "   \
          "where registers and memory are mixed up; the nested bit may be ignored. Nothing has changed after an "      \
          "error, and all registers but RAX and, for a list, RCX are as before.",                                      \
          "A part of the control word is not checked, or only after the call was carried out.");                       \
    TEST(control_##call, symbol "_control_word", "GEN-1 GEN-10 GEN-11 GEN-15", NO_DEVICE, KINDS,                       \
         name " with one bit of its control word wrong is refused without effect")                                     \
    {                                                                                                                  \
        control_word(t, CALL_##call);                                                                                  \
    }

CONTROL_WORD("create", CREATE, "CREATE")
CONTROL_WORD("attach", ATTACH, "ATTACH")
CONTROL_WORD("detach", DETACH, "DETACH")
CONTROL_WORD("detach_fast", DETACH_FAST, "DETACH in registers")
CONTROL_WORD("delete", DELETE, "DELETE")
CONTROL_WORD("configure", CONFIGURE, "CONFIGURE")
CONTROL_WORD("flush", FLUSH, "FLUSH")
CONTROL_WORD("flush_list", FLUSH_LIST, "FLUSH_LIST")
CONTROL_WORD("capabilities", CAPABILITIES, "GET_CAPABILITIES")
CONTROL_WORD("property", PROPERTY, "GET_PROPERTY")

/* The rule for a list of `size` bytes at `offset` of its page. */
static void rule_of_place(struct damage *d, size_t offset, size_t size)
{
    bool aligned = offset % HV_PARAMETER_ALIGNMENT == 0, fits = offset + size <= HV_PAGE_SIZE;

    refuse_with(d, ALIGN_ERROR, fits ? ALIGN_ERROR : INPUT_ERROR);
    if (aligned && fits) {
        d->rule = RULE_ACCEPT;
    }
    d->how = fits ? "offset in its page" : "crosses its page, offset";
    d->number = offset;
}

/* Every offset around the end of the page, and around its beginning. */
static size_t next_place(size_t offset, size_t size)
{
    const size_t head = 2ul * HV_PARAMETER_ALIGNMENT;

    return offset + 1 == head ? HV_PAGE_SIZE - size - head : offset + 1;
}

static void input_places(struct test_run *t, enum call_id call)
{
    struct world w = world_open(t, call);
    size_t size = call_input_size(call);
    uint64_t body[CALL_WORDS_MAX];
    struct damage d = damage_begin(&w, call, body);

    d.what = "input list";
    for (size_t offset = 0; offset < HV_PAGE_SIZE; offset = next_place(offset, size)) {
        rule_of_place(&d, offset, size);
        d.rdx = gpa_of(w.input.data) + offset;
        memcpy(w.input.data + offset, body, size);
        damage_send(t, &w, &d);
        memset(w.input.data + offset, POISON_FRESH, size);
    }
    damage_end(t, &w, call, "its input in wrong places");
}

#define INPUT_PLACES(symbol, call, name)                                                                               \
    STORY(symbol "_input_places",                                                                                      \
          "A right " name " is sent from every offset around the end and at the beginning of a page.",                 \
          "SUCCESS and its effect where the list is aligned to 8 and ends inside of its page. INVALID_ALIGNMENT, or "  \
          "INVALID_HYPERCALL_INPUT as well where it crosses the page, and no effect, everywhere else.",                \
          "The checks of alignment and of the page end are missing, or are off by one.");                              \
    TEST(input_##call, symbol "_input_places", "GEN-1 GEN-10 GEN-11", NO_DEVICE, KINDS,                                \
         name " is accepted where its input is aligned and inside of a page, and refused everywhere else")             \
    {                                                                                                                  \
        input_places(t, CALL_##call);                                                                                  \
    }

INPUT_PLACES("create", CREATE, "CREATE")
INPUT_PLACES("attach", ATTACH, "ATTACH")
INPUT_PLACES("detach", DETACH, "DETACH")
INPUT_PLACES("delete", DELETE, "DELETE")
INPUT_PLACES("configure", CONFIGURE, "CONFIGURE")
INPUT_PLACES("flush", FLUSH, "FLUSH")
INPUT_PLACES("flush_list", FLUSH_LIST, "FLUSH_LIST")
INPUT_PLACES("capabilities", CAPABILITIES, "GET_CAPABILITIES")
INPUT_PLACES("property", PROPERTY, "GET_PROPERTY")
