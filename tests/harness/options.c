/* SPDX-License-Identifier: MIT */
#include "drivers/iommu.h"
#include "drivers/nvme_options.h"
#include "drivers/units/unit_faults.h"
#include "drivers/vpci/vpci.h"
#include "kernel/percpu.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fault_turns.h"
#include "tests/harness/replay.h"
#include "tests/harness/suite.h"
#include "tests/harness/transcript.h"

#define DEADLINE_MS_DEFAULT 2000
#define RESTARTS_DEFAULT    10
#define CHECKPOINT_DEFAULT  64

static bool take_flag(const char *value, bool *flag, struct option_error *error)
{
    uint64_t number;

    if (!option_number(value, 0, 1, &number, error))
        return false;
    *flag = number == 1;
    return true;
}

/* A mistyped name would make the run smaller, or empty, and green. */
static bool check_pattern(struct suite_options *o, const char *value, struct option_error *error)
{
    if (suite_pattern_known(value, &o->pattern_place))
        return true;
    fmt_snprintf(error->text, sizeof(error->text),
                 "\"%.96s\" matches no test; ids are GROUP.NAME or GROUP.NAME@DEVICE", value);
    return false;
}

/* "BASE+LENGTH"; false when it is not of that form. */
static bool take_range(char *text, struct mmio_range *range, struct option_error *error)
{
    char *plus = strchr(text, '+');

    if (!plus) {
        fmt_snprintf(error->text, sizeof(error->text), "'%.40s' is not BASE+LENGTH", text);
        return false;
    }
    *plus = '\0';
    return option_number(text, 0, UINT64_MAX, &range->base, error) &&
           option_number(plus + 1, 0, UINT64_MAX, &range->length, error);
}

/* Address space for devices of vPCI, on a host where the search for it goes wrong: LOW,HIGH or one
 * of the two. */
static bool take_windows(const char *value, struct option_error *error)
{
    const uint64_t four_gib = 1ull << 32;
    struct mmio_windows windows = {{0, 0}, {0, 0}};
    char text[100];

    if (strlen(value) >= sizeof(text)) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "longer than BASE+LENGTH,BASE+LENGTH can be");
        return false;
    }
    memcpy(text, value, strlen(value) + 1);
    for (char *part = text, *next; part; part = next) {
        struct mmio_range range;

        next = strchr(part, ',');
        if (next)
            *next++ = '\0';
        if (!take_range(part, &range, error))
            return false;
        *(range.base < four_gib ? &windows.low : &windows.high) = range;
    }
    vpci_override_windows(&windows);
    return true;
}

/* The unit that tests drive; a machine's own units are left alone unless one of them is asked for.
 */
static bool take_iommu(const char *value, struct option_error *error)
{
    const struct iommu_backend *backend = iommu_find(value);

    if (!backend) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unknown unit \"%.24s\"; known: " IOMMU_NAMES, value);
        return false;
    }
    iommu_choose(backend);
    return true;
}

/* `problem`: what is wrong with a range of blocks, or NULL. */
static bool take_blocks(const char *problem, struct option_error *error)
{
    fmt_snprintf(error->text, sizeof(error->text), "%s", problem ? problem : "");
    return !problem;
}

/* A fault of a unit that the image drives itself, from the start on or in its turn. */
static bool take_unit_fault(const char *value, struct option_error *error)
{
    if (strchr(value, ':'))
        return fault_turns_add(value, error);
    if (!unit_fault_choose(value)) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unknown fault \"%.32s\"; drivers/units/unit_faults.c and vtd_faults.c have "
                     "the names",
                     value);
        return false;
    }
    return true;
}

static bool take_tier(const char *value, enum tier *tier, struct option_error *error)
{
    static const char *const names[] = {"quick", "default", "stress"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            *tier = (enum tier)i;
            return true;
        }
    }
    fmt_snprintf(error->text, sizeof(error->text),
                 "unknown tier \"%.24s\"; known: quick default stress", value);
    return false;
}

