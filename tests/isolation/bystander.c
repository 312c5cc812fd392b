/* SPDX-License-Identifier: MIT */
/*
 * A device that no call concerns has a DMA in flight, translated and not carried out, to a page
 * that stays mapped. A host that resets a queue, drains a unit by dropping what is in it, or
 * cancels by address alone loses it: the driver of that device never learns why.
 */
#define TEST_GROUP "isolation"
#include "lib/fmt.h"
#include "tests/harness/calls/mutated_call.h"

#define OTHER_PARTITION UINT64_C(7)
#define SHIFT_2M        9u

static void look(struct test_run *t, struct call_fixture *f, enum call_id call, const char *how)
{
    char after[TEXT_MAX];

    fmt_snprintf(after, sizeof(after), "%s %s", call_name(call), how);
    expect_undisturbed(t, &f->canary, after);
}

/* The same IOVA in another domain, alone and as part of a block. */
static void same_page(struct test_run *t, struct call_fixture *f)
{
    struct domain *home = f->place[PLACE_HOME].domain;
    uint64_t page = f->canary.held_iova >> HV_PAGE_SHIFT;

    flush_block(t, home, page, 0);
    look(t, f, CALL_FLUSH_LIST, "of the page of the same number in another domain");
    flush_block(t, home, page & ~((UINT64_C(1) << SHIFT_2M) - 1), SHIFT_2M);
    look(t, f, CALL_FLUSH_LIST, "of the 2 MiB around it in another domain");
    flush_block(t, home, 0, HV_IOMMU_RANGE_SHIFT_ALL);
    look(t, f, CALL_FLUSH_LIST, "of all pages of another domain");
}

static void held_lands(struct test_run *t, enum call_id call)
{
    struct call_fixture f = call_fixture_for(t, call);
    uint64_t body[CALL_WORDS_MAX];
    struct mutated_call m = mutated_call_begin(&f, call, body);

    if (!f.canary.holder)
        SKIP("no device of this machine can hold a DMA");
    m.what = "the right call";
    m.how = "control word";
    m.number = m.control;
    m.rule = RULE_ACCEPT;
    m.rdx = gpa_of(f.input.data);
    call_put(&f, call, f.input.data);
    CHECK_SUCCESS(hv_result_status(hypercall_raw(m.control, m.rdx, m.r8)), call_name(call));
    look(t, &f, call, "alone");
    buffer_refresh(&f.input);
    buffer_refresh(&f.output);
    if (call_output_size(call) == 0 && call != CALL_FLUSH && call != CALL_FLUSH_LIST) {
        CHECK(call_effect_success(t, &f, call, body, f.output.data) == EFFECT_DONE,
              "%s succeeds without its effect", call_name(call));
    }
    look(t, &f, call, "and what takes its effect back");
    body[0] = OTHER_PARTITION;
    m.rule = call_output_size(call) ? RULE_OPEN : RULE_REFUSE;
    m.what = "partition";
    m.how = "value";
    m.number = OTHER_PARTITION;
    mutated_call_send_body(t, &f, &m, body);
    look(t, &f, call, "for another partition");
    if (call == CALL_FLUSH_LIST)
        same_page(t, &f);
    mutated_call_end(t, &f, call, "a DMA of another device in flight");
}

#define CALLS_BESIDE(ROW, test)                                                                    \
    ROW(test, create, CALL_CREATE, WORD(call, "CREATE") COVERS("DOM-1"))                           \
    ROW(test, attach, CALL_ATTACH, WORD(call, "ATTACH") COVERS("ATT-2"))                           \
    ROW(test, detach, CALL_DETACH, WORD(call, "DETACH") COVERS("DET-1"))                           \
    ROW(test, delete, CALL_DELETE, WORD(call, "DELETE") COVERS("DEL-4"))                           \
    ROW(test, configure, CALL_CONFIGURE, WORD(call, "CONFIGURE") COVERS("CFG-1"))                  \
    ROW(test, flush, CALL_FLUSH, WORD(call, "FLUSH") COVERS("FL-4"))                               \
    ROW(test, flush_list, CALL_FLUSH_LIST, WORD(call, "FLUSH_LIST") COVERS("FL-4"))                \
    ROW(test, capabilities, CALL_CAPABILITIES, WORD(call, "GET_CAPABILITIES") COVERS("CAP-5"))     \
    ROW(test, property, CALL_PROPERTY, WORD(call, "GET_PROPERTY") COVERS("PROP-1"))

VARIANTS(const enum call_id, calls_beside, CALLS_BESIDE);

EACH_TEST(CALLS_BESIDE, keeps_dma_in_flight,
          PROMISE("A DMA that another device has in flight lands after {call}, accepted or refused")
          COVERS("ISO-2 GEN-10") ABI() DEVICES(NONE) KINDS("dma bad-input device")
          STEPS("A device holds a DMA to a page of a domain that nothing else concerns. A right "
                "{call} about other objects, one for another partition, and list flushes of the "
                "same IOVA in another domain follow; after each the DMA is released, and a new one "
                "is held.")
          EXPECTS("The bytes of each DMA arrive.")
          IF_IT_FAILS("The host drops requests in flight instead of waiting for them, and more of "
                      "them than those of the device or domain that the call names."))
{
    held_lands(t, VARIANT(calls_beside));
}
