/* SPDX-License-Identifier: MIT */
/*
 * A turn: the fault is chosen, the unit starts again, and tests run until one fails. Then the unit
 * starts again without a fault, where that test has to pass: it failed because of the fault, and
 * neither this fault nor an earlier one has left anything.
 */
#include "tests/harness/fault_turns.h"

#include "drivers/iommu.h"
#include "drivers/pviommu.h"
#include "drivers/units/unit_faults.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

static struct {
    struct {
        char name[FAULT_TURN_NAME_MAX];
        const char *places;
    } turns[FAULT_TURNS_MAX];
    unsigned count;
    char problem[TEXT_MAX];
} all;

/* Reads one place or one range, and moves on to the next; false: not of that form. */
static bool take_places(const char **at, unsigned *first, unsigned *last)
{
    unsigned *ends[] = {first, last};
    const char *p = *at;

    for (unsigned i = 0; i < 2; i++) {
        const char *digits = p;

        for (*ends[i] = 0; *p >= '0' && *p <= '9' && p - digits < 6; p++)
            *ends[i] = *ends[i] * 10 + (unsigned)(*p - '0');
        if (p == digits)
            return false;
        if (i == 0 && *p != '-') {
            *last = *first;
            break;
        }
        p += i == 0;
    }
    if (*p != '\0' && *p++ != ',')
        return false;
    *at = p;
    return *first <= *last;
}

static bool refuse(struct option_error *error, const char *value, const char *why)
{
    fmt_snprintf(error->text, sizeof(error->text), "\"%.64s\": %s", value, why);
    return false;
}

bool fault_turns_add(const char *value, struct option_error *error)
{
    const char *colon = strchr(value, ':'), *at = colon + 1;
    const size_t length = (size_t)(colon - value);
    unsigned first, last;
    char *name = all.turns[all.count % FAULT_TURNS_MAX].name;
    bool known;

    if (all.count == FAULT_TURNS_MAX)
        return refuse(error, value, "there are too many faults with places");
    if (length >= FAULT_TURN_NAME_MAX)
        return refuse(error, value, "the name is too long");
    memcpy(name, value, length);
    name[length] = '\0';
    known = unit_fault_choose(name);
    (void)unit_fault_choose("");
    if (!known)
        return refuse(error, name, "unknown fault");
    all.turns[all.count].places = at;
    do {
        if (!take_places(&at, &first, &last))
            return refuse(error, value, "places are numbers and ranges, such as 0-4,7");
    } while (*at);
    all.count++;
    return true;
}

bool fault_turns_given(void)
{
    return all.count > 0;
}

unsigned fault_turns_planned(const struct suite *s)
{
    unsigned planned = 0, first, last;

    for (unsigned i = 0; i < all.count; i++) {
        for (const char *at = all.turns[i].places; *at;) {
            if (!take_places(&at, &first, &last) || last >= s->instance_count)
                return 0;
            planned += last - first + 1;
        }
        planned++; /* the one that fails, again */
    }
    return planned;
}

/* The unit and the harness as at the start of the run. "": without a fault. */
static const char *renew(struct suite *s, const char *fault)
{
    size_t count;
    struct dma_engine *e = dma_engines(&count);
    const char *problem;

    (void)unit_fault_choose(fault);
    problem = iommu_restart();
    if (problem)
        return problem;
    memset(&s->run, 0, sizeof(s->run));
    s->rest.live = false;
    s->rested = false;
    s->id_blocks = 0;
    s->chances_lost = 0;
    for (size_t i = 0; i < count; i++)
        e[i].used = false;
    (void)suite_reset(s);
    report_comment("fault: name=%s next=%u", fault[0] ? fault : "none",
                   s->counts.pass + s->counts.fail + s->counts.error + s->counts.skip + 1);
    return NULL;
}

static void run_at(struct suite *s, unsigned place)
{
    s->position = place;
    suite_run_next(s);
}

/* A set-up that fails says nothing of the test's own requirements. */
static bool failed(const struct suite *s)
{
    return s->run.verdict == VERDICT_FAIL && !s->run.setup;
}

/* Tests of the turn, up to the first that fails; its place, or -1. */
static int first_failure(struct suite *s, const char *places)
{
    unsigned first, last;

    while (*places && take_places(&places, &first, &last)) {
        for (unsigned place = first; place <= last; place++) {
            run_at(s, place);
            if (failed(s))
                return (int)place;
            if (iommu_dead())
                return -1;
        }
    }
    return -1;
}

const char *fault_turns_run(struct suite *s)
{
    s->running = true;
    for (unsigned i = 0; i < all.count; i++) {
        const char *problem = renew(s, all.turns[i].name);
        const int place = problem ? -1 : first_failure(s, all.turns[i].places);

        if (!problem)
            problem = renew(s, "");
        if (problem)
            return problem;
        if (place < 0)
            continue;
        run_at(s, (unsigned)place);
        if (s->run.verdict != VERDICT_PASS) {
            fmt_snprintf(all.problem, sizeof(all.problem),
                         "%.64s does not pass without a fault, after fault %s", s->run.instance,
                         all.turns[i].name);
            return all.problem;
        }
    }
    return NULL;
}
