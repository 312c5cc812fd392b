/* SPDX-License-Identifier: MIT */
/*
 * The two questions, asked in every state of domains and devices, over output memory that held
 * something else. A host that writes only what has changed, or a part of the structure, leaves the
 * guest with bytes of its own making.
 */
#define TEST_GROUP "hypercall"
#include "abi/hypercall.h"
#include "lib/string.h"
#include "tests/harness/calls/call_fixture.h"

#define DOMAINS 12u
#define WORDS   3u /* of the longer answer */

struct question {
    enum call_id call;
    uint64_t first[WORDS]; /* answer in the first state */
    bool asked;
};

static void expect_answer(struct test_run *t, const struct call_fixture *f, struct question *q,
                          const char *state)
{
    static const uint8_t fills[] = {0xFF, 0x00, POISON_FRESH};
    size_t size = call_output_size(q->call);

    for (unsigned n = 0; n < sizeof(fills); n++) {
        memset(f->output.data, fills[n], size);
        call_put(f, q->call, f->input.data);
        CHECK_SUCCESS(hv_result_status(hypercall_raw(call_control(q->call), gpa_of(f->input.data),
                                                     gpa_of(f->output.data))),
                      call_name(q->call));
        STEP("%s over bytes 0x%llx, %s", call_name(q->call), fills[n], state);
        if (!q->asked) {
            memcpy(q->first, f->output.data, size);
            q->asked = true;
        }
        CHECK(memcmp(q->first, f->output.data, size) == 0,
              "%s, %s, over bytes 0x%02x: the output is not what it was in the first state",
              call_name(q->call), state, fills[n]);
    }
}

static void expect_answers(struct test_run *t, const struct call_fixture *f, struct question *q,
                           const char *state)
{
    struct hv_output_get_iommu_capabilities caps;
    struct hv_output_get_logical_device_property property;

    expect_answer(t, f, &q[0], state);
    memcpy(&caps, q[0].first, sizeof(caps));
    CHECK_EQ(caps.reserved, 0, "reserved field of the capabilities");
    if (f->engine) {
        expect_answer(t, f, &q[1], state);
        memcpy(&property, q[1].first, sizeof(property));
        CHECK_EQ(property.reserved, 0, "reserved field of the property");
        CHECK_EQ(property.device_iommu & HV_DEVICE_IOMMU_RESERVED, 0,
                 "undefined bits of the property");
    }
}

TEST(whole_answer_in_each_state,
     PROMISE("Both answers are written as a whole, and are the same in each state of domains and "
             "devices")
     COVERS("GEN-12 CAP-5 PROP-1 PROP-6") ABI() DEVICES(NONE) KINDS("none")
     STEPS("Asks for capabilities and for the property of a device over output memory of 0xFF, "
           "0x00 and a pattern: with the device in a paging, a blocking and an identity domain, in "
           "none, and with twelve more domains.")
     EXPECTS("Every byte of the structure is the same each time, and reserved fields are zero.")
     IF_IT_FAILS("The host writes a part of the structure, skips what it takes for unchanged, or "
                 "builds an answer from what happens to be in use."))
{
    struct call_fixture f = call_fixture_open(t);
    struct question q[] = {{.call = CALL_CAPABILITIES}, {.call = CALL_PROPERTY}};
    struct domain *blocked = domain_blocked(t), *identity = domain_identity(t);

    expect_answers(t, &f, q, "with the device in a paging domain");
    if (f.engine) {
        attach(t, blocked, f.engine);
        expect_answers(t, &f, q, "with the device in a blocking domain");
        attach(t, identity, f.engine);
        expect_answers(t, &f, q, "with the device in an identity domain");
        CHECK_SUCCESS(pviommu_detach(f.engine->device_id), "DETACH of an attached device");
        expect_answers(t, &f, q, "with the device in no domain");
    }
    for (unsigned i = 0; i < DOMAINS; i++)
        (void)domain_blocked(t);
    expect_answers(t, &f, q, "with twelve more domains");
    if (f.canary.engine)
        attach(t, blocked, f.canary.engine);
    if (f.canary.holder)
        attach(t, blocked, f.canary.holder);
    expect_answers(t, &f, q, "with no device in a paging domain");
}
