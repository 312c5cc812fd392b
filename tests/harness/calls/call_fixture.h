/* SPDX-License-Identifier: MIT */
/*
 * Objects on which each of the nine calls, if carried out, changes something that can be seen
 * afterwards. So "refused" is never only a status: after a refusal, nothing of the call's work is
 * there. A cheap look at what one call would have changed follows each call; the full look at all
 * objects takes some thirty calls, and comes once or a few times a test.
 */
#ifndef PVT_TESTS_HARNESS_CALLS_CALL_FIXTURE_H
#define PVT_TESTS_HARNESS_CALLS_CALL_FIXTURE_H

#include "abi/hypercall.h"
#include "tests/harness/calls/call_table.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

/* A paging domain that maps one page, at the IOVA that is the GPA of a decoy: untranslated DMA
 * lands in the decoy. */
enum place_id { PLACE_HOME, PLACE_ELSEWHERE, PLACE_VICTIM, PLACES };
struct place {
    struct domain *domain;
    uint64_t iova, *leaf;
    uint8_t *target, *decoy;
};

/* Target of a DMA by the IOVA of a place. */
enum landed { LANDED_NOWHERE, LANDED_TARGET, LANDED_DECOY };

/* Compared with what the right call would have done. */
enum effect { EFFECT_NONE, EFFECT_DONE, EFFECT_OTHER };

struct property_answer {
    enum hv_status status;
    struct hv_output_get_logical_device_property value;
};

/* Usual offset of the output of a call in the output buffer. */
#define CALL_OUTPUT_OFFSET 1024u
/* So many, that a list which runs out of its page still finds valid elements there. */
#define CALL_INPUT_PAGES 9

/*
 * CREATE makes `absent`; CONFIGURE gives `bare` the tables of ELSEWHERE; ATTACH moves the device
 * from HOME to ELSEWHERE; DETACH takes it out; DELETE removes VICTIM; the flushes are of HOME.
 */
struct call_fixture {
    bool proven[CALL_IDS]; /* the right call was tried */
    unsigned processor;    /* number of the one that makes mutated calls; the first one, which is
                              number 0, looks at their effects */
    bool pviommu;          /* false: this host has none, and there is nothing to look at */
    struct canary canary;
    struct dma_engine *engine; /* NULL: no device on this machine */
    uint64_t stranger;         /* id in the place of its own then */
    struct place place[PLACES];
    uint32_t absent, bare;
    enum landed bare_lands; /* DMA through `bare` before anything was done to it */
    struct buffer pages, input, output;
    uint64_t answer[CALL_IDS][3];     /* of the right calls with output */
    struct property_answer *property; /* of each engine */
    struct tally tally;               /* of mutated calls */
};

struct call_fixture call_fixture_open(struct test_run *t);
/* Skips the test when `call` needs a device and there is none. */
struct call_fixture call_fixture_for(struct test_run *t, enum call_id call);
/* For calls that every host refuses: goes on without objects on a host that has no pvIOMMU. */
struct call_fixture call_fixture_anywhere(struct test_run *t);
/* False for a call that cannot succeed here: it names a device, and the machine has none. */
bool call_can_succeed(const struct call_fixture *f, enum call_id call);
/* The right parameter list of a call, call_input_size() bytes, with the effect described above. */
void call_body(const struct call_fixture *f, enum call_id call, uint64_t *body);
/* Puts it there. */
void call_put(const struct call_fixture *f, enum call_id call, uint8_t *at);
/* Elements that name the page of HOME after the header of a list flush, up to the end of the input
 * buffer. */
void call_fill_list(struct call_fixture *f);

enum landed call_landing(struct test_run *t, struct call_fixture *f, enum place_id place);
/* After a refused call: is something of its work there anyway? Takes it back. */
enum effect call_effect_refused(struct test_run *t, struct call_fixture *f, enum call_id call);
/* After a call that reported success: is its work done? Takes it back, under the names in `body`.
 * `answer` is where the output was to be. */
enum effect call_effect_success(struct test_run *t, struct call_fixture *f, enum call_id call,
                                const uint64_t *body, const uint8_t *answer);
/* VICTIM, which was deleted, is made again. */
void call_fixture_restore_victim(struct test_run *t, struct call_fixture *f);
/* FAIL unless all objects are as they were in the beginning, and usable. `after`: "CREATE with a
 * foreign partition". */
void call_fixture_expect_intact(struct test_run *t, struct call_fixture *f, const char *after);

#endif
