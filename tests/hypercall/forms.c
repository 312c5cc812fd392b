/* SPDX-License-Identifier: MIT */
/* Forms of a call on which the ABI is silent: in registers, or with the nested bit. A refusal must change nothing, a
 * success must mean what it says. */
#define TEST_GROUP "hypercall"
#include "lib/string.h"
#include "tests/harness/calls/hypercall_calls.h"
#include "tests/harness/tally.h"

static enum hv_status fast_call(struct test_run *t, const struct stage *s, const struct call_shape *shape)
{
    struct hypercall_registers r = {0};
    uint8_t list[HV_FAST_XMM_INPUT_MAX] = {0};
    enum trap_vector vector;

    stage_body(s, shape, list);
    memcpy(&r.rdx, list, sizeof(r.rdx));
    memcpy(&r.r8, list + sizeof(r.rdx), sizeof(r.r8));
    memcpy(r.xmm, list + HV_FAST_INPUT_MAX, sizeof(r.xmm));
    r.rcx = stage_control(shape) | HV_CONTROL_FAST;
    vector = hypercall_raw_registers(&r);
    STEP3(t, "%s in fast form: exception %llu, RAX 0x%llx", (uint64_t)(uintptr_t)shape->name, vector, r.rax);
    /* #UD is what a host without register input beyond 16 bytes raises. */
    CHECK(vector == TRAP_NONE || vector == TRAP_UD, "%s in fast form raised exception %u", shape->name,
          (unsigned)vector);
    /* An exception is a refusal; FEATURE_UNAVAILABLE stands for it in the observation. */
    return vector == TRAP_NONE ? hv_result_status(r.rax) : HV_STATUS_FEATURE_UNAVAILABLE;
}

/* Takes back what the call did when it succeeded, so that the stage is as before if and only if it meant what it said.
 */
static void undo(struct test_run *t, struct stage *s, const struct call_shape *shape)
{
    switch (shape->code) {
    case HVCALL_CREATE_DEVICE_DOMAIN:
        CHECK_SUCCESS(pviommu_delete(s->absent), "DELETE of the domain that a CREATE made");
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
    case HVCALL_DETACH_DEVICE_DOMAIN:
        if (s->by.engine) {
            CHECK(!may_write(t, s->by.engine, s->by.iova, &s->by.target, 0, 16, shape->name),
                  "%s reported SUCCESS, but the device still uses its old domain", shape->name);
            attach(t, s->by.domain, s->by.engine);
        }
        break;
    case HVCALL_DELETE_DEVICE_DOMAIN:
        s->victim = domain_paging(t);
        break;
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        CHECK_SUCCESS(pviommu_delete(s->bare), "DELETE of the domain that was configured");
        CHECK_SUCCESS(pviommu_create(s->bare), "CREATE of its id");
        break;
    default:
        break;
    }
}

/* A call that succeeded is undone, any other is noted; behind either the stage is as before. */
static void settle(struct test_run *t, struct stage *s, const struct call_shape *shape, const char *form,
                   enum hv_status status, struct tally *refused)
{
    if (status == HV_STATUS_SUCCESS) {
        observe_status(t, shape->name, status);
        undo(t, s, shape);
    } else {
        tally_add(refused, status);
    }
    stage_expect_intact_with(t, s, shape, form);
}

OBSERVATION(fast_form,
            PROMISE("A call in fast form means what it means in memory, or is refused and changes nothing")
            COVERS("GEN-15") DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Sends each call in the register form, with its parameters in RDX, R8 and the XMM registers. What "
                  "succeeded is undone, then everything is looked at.")
            EXPECTS("A call means what it means in memory form, or it is refused (also by #UD) and nothing has "
                    "changed. The statuses are recorded.")
            IF_IT_FAILS("Success without effect, or effect with an error: the host takes parameters from the wrong "
                        "registers."))
{
    struct stage s = stage_open(t);
    struct tally refused = {0};

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        enum hv_status status = fast_call(t, &s, &call_shapes[i]);

        settle(t, &s, &call_shapes[i], "its parameters in registers", status, &refused);
    }
    observe_tally(t, "refused", &refused);
}

OBSERVATION(nested_bit,
            PROMISE("The nested bit of the control word is ignored, or the call is refused and changes nothing")
            COVERS("GEN-15") DEVICES(NONE) KINDS("dma bad-input")
            STEPS("Sends each flawless call with the nested bit of the control word. What succeeded is undone, then "
                  "everything is looked at.")
            EXPECTS("The bit is ignored, or the call is refused and nothing has changed. The statuses are recorded.")
            IF_IT_FAILS("The call is carried out in part, or reports an error after it was carried out."))
{
    struct stage s = stage_open(t);
    struct tally refused = {0};

    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const struct call_shape *shape = &call_shapes[i];
        uint64_t control = stage_control(shape) | HV_CONTROL_NESTED, result;

        stage_body(&s, shape, s.input.data);
        result = hypercall_raw(control, gpa_of(s.input.data), gpa_of(s.output.data));
        settle(t, &s, shape, "the nested bit", hv_result_status(result), &refused);
    }
    observe_tally(t, "refused", &refused);
}
