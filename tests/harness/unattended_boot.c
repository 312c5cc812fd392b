/* SPDX-License-Identifier: MIT */
/* The half before ExitBootServices: what did the last boot leave, and where does this one begin? */
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/power.h"
#include "kernel/runtime_services.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/suite.h"
#include "tests/harness/unattended_files.h"

#define CAPACITY_MAX                                                                               \
    4096u /* of a record; EDK II leaves an operating system room for 8 KiB at least */
#define CAPACITY_MIN    256u /* room for a result without its text, many times over */
#define CAPACITY_UNSURE 1024u
#define HEAD_ROOM       128u /* the firmware's own header and the name count as well */
#define COPY_SIZE       16384u
#define LOGS_MAX        4096u

struct found {
    void *journal;
    size_t size;
    size_t collected; /* bytes of it that came from variables just now */
    struct journal_outcome outcome;
};

static void note(struct unattended *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct unattended *a, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(a->note, sizeof(a->note), format, args);
    va_end(args);
}

static uint64_t digest_text(uint64_t digest, const char *text)
{
    return journal_digest(digest, text, strlen(text) + 1);
}

/* Everything that decides which results a run has, and in which order. */
static uint64_t plan_of(const struct suite *s)
{
    const uint64_t numbers[] = {s->options.seed, s->options.repeat, s->options.deadline_ms};
    uint64_t digest = journal_digest(digest_text(0, PVT_VERSION), numbers, sizeof(numbers));

    for (size_t i = 0; i < s->instance_count; i++) {
        char name[sizeof(s->run.instance)];

        suite_instance_name(&s->instances[i], name, sizeof(name));
        digest = digest_text(digest, name);
    }
    return digest;
}

static void log_name(char *name, unsigned sequence)
{
    fmt_snprintf(name, RUNTIME_NAME_MAX + 1, UNATTENDED_LOG_VARIABLE, sequence);
}

static unsigned count_logs(void)
{
    char name[RUNTIME_NAME_MAX + 1];
    unsigned count = 0;

    for (size_t size = 0; count < LOGS_MAX; count++, size = 0) {
        log_name(name, count);
        if (runtime_variable_get(name, NULL, &size) != RUNTIME_BUFFER_TOO_SMALL)
            break;
    }
    return count;
}

/* The last one first: what a power failure leaves has no holes. */
static void delete_logs(void)
{
    char name[RUNTIME_NAME_MAX + 1];

    for (unsigned n = count_logs(); n > 0; n--) {
        log_name(name, n - 1);
        (void)runtime_variable_set(name, NULL, 0);
    }
}

/* Appends the records in the variables to the journal in memory, but for those that are there
 * already. */
static size_t collect(const struct unattended *a, const struct found *found, uint8_t *journal,
                      size_t room)
{
    const struct journal_outcome *known = &found->outcome;
    char name[RUNTIME_NAME_MAX + 1];
    size_t used = known->used;

    for (unsigned n = 0; n < LOGS_MAX; n++) {
        struct journal_header header;
        size_t size = room - used;

        log_name(name, n);
        if (runtime_variable_get(name, journal + used, &size) != RUNTIME_SUCCESS)
            break;
        /* A record after a damaged one still counts: the tests between the two are named as lost.
         */
        if (journal_check(journal + used, size, &header) != size || header.run != a->state.run ||
            header.boot != a->state.boot ||
            (known->boot == header.boot && header.sequence <= known->sequence))
            continue;
        used += size;
    }
    return used;
}

static void fold(const struct unattended *a, struct found *found, unsigned boots)
{
    journal_fold(found->journal, found->size, a->state.run, boots, a->state.planned, NULL,
                 &found->outcome);
}

/* From the variables to the journal; only then are they deleted. */
static bool load(struct unattended *a, struct volume *v, struct found *found)
{
    size_t room = (size_t)count_logs() * (CAPACITY_MAX + HEAD_ROOM), old, size;
    char path[VOLUME_PATH_MAX];

    unattended_path(path, sizeof(path), a->state.generation, "journal.bin");
    if (!volume_read(v, path, room, &found->journal, &found->size))
        return false;
    room += found->size;
    fold(a, found, 0);
    old = found->outcome.used;
    size = collect(a, found, found->journal, room);
    found->size = size;
    if (size > old && !volume_write(v, path, old, (uint8_t *)found->journal + old, size - old))
        return false;
    found->collected = size - old;
    delete_logs();
    fold(a, found, a->state.boot);
    return true;
}

