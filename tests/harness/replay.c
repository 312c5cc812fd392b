/* SPDX-License-Identifier: MIT */
#include "tests/harness/replay.h"

#include "drivers/dma_engine.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/shrink.h"
#include "tests/harness/suite.h"

#define REPLAYS_MAX 2000u
#define SHRINK_US   60000000u /* of a class that is not slow */
#define SILENCE_US  5000000u

struct sequence {
    struct operation *list;
    unsigned count;
};

static struct sequence given, played;

static struct operation *list_of(struct sequence *s)
{
    if (!s->list)
        s->list = memory_boot_pages(OPERATIONS_MAX * sizeof(*s->list) / PAGE_SIZE);
    return s->list;
}

const struct operation *replay_given(unsigned *count)
{
    *count = given.count;
    return given.count ? given.list : NULL;
}

void replay_note(const struct operation *o)
{
    if (played.count < OPERATIONS_MAX)
        list_of(&played)[played.count] = *o;
    played.count += played.count < OPERATIONS_MAX;
}

const struct operation *replay_played(unsigned *count)
{
    *count = played.count;
    return played.list;
}

void replay_forget(void)
{
    played.count = 0;
}

bool replay_add(const char *text, struct option_error *error)
{
    char words[2 * OPERATION_TEXT_MAX];

    if (given.count == OPERATIONS_MAX) {
        fmt_snprintf(error->text, sizeof(error->text), "more than %u operations", OPERATIONS_MAX);
        return false;
    }
    if (strlen(text) >= sizeof(words)) {
        fmt_snprintf(error->text, sizeof(error->text), "longer than an operation can be");
        return false;
    }
    memcpy(words, text, strlen(text) + 1);
    if (!operation_parse(words, &list_of(&given)[given.count], error))
        return false;
    given.count++;
    return true;
}

struct trial {
    struct suite *suite;
    const struct test_run *first; /* of the failure that is shrunk */
    uint64_t until_us;
    uint64_t told_us; /* when the runner heard of it last */
    unsigned shortest;
};

static unsigned fails_again(void *context, const struct operation *list, unsigned count)
{
    struct trial *trial = context;
    const struct test_run *t = &trial->suite->run;

    uint64_t now = time_us();

    if (now > trial->until_us)
        return 0;
    if (now - trial->told_us > SILENCE_US) {
        report_comment("shrink: still at %u operations", trial->shortest);
        trial->told_us = now;
    }
    memcpy(given.list, list, count * sizeof(*list));
    given.count = count;
    suite_clear_run(trial->suite);
    suite_try(trial->suite);
    given.count = 0;
    if (t->verdict != VERDICT_FAIL || t->where_file != trial->first->where_file ||
        t->where_line != trial->first->where_line)
        return 0;
    trial->shortest = played.count < trial->shortest ? played.count : trial->shortest;
    return played.count;
}

/* Facts of the run itself, and not of the replays. */
static void tell(struct test_run *t, const struct test_run *first)
{
    t->duration_us = first->duration_us;
    t->moved = first->moved;
}

void suite_shrink(struct suite *s)
{
    static struct test_run *first;
    static struct operation *list, *room;
    struct test_run *t = &s->run;
    unsigned count = played.count, left;
    uint64_t slow = t->has_class && dma_class_is_slow(t->class) ? SLOW_DEADLINE_FACTOR : 1;
    struct trial trial = {s, NULL, time_us() + slow * SHRINK_US, time_us(), count};
    struct shrink work = {fails_again, &trial, NULL, REPLAYS_MAX, 0};

    if (!s->options.shrink || given.count != 0 || count == 0 || t->verdict != VERDICT_FAIL ||
        !t->where_file)
        return;
    if (!first) {
        first = memory_boot_pages((sizeof(*first) + PAGE_SIZE - 1) / PAGE_SIZE);
        list = memory_boot_pages(OPERATIONS_MAX * sizeof(*list) / PAGE_SIZE);
        room = memory_boot_pages(OPERATIONS_MAX * sizeof(*room) / PAGE_SIZE);
    }
    *first = *t;
    trial.first = first;
    work.trial = room;
    (void)list_of(&given);
    memcpy(list, played.list, count * sizeof(*list));
    if (!fails_again(&trial, list, count)) {
        *t = *first;
        fmt_snprintf(t->shrunk, sizeof(t->shrunk),
                     "no: its %u operations did not end so when they were replayed", count);
        replay_forget();
        return;
    }
    left = shrink(&work, list, count);
    trial.until_us = UINT64_MAX;
    if (!fails_again(&trial, list, left)) {
        *t = *first;
        fmt_snprintf(t->shrunk, sizeof(t->shrunk),
                     "no: %u of its %u operations ended so once, and not again", left, count);
        replay_forget();
        return;
    }
    tell(t, first);
    fmt_snprintf(t->shrunk, sizeof(t->shrunk), "from %u operations to %u, in %u replays", count,
                 left, work.tried + 2);
}
