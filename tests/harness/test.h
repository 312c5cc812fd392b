/* SPDX-License-Identifier: MIT */
/*
 * What a test is made of: a declaration that the image and the runner can read, checks that end the
 * test at the first broken promise, and notes for the report. docs/writing-tests.md shows how to
 * add one.
 */
#ifndef PVT_TESTS_HARNESS_TEST_H
#define PVT_TESTS_HARNESS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"
#include "drivers/dma_engine.h"
#include "drivers/iommu.h"
#include "drivers/oracle.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "kernel/trap.h"
#include "lib/random.h"

struct test_run;

/* The unit that a test is about, as its catalogue entry spells it. */
enum test_unit {
    TEST_UNIT_ANY = '-',
    TEST_UNIT_PVIOMMU = 'p', /* checks the hypercall ABI itself */
    TEST_UNIT_VIRTIO_IOMMU = 'v',
    TEST_UNIT_VTD = 'd',
};

/* One test as the run sees it, made from its catalogue entry. */
struct test {
    const char *id;   /* group.what_is_promised */
    unsigned classes; /* bit for each enum dma_class that it runs on; 0 = needs no device */
    bool long_run;    /* of level stress */
    bool seconds;     /* of tier stress */
    char unit;        /* enum test_unit */
    unsigned variant; /* number of its row in the list of TEST_EACH() or EACH_TEST() */
    void (*run)(struct test_run *t);
};

/* Entries that the linker collects, sorted by id. Each field is the distance from itself: a pointer
 * would cost a relocation as well.
 */
struct test_registration {
    int32_t catalogue; /* to the texts of struct test in order, separated by tabs */
    int32_t run;       /* to the function */
};

/* Two arguments: as one text of its own for every check they would take four times the room. */
#define PVT_WHERE __FILE__, __LINE__

#include "tests/harness/declare.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_ERROR, VERDICT_SKIP };

#define STRESS_DEADLINE_FACTOR 5u
/* Of tier stress: seconds on an idle machine, and many more on one that others load. */
#define STRESS_TIER_DEADLINE_FACTOR 30u
/* On a class with DMA_SLOW: what takes microseconds on others takes a tenth of a second there. */
#define SLOW_DEADLINE_FACTOR 50u

#define STEPS_MAX     24
#define STEP_ARGS     5
#define EXTRA_IDS_MAX 16384u
#define TEXT_MAX      256

/* One thing that was done; formatted only when a report needs it. */
struct step {
    const char *format;
    uint64_t args[STEP_ARGS];
};

/* A device with DMA_STAGED. */
struct placed {
    const struct dma_engine *engine;
    struct domain *domain;       /* where attach() has put it */
    const struct domain *staged; /* where its scratch was mapped last, and at which IOVA */
    uint64_t staging_iova;
};

/* Room for "id@class" with its end. */
#define INSTANCE_NAME_MAX 96

struct test_run {
    const struct test *test;
    char instance[INSTANCE_NAME_MAX]; /* id or id@class */
    enum dma_class class;
    enum verdict verdict;
    bool has_class;
    bool moved;   /* a device started a DMA */
    bool trapped; /* an exception or a deadline ended it; `trap` has the report */
    char message[TEXT_MAX], expected[TEXT_MAX], actual[TEXT_MAX], observation[TEXT_MAX];
    char shrunk[TEXT_MAX]; /* how far a random sequence of operations was; empty: it is none */
    unsigned where_line;
    const char *where_file; /* of the check that decided; NULL: none did */
    const char *setup;  /* requirements of what is being prepared, which a failure now breaks; NULL:
                           those of the test */
    const char *beside; /* requirement that a failure breaks beside those of the test; NULL: none */
    struct step steps[STEPS_MAX];
    unsigned step_count; /* all of them; the last STEPS_MAX are kept */

    struct domain *domains; /* of a page; one more page for each next lot of them */
    unsigned domain_count;  /* in this page */
    struct placed placed[DMA_ENGINES_MAX];
    unsigned placed_count;
    uint32_t first_domain_id, next_domain_id;
    uint32_t *extra_ids; /* pages of EXTRA_IDS_MAX; domain ids outside of the range that the reset
                            sweeps */
    unsigned extra_id_count;
    struct random random;
    uint64_t deadline_us, duration_us;
    unsigned patience;   /* by which all deadlines of the test are multiplied */
    uint64_t owed_until; /* time_us() to which it waits for what the host owes; 0: never did */
    bool last;           /* nothing runs after it */
    bool overran;        /* a deadline ended it, on any processor, or such a wait */
    char second_chance[TEXT_MAX]; /* it ran twice, because it overran; empty: it did not */
    struct trap_report trap;
};