static void describe(struct unattended_run *run, const struct suite *s, const struct found *found)
{
    const struct unattended *a = &s->unattended;

    *run = (struct unattended_run){.suite = s,
                                   .journal = found->journal,
                                   .size = found->outcome.used,
                                   .run = a->state.run,
                                   .generation = a->state.generation,
                                   .boots = a->state.boot,
                                   .restarts = a->state.restarts};
}

/* Was the boot that is over the last one? */
static bool is_over(struct suite *s, const struct found *found, struct unattended_run *run)
{
    static const char no_restart[] = "did not run: no restart was left";
    const struct journal_boot *last = &found->outcome.last;
    struct unattended *a = &s->unattended;

    a->state.careful = 0;
    switch (last->end) {
    case JOURNAL_END:
        return true;
    case JOURNAL_STOP:
        run->left = last->text;
        run->left_length = last->text_length;
        return true;
    case JOURNAL_FULL:
        break;
    default:
        a->state.restarts++;
        run->restarts++;
        if (last->end == JOURNAL_UNEXPLAINED && !last->has_guilty)
            a->state.careful = found->outcome.next + (uint32_t)s->options.checkpoint;
    }
    if (a->state.restarts > s->options.restarts) {
        run->left = no_restart;
        run->left_length = sizeof(no_restart) - 1;
        return true;
    }
    return found->outcome.next >= a->state.planned;
}

