/* SPDX-License-Identifier: MIT */
/* Profiles (docs/runner.md) on a machine without a runner: who is served by this host? A file on
 * the boot volume has the demands; the verdict on each profile is that of `import --profile`. */
#ifndef PVT_TESTS_HARNESS_PROFILES_H
#define PVT_TESTS_HARNESS_PROFILES_H

#include "tests/harness/report.h"

#define PROFILES_FILE             "\\pvtest.profiles"
#define PROFILES_MAX              8u
#define PROFILES_REQUIREMENTS_MAX 256u

/* Characters that are no string of their own. */
struct span {
    const char *at, *end;
};
/* For "%.*s". */
#define SPAN(s) (int)((s).end - (s).at), (s).at

struct profiles {
    struct {
        struct span name, version, demands; /* a letter for each requirement: m, o or a */
        struct span lines;                  /* its bounds and needs */
        unsigned excused;                   /* failures that it only tells of */
    } each[PROFILES_MAX];
    unsigned count;
    struct span requirements[PROFILES_REQUIREMENTS_MAX];
    unsigned requirement_count;
    struct span tests, next_test; /* where the last one was found, the next one probably follows */
    bool planned[PROFILES_REQUIREMENTS_MAX], ran[PROFILES_REQUIREMENTS_MAX];
    struct span capabilities; /* the words of the report's line; empty: there is none */
    unsigned devices;
    bool reading, deferred; /* kinds of DMA engines */
};

/* Takes the text of the file, which has to stay. 0, or the number of the first line that is not as
 * it should be; then no profile is judged. */
unsigned profiles_load(struct profiles *p, const char *text, size_t size);
/* A line of the report, without its "# ". */
void profiles_fact(struct profiles *p, const char *text, size_t length);
/* The result of an instance of this test. */
void profiles_result(struct profiles *p, const char *test, enum verdict verdict);
/* The verdict on one of them. tell(), if there is one, gets a sentence about each shortcoming;
 * *shortcomings is their number. */
struct report_verdict profiles_judge(const struct profiles *p, unsigned which,
                                     const struct suite_counts *counts, unsigned *shortcomings,
                                     void (*tell)(void *context, const char *text), void *context);

#endif