/* --- ending a test; none of these return --- */
/* The host broke a promise. */
void test_fail(struct test_run *t, const char *file, unsigned line, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
/* The test or its environment is wrong. */
void test_error(struct test_run *t, const char *file, unsigned line, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
void test_skip(struct test_run *t, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* How many microseconds to wait for what the host owes: a second, and ten in the second chance that
 * a test has which failed after such a wait. A host may take some seconds for a single answer. */
uint64_t test_owed_us(struct test_run *t);

/* --- records --- */
/* The following checks prepare the test by these requirements ("DOM-1 CFG-1"): a failure is
 * reported for them. NULL: the test begins. */
void test_setup(struct test_run *t, const char *requirements);
/* The following checks are of a promise to others than the objects of the test ("ISO-2"): a failure
 * is reported for it as well. NULL: they are of the test. */
void test_beside(struct test_run *t, const char *requirement);
void test_observe(struct test_run *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `format` takes up to STEP_ARGS arguments, each %llx, %llu or %s with a string that outlives the
 * test. */
void test_step(struct test_run *t, const char *format, ...);

/* The current step of the test, for the report of a failure: numbers of any width, and strings, as
 * they are. */
#define STEP(...)                                                                                  \
    PVT_STEP_(__VA_ARGS__, PVT_STEP5, PVT_STEP4, PVT_STEP3, PVT_STEP2, PVT_STEP1, PVT_STEP0, )     \
    (__VA_ARGS__)

#define PVT_STEP_(format, a, b, c, d, e, macro, ...) macro
#define PVT_WORD(argument)                           ((uint64_t)(uintptr_t)(argument))
#define PVT_STEP0(format)                            test_step(t, format)
#define PVT_STEP1(format, a)                         test_step(t, format, PVT_WORD(a))
#define PVT_STEP2(format, a, b)                      test_step(t, format, PVT_WORD(a), PVT_WORD(b))

#define PVT_STEP3(format, a, b, c) test_step(t, format, PVT_WORD(a), PVT_WORD(b), PVT_WORD(c))
#define PVT_STEP4(format, a, b, c, d)                                                              \
    test_step(t, format, PVT_WORD(a), PVT_WORD(b), PVT_WORD(c), PVT_WORD(d))
#define PVT_STEP5(format, a, b, c, d, e)                                                           \
    test_step(t, format, PVT_WORD(a), PVT_WORD(b), PVT_WORD(c), PVT_WORD(d), PVT_WORD(e))

/* --- checks: the test ends as FAIL when one does not hold --- */
void check_equal(struct test_run *t, const char *file, unsigned line, uint64_t actual,
                 uint64_t expected, const char *what);
void check_status(struct test_run *t, const char *file, unsigned line, unsigned actual,
                  unsigned expected, const char *what);
/* Any status but SUCCESS; returns it for a record. */
void check_refused(struct test_run *t, const char *file, unsigned line, unsigned actual,
                   const char *what);

#define CHECK_EQ(actual, expected, what)                                                           \
    do {                                                                                           \
        PVT_CHECKED(#actual, " == ", #expected);                                                   \
        check_equal(t, PVT_WHERE, (uint64_t)(actual), (uint64_t)(expected), what);                 \
    } while (0)
#define CHECK_STATUS(actual, expected, what)                                                       \
    do {                                                                                           \
        PVT_CHECKED(#actual, " == ", #expected);                                                   \
        check_status(t, PVT_WHERE, (unsigned)(actual), (unsigned)(expected), what);                \
    } while (0)
#define CHECK_SUCCESS(actual, what) CHECK_STATUS(actual, HV_STATUS_SUCCESS, what)
#define CHECK_REFUSED(actual, what)                                                                \
    do {                                                                                           \
        PVT_CHECKED(#actual, " != ", "HV_STATUS_SUCCESS");                                         \
        check_refused(t, PVT_WHERE, (unsigned)(actual), what);                                     \
    } while (0)
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            PVT_CHECKED(#condition, "", "");                                                       \
            test_fail(t, PVT_WHERE, __VA_ARGS__);                                                  \
        }                                                                                          \
    } while (0)
/* The environment must provide something: ERROR, not FAIL. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            PVT_CHECKED(#condition, "", "");                                                       \
            test_error(t, PVT_WHERE, __VA_ARGS__);                                                 \
        }                                                                                          \
    } while (0)
/* The text of a check, by file and line, goes to the debug file: the runner shows it when the check
 * fails, and it takes no room in the image. */
#define PVT_CHECKED(left, relation, right)                                                         \
    __asm__ __inline__(".pushsection .pvttext, \"\"\n"                                             \
                       ".ascii \"check\t" __FILE__                                                 \
                       ":" PVT_STRING(__LINE__) "\t\"\n"                                           \
                                                ".ascii " PVT_STRING_(                             \
                                                    left) "\n"                                     \
                                                          ".ascii " PVT_STRING_(                   \
                                                              relation) "\n"                       \
                                                                        ".string " PVT_STRING_(    \
                                                                            right) "\n"            \
                                                                                   ".popsection")
#define SKIP(...)    test_skip(t, __VA_ARGS__)
#define OBSERVE(...) test_observe(t, __VA_ARGS__)

#endif
