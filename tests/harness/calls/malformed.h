/* SPDX-License-Identifier: MIT */
/*
 * Malformed calls, driven by one description of each call: its fields with place, width and kind. A test takes a call
 * that is right, damages one thing in it, and does so for every way to damage it.
 *
 * Behind each damaged call stands a cheap look at what that very call would have changed; a full look at all objects
 * comes once at the end of a test. Only the table knows what a field is, only malformed_world.c what a call does.
 */
#ifndef PVT_TESTS_HARNESS_CALLS_MALFORMED_H
#define PVT_TESTS_HARNESS_CALLS_MALFORMED_H

#include "abi/hypercall.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

enum call_id {
    CALL_CREATE,
    CALL_ATTACH,
    CALL_DETACH,
    CALL_DETACH_FAST, /* DETACH with its parameters in registers: the one call that fits without XMM registers */
    CALL_DELETE,
    CALL_CONFIGURE,
    CALL_FLUSH,
    CALL_FLUSH_LIST, /* with one element */
    CALL_CAPABILITIES,
    CALL_PROPERTY,
    CALL_IDS
};

enum field_kind {
    FIELD_PARTITION, /* only the caller's own */
    FIELD_VTL,       /* target VTL and use_target_vtl */
    FIELD_TYPE,      /* of a domain */
    FIELD_DOMAIN,
    FIELD_DEVICE,
    FIELD_RESERVED, /* bits that mean nothing; padding as well */
    FIELD_OPEN,     /* bits that mean something which is not public */
    FIELD_SETTINGS,
    FIELD_CODE,
    FIELD_ROOT,
};

/* All fields lie inside of one aligned 64-bit word of the parameter list. */
struct call_field {
    const char *name;
    uint8_t word; /* 0: bytes 0 to 7 */
    uint8_t kind; /* enum field_kind */
    uint64_t mask;
};

#define CALL_WORDS_MAX 5

struct call_table {
    const char *name;
    uint16_t code;
    uint8_t words;        /* of the parameter list */
    uint8_t output_words; /* 0 = no output */
    bool names_domain;    /* begins with the common block */
    bool needs_device;
    uint8_t field_count; /* behind the common block */
    const struct call_field *fields;
};

extern const struct call_table call_table[CALL_IDS];
/* The n-th field of a call, those of the common block first; NULL behind the last. */
const struct call_field *call_field(enum call_id call, unsigned n);
uint64_t call_control(enum call_id call);
static inline size_t call_input_size(enum call_id call)
{
    return call_table[call].words * sizeof(uint64_t);
}
static inline size_t call_output_size(enum call_id call)
{
    return call_table[call].output_words * sizeof(uint64_t);
}

/* A paging domain that maps one page, at the IOVA that is the GPA of a decoy: untranslated DMA lands in the decoy. */
enum place_id { PLACE_HOME, PLACE_ELSEWHERE, PLACE_VICTIM, PLACES };
struct place {
    struct domain *domain;
    uint64_t iova, *leaf;
    uint8_t *target, *decoy;
};

/* Where a DMA by the IOVA of a place went. */
enum landed { LANDED_NOWHERE, LANDED_TARGET, LANDED_DECOY };

/* Compared with what the right call would have done. */
enum effect { EFFECT_NONE, EFFECT_DONE, EFFECT_OTHER };

struct property_answer {
    enum hv_status status;
    struct hv_output_get_logical_device_property value;
};

#define WORLD_OUTPUT_OFFSET 1024u

/*
 * CREATE makes `absent`; CONFIGURE gives `bare` the tables of ELSEWHERE; ATTACH moves the subject from HOME to
 * ELSEWHERE; DETACH takes it out; DELETE removes VICTIM; the flushes are of HOME.
 */
struct world {
    struct canary by;
    struct dma_engine *subject; /* NULL: no second device on this machine */
    struct place place[PLACES];
    uint32_t absent, bare;
    enum landed bare_lands; /* DMA through `bare` before anything was done to it */
    struct buffer pages, input, output;
    uint64_t answer[CALL_IDS][3]; /* of the right calls with output */
    struct property_answer property[DMA_ENGINES_MAX];
    struct tally tally; /* of damaged calls */
};

/* Skips the test when `call` needs a device and there is none to spare. */
struct world world_open(struct test_run *t, enum call_id call);
/* The right parameter list of a call, call_input_size() bytes. */
void world_body(const struct world *w, enum call_id call, uint64_t *body);
enum landed world_landing(struct test_run *t, struct world *w, enum place_id place);
/* After a refused call: what of its work is there anyway? Takes it back. */
enum effect world_effect_refused(struct test_run *t, struct world *w, enum call_id call);
/* After a call that reported success: is its work done? Takes it back, under the names in `body`. */
enum effect world_effect_success(struct test_run *t, struct world *w, enum call_id call, const uint64_t *body);
/* FAIL unless all objects are as world_open() left them, and usable. `after`: "CREATE with a foreign partition". */
void world_expect_intact(struct test_run *t, struct world *w, const char *after);

enum rule {
    RULE_REFUSE,           /* any error, and no effect */
    RULE_REFUSE_OR_IGNORE, /* that, or success with exactly the effect of the right call */
    RULE_NO_EFFECT,        /* any status, never an effect */
    RULE_OPEN,             /* an error without effect, or success with whatever the host means by it */
    RULE_ACCEPT,           /* not damaged at all: success, with its effect */
};

struct damage {
    enum call_id call;
    enum rule rule;
    uint8_t one, other; /* RULE_REFUSE: the two statuses that are allowed; 0 = any */
    const char *what;   /* "partition_id", "control word" */
    const char *how;    /* "bit", "value" */
    uint64_t number;
    uint64_t control, rdx, r8;
    const uint64_t *body; /* what the parameter list says, for taking a success back */
};

/* A right call in the usual place, for a test to damage. `body` is filled, and sent when the damage is. */
struct damage damage_begin(struct world *w, enum call_id call, uint64_t *body);
/* Sends it and judges status, effect and registers; the test ends here when the host is wrong. Returns RAX. */
uint64_t damage_send(struct test_run *t, struct world *w, const struct damage *d);
/* Puts the body to its usual place first (register form: into RDX and R8). */
uint64_t damage_send_body(struct test_run *t, struct world *w, struct damage *d, const uint64_t *body);
/* Last words of each test: the full look, and the statuses as an observation. */
void damage_end(struct test_run *t, struct world *w, enum call_id call, const char *what);

#endif