static void say(const struct volume *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints to the screen and to COM1, since either may be the one that is watched. */
static void say(const struct volume *v, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    volume_screen(v, text);
    console_init();
    console_fresh_line();
    console_printf("%s", text);
}

/* The variables go last: until then a power failure costs nothing. */
static void close_run(struct volume *v, const struct unattended_run *run,
                      const struct suite_counts *c)
{
    struct report_verdict verdict = report_verdict(c);
    char path[VOLUME_PATH_MAX];

    say(v,
        "pvtest: run %u is over: planned %u, passed %u, failed %u, errors %u, skipped %u; "
        "see " UNATTENDED_FOLDER "\n",
        run->generation, c->planned, c->pass, c->fail, c->error, c->skip);
    say(v, "pvtest: verdict: exit=%u planned=%u with_dma=%u text=\"%s\"\n", verdict.exit_code,
        c->planned, c->moved, verdict.text);
    (void)runtime_variable_set(UNATTENDED_STATE_VARIABLE, NULL, 0);
    unattended_path(path, sizeof(path), run->generation, "journal.bin");
    (void)volume_delete(v, path);
}

static bool store_state(struct unattended *a)
{
    journal_state_seal(&a->state);
    return runtime_variable_set(UNATTENDED_STATE_VARIABLE, &a->state, sizeof(a->state)) ==
           RUNTIME_SUCCESS;
}

/* How large may a record be, so that some fit? False when not even small ones do. */
static bool choose_capacity(struct unattended *a)
{
    struct runtime_room room;
    uint64_t capacity;

    a->capacity = CAPACITY_UNSURE;
    if (runtime_variable_room(&room) != RUNTIME_SUCCESS)
        return true;
    capacity = room.largest < CAPACITY_MAX + HEAD_ROOM ? room.largest : CAPACITY_MAX + HEAD_ROOM;
    if (capacity > room.left / 4)
        capacity = room.left / 4;
    if (capacity < CAPACITY_MIN + HEAD_ROOM) {
        note(a, "off: the variable store has %llu bytes left, which is too little for records",
             (unsigned long long)room.left);
        return false;
    }
    a->capacity = capacity - HEAD_ROOM;
    return true;
}

static bool switch_on(struct suite *s, struct volume *v)
{
    struct unattended *a = &s->unattended;

    if (!choose_capacity(a))
        return false;
    a->record_memory = memory_boot_pages((a->capacity + PAGE_SIZE - 1) / PAGE_SIZE);
    a->copy_size = COPY_SIZE;
    a->copy = memory_boot_pages(COPY_SIZE / PAGE_SIZE);
    journal_begin(&a->record, a->record_memory, a->capacity);
    a->state.boot++;
    if (!store_state(a)) {
        note(a, "off: the variable " UNATTENDED_STATE_VARIABLE " cannot be written");
        return false;
    }
    say(v, "pvtest: run %u, boot %u: from test %zu of %u on\n", a->state.generation, a->state.boot,
        s->position + 1, a->state.planned);
    a->on = true;
    return true;
}

static void begin_run(struct suite *s, struct volume *v)
{
    struct unattended *a = &s->unattended;
    char path[VOLUME_PATH_MAX];

    delete_logs();
    if (!choose_capacity(a))
        return;
    a->state = (struct journal_state){.run = cpu_rdtsc(),
                                      .plan = plan_of(s),
                                      .planned = s->counts.planned,
                                      .generation = unattended_new_generation(v)};
    a->want_facts = true;
    unattended_path(path, sizeof(path), a->state.generation, "");
    if (a->state.generation == 0 || !volume_make_folder(v, path)) {
        note(a, "off: the boot volume does not take results (status 0x%llx)",
             (unsigned long long)v->status);
        return;
    }
    (void)switch_on(s, v);
}

/*
 * Deleted variables take room until the firmware reclaims it, which EDK II does early in a boot and
 * only if less than one large variable fits. If that may matter, this boot ends here; the next one
 * finds nothing to collect.
 */
static bool needs_tidying(const struct found *found)
{
    struct runtime_room room;

    if (found->collected == 0)
        return false;
    return found->outcome.last.end == JOURNAL_FULL ||
           (runtime_variable_room(&room) == RUNTIME_SUCCESS && found->collected >= room.left / 4);
}

static bool go_on(struct suite *s, struct volume *v)
{
    struct unattended *a = &s->unattended;
    struct found found = {0};
    struct unattended_run run;

    if (!load(a, v, &found))
        goto refused;
    describe(&run, s, &found);
    run.over = is_over(s, &found, &run);
    if (!unattended_write(v, &run, &s->counts))
        goto refused;
    if (run.over) {
        close_run(v, &run, &s->counts);
        return false;
    }
    if (needs_tidying(&found)) {
        say(v, "pvtest: run %u: restarting, so that the firmware tidies up its variables\n",
            a->state.generation);
        power_restart();
    }
    s->position = found.outcome.next;
    a->want_facts = !found.outcome.has_facts;
    if (!switch_on(s, v)) {
        say(v, "pvtest: alone: %s; nothing is lost, boot again when this is mended\n", a->note);
        return false;
    }
    return true;

refused:
    /* After the user has made room, the next boot finds the run unchanged. */
    say(v,
        "pvtest: alone: the boot volume does not take results (status 0x%llx); nothing is lost\n",
        (unsigned long long)v->status);
    return false;
}

bool unattended_prepare(struct suite *s, struct volume *v)
{
    struct unattended *a = &s->unattended;
    size_t size = sizeof(a->state);
    runtime_status status;
    const char *wrong;

    if (!runtime_present()) {
        note(a, "off: the firmware has no runtime services");
        return true;
    }
    if (!volume_make_folder(v, UNATTENDED_FOLDER)) {
        note(a, "off: the boot volume does not take results (status 0x%llx)",
             (unsigned long long)v->status);
        return true;
    }
    status = runtime_variable_get(UNATTENDED_STATE_VARIABLE, &a->state, &size);
    if (status == RUNTIME_NOT_FOUND) {
        begin_run(s, v);
        return true;
    }
    if (status != RUNTIME_SUCCESS && status != RUNTIME_BUFFER_TOO_SMALL) {
        note(a, "off: variables cannot be read (status 0x%llx)", (unsigned long long)status);
        return true;
    }
    wrong = journal_state_check(&a->state, size);
    if (!wrong && (a->state.plan != plan_of(s) || a->state.planned != s->counts.planned))
        wrong = "is of another selection, seed or version of the suite";
    if (wrong) {
        note(a, "the variable " UNATTENDED_STATE_VARIABLE " %s: a new run begins", wrong);
        begin_run(s, v);
        return true;
    }
    return go_on(s, v);
}
