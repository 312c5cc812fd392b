/* SPDX-License-Identifier: MIT */
/* The parts of a run: what was asked for, which instances that selects, and running one of them. */
#ifndef PVT_TESTS_HARNESS_SUITE_H
#define PVT_TESTS_HARNESS_SUITE_H

#include "kernel/boot_info.h"
#include "lib/options.h"
#include "tests/harness/patterns.h"
#include "tests/harness/report.h"
#include "tests/harness/test.h"
#include "tests/harness/unattended.h"

/* Reserved for the harness: the blocking domain in which every device rests between tests. */
#define REST_DOMAIN_ID 0x7000F001u
/* IOVA of the scratch memory of a DMA_STAGED device: below 2^28, which is all that the narrowest
 * class can emit, and far from the IOVAs that tests choose. */
#define STAGING_IOVA 0x0E000000ull
#define WITHOUT_MAX  8

/* How long a run may take; each one has all of those before it (docs/writing-tests.md). */
enum tier { TIER_QUICK, TIER_DEFAULT, TIER_STRESS };

struct suite_options {
    uint64_t seed, repeat;
    enum tier tier;
    uint64_t deadline_ms; /* per test */
    bool deadline_given;  /* the one that was asked for is kept */
    uint64_t verbose;
    uint64_t calls_from; /* the processor, from 1, that makes the calls of a test where it says
                            nothing else */
    bool bench;
    bool transcript;       /* a test that fails prints its calls and tables */
    bool shrink;           /* a failure of random operations becomes that of the fewest of them */
    bool order_given;      /* run in the order of the patterns, not in the catalogue's */
    uint64_t stop_at_fail; /* a FAIL among so many tests from the beginning of a round ends the run;
                              0 = none does */
    bool unattended;     /* no person watches: results survive a reset and become files on the boot
                            volume */
    uint64_t restarts;   /* unattended: how many unexpected ends of the machine the run survives */
    uint64_t checkpoint; /* unattended: at most so many tests between two records */
    char fixture[24];    /* a deliberately broken guest, for the runner's own tests; empty = none */
    char fixture_test[INSTANCE_NAME_MAX]; /* instance in whose place the fixture breaks the guest;
                                             empty = half-way */
    struct patterns patterns;             /* instance ids or globs; none = all */
    const char *without[WITHOUT_MAX];     /* globs of instance ids that are left out of them */
    size_t without_count;
    size_t pattern_place; /* where the last pattern was found */
};

struct suite_instance {
    const struct test *test;
    bool has_class;
    enum dma_class class;
};

struct suite {
    struct suite_options options;
    struct suite_instance *instances;
    size_t instance_count;
    uint64_t position;     /* in the plan: of the test that runs, or comes next */
    bool lost_buses;       /* the test that just ran had taken away buses that did not come back */
    unsigned chances_lost; /* tests that overran the longer deadline, too */
    bool running;          /* tests have begun */
    bool rested;  /* devices that nothing has used rest as well: a test needs it that is not about
                     their start */
    bool in_test; /* one of them has, and has no verdict yet */
    struct suite_counts counts;
    struct unattended unattended;
    unsigned id_blocks; /* ranges of domain ids that are left aside because a domain in them cannot
                           be deleted */
    uint64_t calls_before;   /* hypercalls that were tried before the test that just ran */
    char stray[TEXT_MAX];    /* of the test that just ran: a domain that it made and did not name;
                                empty: none */
    char leftover[TEXT_MAX]; /* says so, of the test that just ran; empty: all its domains are gone
                              */
    const char *breaks; /* requirements of what the last reset found; NULL: of the test's alone */
    struct domain rest; /* blocking domain, live when the host has a pvIOMMU */
    struct test_run run;
};

/* False with *error filled for an unknown key, a bad value, a pattern that matches nothing, or too
 * many patterns. Cuts info->options into strings, to which the patterns point from then on. */
bool suite_options_parse(struct suite_options *o, struct boot_info *info,
                         struct option_error *error);
/* Does an id or instance id of the catalogue match? *place is where the search begins, 0 at first:
 * patterns in the order of the catalogue, as the runner writes them, are found at once. */
bool suite_pattern_known(const char *pattern, size_t *place);
/* Expands tests by device class and keeps what the patterns select. */
void suite_select(struct suite *s);
void suite_instance_name(const struct suite_instance *i, char *text, size_t size);
/* Runs the instance at s->position with containment, resets the state after it, reports, and moves
 * on. */
void suite_run_next(struct suite *s);
/* The same without a report, for s->run of suite_clear_run(). */
void suite_try(struct suite *s);
/* Makes s->run that of the instance at s->position, to which nothing has happened yet. */
void suite_clear_run(struct suite *s);
/* Counts and reports the verdict in s->run, and moves on. */
void suite_take_verdict(struct suite *s);
/* Brings VMBus and its PCI buses up, and reports how far each came; nothing where the host has
 * none. */
void suite_describe_buses(void);
/* The devices of a PC that are there. */
void suite_describe_pc_devices(void);
/* Devices to rest, domains of the test deleted, faults drained. NULL, or a sentence about what was
 * found wrong. */
const char *suite_reset(struct suite *s);
/* The first domain id of a test. */
uint32_t suite_first_id(const struct suite *s);
/* Leaves out the engines whose translation the host does not let us control, and names the others
 * in the report. */
void suite_find_devices(struct suite *s);
/* Loads the patterns that devices of the class keep for the whole run, before the first test that
 * may want them, so that no test pays for it and a run without such devices is not delayed. */
void suite_prepare_class(struct suite *s, enum dma_class class);
#define SUITE_FIXTURES                                                                             \
    "hang crash triple-fault exception trap-in-test garbage stop-half-way flood user-hang "        \
    "user-fault fail error slow "                                                                  \
    "early-crash"
/* Is it one word of SUITE_FIXTURES? */
bool suite_fixture_known(const char *name);
/* Behaves as a broken guest would; returns for an unknown name, and where the rest of the plan is
 * to run as always. */
void suite_broken(const char *fixture, struct suite *s);
/* The part of it that needs programs at CPL 3; does not return. */
void suite_broken_in_user_mode(struct suite *s, bool hangs);
/* The same in the place of a test. */
void suite_break(const char *fixture);
/* Benchmarks instead of tests (tests/bench). */
void suite_bench(void);

#endif
