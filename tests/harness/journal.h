/* SPDX-License-Identifier: MIT */
/*
 * State that an unattended run keeps across a reset (docs/unattended.md). A record is a checksummed
 * sequence of entries: results and events in the order in which they happened. Each is written
 * once, as a UEFI variable, and later appended to the journal on the boot volume as it is.
 * Freestanding, so that the unit tests reach all of it.
 */
#ifndef PVT_TESTS_HARNESS_JOURNAL_H
#define PVT_TESTS_HARNESS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_kind {
    JOURNAL_UNEXPLAINED, /* only of a boot's end: it recorded none */
    JOURNAL_PASS,        /* results have index, duration and perhaps a text */
    JOURNAL_SKIP,
    JOURNAL_FAIL,
    JOURNAL_ERROR,
    JOURNAL_BEGIN, /* this test starts now; recorded while the test that takes the machine down is
                      searched */
    JOURNAL_FACT,  /* a comment of the stream */
    JOURNAL_END,   /* of a boot: all tests ran */
    JOURNAL_FULL,  /* of a boot: the variable store is full, the next boot empties it */
    JOURNAL_DOWN,  /* of a boot: a panic, and its text */
    JOURNAL_STOP,  /* of a boot: no later boot would get further, and why */
};

#define JOURNAL_RAW 0x10u /* the text is a part of a TAP stream; else a message */
#define JOURNAL_SAME                                                                               \
    0x20u /* set by the encoder: the text is that of the last entry of this record that had one */
#define JOURNAL_CUT 0x40u /* there was more text than fits */
#define JOURNAL_DMA 0x80u /* of a result: a device started a DMA */

struct journal_entry {
    enum journal_kind kind;
    unsigned flags;
    uint32_t index; /* place in the plan, from 0 */
    uint32_t duration_us;
    const char *text; /* not terminated; valid as long as the record */
    size_t text_length;
};

struct journal_header {
    uint32_t magic;
    uint16_t version;
    uint16_t boot;     /* that wrote the record, from 1 */
    uint32_t sequence; /* within that boot, from 0 */
    uint32_t length;   /* bytes of entries after this header */
    uint64_t run;
    uint32_t checksum; /* of header and entries, with this field 0 */
    uint32_t reserved;
};
_Static_assert(sizeof(struct journal_header) == 32, "stored outside of this program");

/* A record that is being made, in memory of the caller. */
struct journal_record {
    uint8_t *bytes;
    size_t capacity, used;
    size_t last_text, last_length; /* within bytes */
    unsigned entries;
};

void journal_begin(struct journal_record *r, void *memory, size_t capacity);
/* False when the entry does not fit; the record is as before then. */
bool journal_add(struct journal_record *r, const struct journal_entry *e);
/* Writes the header; the record is then the first r->used bytes. */
void journal_seal(struct journal_record *r, uint64_t run, unsigned boot, unsigned sequence);

/* The size of the record at the start of `bytes`; 0 when there is none that is whole. */
size_t journal_check(const void *bytes, size_t size, struct journal_header *header);

struct journal_cursor {
    const uint8_t *at, *end;
    const char *last_text;
    size_t last_length;
};
/* Of a record that journal_check() accepted. */
void journal_entries(struct journal_cursor *cursor, const void *record);
/* False at the end, and at bytes that are no entry. */
bool journal_next(struct journal_cursor *cursor, struct journal_entry *e);

/* Description of the run as a whole, in a variable of its own that each boot writes once. */
struct journal_state {
    uint32_t magic, version;
    uint64_t run;     /* tells runs apart */
    uint64_t plan;    /* digest of the image's version, the selection and what else shapes it */
    uint32_t planned; /* results */
    uint32_t generation;
    uint16_t boot;     /* number of the boot that is under way */
    uint16_t restarts; /* unexpected ends up to now */
    uint32_t careful;  /* up to here every test is recorded before it begins */
    uint32_t checksum;
    uint32_t reserved;
};
_Static_assert(sizeof(struct journal_state) == 48, "stored outside of this program");

void journal_state_seal(struct journal_state *state);
/* NULL, or what is wrong with it. */
const char *journal_state_check(const struct journal_state *state, size_t size);

uint64_t journal_digest(uint64_t digest, const void *bytes, size_t size); /* FNV-1a; start with 0 */

#endif
