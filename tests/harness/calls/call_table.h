/* SPDX-License-Identifier: MIT */
/* The nine calls of the pvIOMMU as data: code, sizes, and each field of the parameter list with
 * place, width and kind.
 */
#ifndef PVT_TESTS_HARNESS_CALLS_CALL_TABLE_H
#define PVT_TESTS_HARNESS_CALLS_CALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_id {
    CALL_CREATE,
    CALL_ATTACH,
    CALL_DETACH,
    CALL_DELETE,
    CALL_CONFIGURE,
    CALL_FLUSH,
    CALL_FLUSH_LIST, /* with one element */
    CALL_CAPABILITIES,
    CALL_PROPERTY,
    CALL_COUNT, /* of those above: each call once */
    /* DETACH with its parameters in registers: the one call that fits without XMM registers */
    CALL_DETACH_FAST = CALL_COUNT,
    CALL_IDS
};

/* Goes through all calls in memory form. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses) ; declares its argument */
#define FOR_EACH_CALL(call) for (enum call_id call = CALL_CREATE; call < CALL_COUNT; call++)

enum field_kind {
    FIELD_PARTITION, /* only the caller's own */
    FIELD_VTL,       /* target VTL and use_target_vtl */
    FIELD_TYPE,      /* of a domain */
    FIELD_DOMAIN,
    FIELD_DEVICE,
    FIELD_RESERVED, /* bits that mean nothing yet */
    FIELD_PADDING,  /* bits that a host ignores */
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
    uint8_t field_count; /* after the common block */
    const struct call_field *fields;
    const char *requirements; /* that say that the right call succeeds */
};

extern const struct call_table call_table[CALL_IDS];

/* The n-th field of a call, those of the common block first; NULL after the last. */
const struct call_field *call_field(enum call_id call, unsigned n);
/* Control word of the right call. */
uint64_t call_control(enum call_id call);

static inline const char *call_name(enum call_id call)
{
    return call_table[call].name;
}

static inline size_t call_input_size(enum call_id call)
{
    return call_table[call].words * sizeof(uint64_t);
}

static inline size_t call_output_size(enum call_id call)
{
    return call_table[call].output_words * sizeof(uint64_t);
}

/* A rep call may move on RCX, its control word. */
static inline bool call_is_rep(enum call_id call)
{
    return call == CALL_FLUSH_LIST;
}

#endif