static bool take(void *context, const char *key, const char *value, struct option_error *error)
{
    struct suite_options *o = context;
    uint64_t number;

    if (strcmp(key, "seed") == 0)
        return option_number(value, 0, UINT64_MAX, &o->seed, error);
    if (strcmp(key, "repeat") == 0)
        return option_number(value, 1, 1000000, &o->repeat, error);
    if (strcmp(key, "deadline_ms") == 0) {
        o->deadline_given = true;
        return option_number(value, 1, 3600000, &o->deadline_ms, error);
    }
    if (strcmp(key, "answer_ms") == 0) {
        if (!option_number(value, 10, 60000, &number, error))
            return false;
        time_allow_answers_ms(number);
        return true;
    }
    if (strcmp(key, "verbose") == 0)
        return option_number(value, REPORT_VERDICTS, REPORT_FAULTS, &o->verbose, error);
    if (strcmp(key, "calls_from") == 0)
        return option_number(value, 1, CPUS_MAX, &o->calls_from, error);
    if (strcmp(key, "bench") == 0)
        return take_flag(value, &o->bench, error);
    if (strcmp(key, "unattended") == 0 ||
        strcmp(key, "alone") == 0) /* "alone" is its name in version 0.1.0 */
        return take_flag(value, &o->unattended, error);
    if (strcmp(key, "restarts") == 0)
        return option_number(value, 0, 1000, &o->restarts, error);
    if (strcmp(key, "checkpoint") == 0)
        return option_number(value, 1, 4096, &o->checkpoint, error);
    if (strcmp(key, "stop_at_fail") == 0)
        return option_number(value, 0, UINT32_MAX, &o->stop_at_fail, error);
    if (strcmp(key, "order") == 0) {
        o->order_given = strcmp(value, "given") == 0;
        if (!o->order_given && strcmp(value, "catalogue") != 0) {
            fmt_snprintf(error->text, sizeof(error->text),
                         "unknown order \"%s\"; known: catalogue given", value);
            return false;
        }
        return true;
    }
    if (strcmp(key, "tier") == 0)
        return take_tier(value, &o->tier, error);
    if (strcmp(key, "fixture") == 0) {
        if (!suite_fixture_known(value)) {
            fmt_snprintf(error->text, sizeof(error->text),
                         "unknown fixture \"%.24s\"; known: " SUITE_FIXTURES, value);
            return false;
        }
        fmt_snprintf(o->fixture, sizeof(o->fixture), "%s", value);
        return true;
    }
    if (strcmp(key, "fixture_test") == 0) {
        fmt_snprintf(o->fixture_test, sizeof(o->fixture_test), "%s", value);
        return check_pattern(o, value, error);
    }
    if (strcmp(key, "test") == 0) {
        if (!check_pattern(o, value, error))
            return false;
        if (!patterns_add(&o->patterns, value)) {
            fmt_snprintf(error->text, sizeof(error->text), "more than %u test= lines; use a glob",
                         PATTERNS_MAX);
            return false;
        }
        return true;
    }
    if (strcmp(key, "without") == 0) {
        if (o->without_count == WITHOUT_MAX) {
            fmt_snprintf(error->text, sizeof(error->text), "more than %u without= lines",
                         WITHOUT_MAX);
            return false;
        }
        o->without[o->without_count++] = value;
        return check_pattern(o, value, error);
    }
    if (strcmp(key, "replay") == 0)
        return replay_add(value, error);
    if (strcmp(key, "shrink") == 0)
        return take_flag(value, &o->shrink, error);
    if (strcmp(key, "transcript") == 0)
        return take_flag(value, &o->transcript, error);
    if (strcmp(key, "mmio") == 0)
        return take_windows(value, error);
    if (strcmp(key, "iommu") == 0)
        return take_iommu(value, error);
    if (strcmp(key, "unit-fault") == 0)
        return take_unit_fault(value, error);
    if (strcmp(key, "nvme-scratch") == 0)
        return take_blocks(nvme_scratch_add(value), error);
    if (strcmp(key, "nvme-read") == 0)
        return take_blocks(nvme_readable_add(value), error);
    fmt_snprintf(
        error->text, sizeof(error->text),
        "unknown option; known: seed repeat deadline_ms answer_ms verbose calls_from bench order "
        "stop_at_fail unattended restarts tier checkpoint mmio iommu unit-fault "
        "nvme-scratch nvme-read replay shrink transcript fixture fixture_test test without");
    return false;
}

bool suite_options_parse(struct suite_options *o, struct boot_info *info,
                         struct option_error *error)
{
    o->seed = 1;
    o->repeat = 1;
    o->calls_from = 1;
    o->tier = TIER_DEFAULT;
    o->shrink = true;
    o->deadline_ms = DEADLINE_MS_DEFAULT;
    o->restarts = RESTARTS_DEFAULT;
    o->checkpoint = CHECKPOINT_DEFAULT;
    if (!options_parse(info->options, info->options_length, take, o, error))
        return false;
    if (o->unattended && o->bench) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unattended=1 runs tests and bench=1 does not; give one of them");
        return false;
    }
    if (o->unattended && o->transcript) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unattended=1 has no room for transcripts; give one of unattended=1 and "
                     "transcript=1");
        return false;
    }
    if (fault_turns_given() && (o->unattended || o->bench || o->repeat != 1)) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unit-fault= with places does not go together with unattended=, bench= and "
                     "repeat=");
        return false;
    }
    if (o->transcript)
        transcript_turn_on();
    if (o->unattended && o->stop_at_fail > 0) {
        fmt_snprintf(error->text, sizeof(error->text),
                     "unattended=1 runs all tests and stop_at_fail= may not; give one of them");
        return false;
    }
    return true;
}
