/* SPDX-License-Identifier: MIT */
/*
 * The nine calls of the pvIOMMU as data, and a stage on which each of them, if carried out, changes something that can
 * be seen afterwards. So "refused" is never only a status: the stage has to be intact behind every refusal.
 */
#ifndef PVT_TESTS_HARNESS_CALLS_HYPERCALL_CALLS_H
#define PVT_TESTS_HARNESS_CALLS_HYPERCALL_CALLS_H

#include "abi/hypercall.h"
#include "tests/harness/fixture.h"

struct call_shape {
    const char *name;
    uint16_t code;
    uint16_t input_size; /* bytes; of the list flush with one element */
    uint16_t output_size;
    bool rep;
};

#define CALL_COUNT 9
extern const struct call_shape call_shapes[CALL_COUNT];
extern const struct call_shape *const list_flush; /* the one of them that is a rep call */

/* Pages behind the input page, so that a list that runs out of its page still finds valid elements there. */
#define STAGE_INPUT_PAGES 9

struct stage {
    struct canary by;         /* ATTACH and DETACH name its device, both flushes its domain */
    struct domain *elsewhere; /* blocking, without devices: where ATTACH would move the device */
    struct domain *victim;    /* paging, without devices: DELETE would remove it */
    uint32_t absent;          /* no such domain: CREATE would make it */
    uint32_t bare;            /* never configured: CONFIGURE would make it pass everything through */
    bool bare_passes; /* the host lets DMA through it anyway: CFG-8 is broken, and nothing follows from it here */
    struct buffer input, output;
};

struct stage stage_open(struct test_run *t);
/* For calls that every host refuses: on one without pvIOMMU there is no stage, and nothing to look at afterwards. */
struct stage stage_open_anywhere(struct test_run *t);
/* A flawless parameter list of input_size bytes for that call, with the effect described above. */
void stage_body(const struct stage *s, const struct call_shape *shape, void *body);
/* False for a call that cannot succeed here: it names a device, and the machine has none for the stage. */
bool stage_can_carry_out(const struct stage *s, const struct call_shape *shape);
/* Elements that name the canary's page behind the header of the list flush, up to the end of the input pages. */
void stage_fill_list(struct stage *s);
/* Control word of the flawless call. */
uint64_t stage_control(const struct call_shape *shape);
/* FAIL unless nothing of what the stage's calls would do has happened. */
void stage_expect_intact(struct test_run *t, struct stage *s, const char *after);
/* The same behind `shape` "with" something: "a reserved control bit". */
void stage_expect_intact_with(struct test_run *t, struct stage *s, const struct call_shape *shape, const char *with);

/* One call that must be refused with status `one` or `other`. */
struct malformed {
    const struct call_shape *shape;
    const char *flaw; /* "a reserved control bit" */
    uint64_t control, input_gpa, output_gpa;
    enum hv_status one, other;
};
/* Sends it and judges the status; what it did is for stage_expect_intact() to find out. */
void expect_malformed(struct test_run *t, const struct malformed *m);

#endif
