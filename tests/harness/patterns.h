/* SPDX-License-Identifier: MIT */
/*
 * The test= lines of a run. A list of a thousand names is usual (the runner writes one per test
 * where a glob would select too much), so a name is found by its hash, and only patterns with '*'
 * or '?' are tried one after the other.
 */
#ifndef PVT_TESTS_HARNESS_PATTERNS_H
#define PVT_TESTS_HARNESS_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERNS_MAX     8192
#define PATTERNS_NONE    PATTERNS_MAX /* "no pattern matches" */
#define PATTERNS_BUCKETS 1024

/* All zero = no patterns. Links are an index plus one, so that 0 ends a chain. */
struct patterns {
    size_t count, glob_count;
    const char *texts[PATTERNS_MAX];
    uint16_t globs[PATTERNS_MAX];       /* indices of those with wildcards, rising */
    uint16_t buckets[PATTERNS_BUCKETS]; /* of those without, by hash of the id: the newest */
    uint16_t older[PATTERNS_MAX];
};

/* `text` is kept, not copied. False when there are PATTERNS_MAX already. */
bool patterns_add(struct patterns *p, const char *text);
/* Index of the first pattern that matches the whole name, or PATTERNS_NONE. */
unsigned patterns_find(const struct patterns *p, const char *name);

/* False when no pattern matches the id of a test or one of its names, which are ID@CLASS. */
bool patterns_may_match(const struct patterns *p, const char *id);

#endif
