/* SPDX-License-Identifier: MIT */
/* Files of a run on the boot volume: the stream as COM1 would have shown it, and a summary for a
 * person. */
#include "tests/harness/unattended_files.h"
#include "lib/bits.h"

#include "lib/fmt.h"
#include "lib/string.h"
#include "lib/tap.h"
#include "tests/harness/profiles.h"
#include "tests/harness/suite.h"

#define GENERATION_MAX 9999u
#define RUN_PREFIX     "run-"

static const char never[] = "did not run";

void unattended_path(char *path, size_t size, unsigned generation, const char *file)
{
    fmt_snprintf(path, size, UNATTENDED_FOLDER "\\" RUN_PREFIX "%04u%s%s", generation,
                 file[0] ? "\\" : "", file);
}

/* --- generations --- */

struct generations {
    unsigned newest, oldest, count;
};

/* FAT does not keep the case of a name reliably. */
static bool generation_of(const char *name, unsigned *number)
{
    static const char prefix[] = RUN_PREFIX;
    const unsigned to_lower = 0x20;

    for (size_t i = 0; i < sizeof(prefix) - 1; i++)
        if ((name[i] | to_lower) != (prefix[i] | to_lower))
            return false;
    *number = 0;
    for (name += sizeof(prefix) - 1; *name >= '0' && *name <= '9' && *number <= GENERATION_MAX;
         name++)
        *number = *number * 10 + (unsigned)(*name - '0');
    return *name == '\0' && *number != 0 && *number <= GENERATION_MAX;
}

static void visit(void *context, const char *name)
{
    struct generations *g = context;
    unsigned number;

    if (!generation_of(name, &number))
        return;
    g->count++;
    g->newest = number > g->newest ? number : g->newest;
    g->oldest = g->oldest == 0 || number < g->oldest ? number : g->oldest;
}

static bool delete_run(struct volume *v, unsigned generation)
{
    static const char *const files[] = {"journal.bin", "results.tap", "summary.txt", "verdict.txt",
                                        ""};
    char path[VOLUME_PATH_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        unattended_path(path, sizeof(path), generation, files[i]);
        if (!volume_delete(v, path))
            return false;
    }
    return true;
}

unsigned unattended_new_generation(struct volume *v)
{
    struct generations g;

    for (;;) {
        g = (struct generations){0};
        if (!volume_list(v, UNATTENDED_FOLDER, visit, &g))
            return 0;
        /* A folder with files that are not of a run stays, and no older folder is looked for. */
        if (g.count < UNATTENDED_KEEP || !delete_run(v, g.oldest))
            break;
    }
    return g.newest < GENERATION_MAX ? g.newest + 1 : 0;
}

/* --- what both files need --- */

struct writer {
    const struct unattended_run *run;
    struct volume_file file;
    struct tap tap;
    struct suite_counts counts;
    unsigned cut, not_run;
    uint64_t duration_us;
    uint32_t next;
    enum journal_kind wanted; /* verdict that the list shows now */
    struct profiles profiles;
    unsigned bad_profiles; /* line of their file that is wrong */
};

static void sink(void *context, const char *text, size_t length)
{
    volume_put(context, text, length);
}

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    volume_put(&w->file, text, strlen(text));
}

static void name_of(const struct writer *w, uint32_t index, char *name, size_t size)
{
    const struct suite *s = w->run->suite;

    suite_instance_name(&s->instances[index % s->instance_count], name, size);
}

static void each(struct writer *w, void (*result)(void *context, const struct journal_entry *e),
                 void (*fact)(void *context, const char *text, size_t length),
                 void (*boot)(void *context, const struct journal_boot *boot))
{
    const struct unattended_run *run = w->run;
    const struct journal_events events = {
        .context = w, .result = result, .fact = fact, .boot = boot};
    struct journal_outcome outcome;

    journal_fold(run->journal, run->size, run->run, run->boots, w->counts.planned, &events,
                 &outcome);
    w->next = outcome.next;
    /* Only at the end of a run is it certain that the others never ran. */
    for (uint32_t i = outcome.next; result && run->over && i < w->counts.planned; i++) {
        result(w, &(struct journal_entry){.kind = JOURNAL_ERROR,
                                          .index = i,
                                          .text = run->left ? run->left : never,
                                          .text_length =
                                              run->left ? run->left_length : sizeof(never) - 1});
    }
}

static void count(void *context, const struct journal_entry *e)
{
    struct writer *w = context;

    w->counts.pass += e->kind == JOURNAL_PASS;
    w->counts.fail += e->kind == JOURNAL_FAIL;
    w->counts.error += e->kind == JOURNAL_ERROR;
    w->counts.skip += e->kind == JOURNAL_SKIP;
    w->counts.moved += (e->flags & JOURNAL_DMA) != 0;
    w->cut += (e->flags & JOURNAL_CUT) != 0;
    w->duration_us += e->duration_us;
}

static void profile_fact(void *context, const char *text, size_t length)
{
    struct writer *w = context;

    profiles_fact(&w->profiles, text, length);
}

static void profile_result(void *context, const struct journal_entry *e)
{
    static const enum verdict verdicts[] = {[JOURNAL_PASS] = VERDICT_PASS,
                                            [JOURNAL_FAIL] = VERDICT_FAIL,
                                            [JOURNAL_ERROR] = VERDICT_ERROR,
                                            [JOURNAL_SKIP] = VERDICT_SKIP};
    struct writer *w = context;
    const struct suite *s = w->run->suite;

    profiles_result(&w->profiles, s->instances[e->index % s->instance_count].test->id,
                    verdicts[e->kind]);
}

static bool load_profiles(struct volume *v, struct writer *w)
{
    void *text;
    size_t size;

    if (!volume_read(v, PROFILES_FILE, 0, &text, &size))
        return false;
    w->bad_profiles = size > 0 ? profiles_load(&w->profiles, text, size) : 0;
    if (w->profiles.count > 0) {
        each(w, NULL, profile_fact, NULL);
        each(w, profile_result, NULL, NULL);
    }
    return true;
}

/* --- results.tap --- */

static void tap_fact(void *context, const char *text, size_t length)
{
    struct writer *w = context;

    put(w, "# %.*s\n", (int)length, text);
}

static const char *end_text(enum journal_kind end)
{
    switch (end) {
    case JOURNAL_END:
        return "all tests had run";
    case JOURNAL_FULL:
        return "the variable store was full";
    case JOURNAL_DOWN:
        return "panic";
    case JOURNAL_STOP:
        return "the suite gave up";
    default:
        return "the machine went down without a word";
    }
}

static void tap_boot(void *context, const struct journal_boot *boot)
{
    struct writer *w = context;
    char name[INSTANCE_NAME_MAX] = "none";

    if (boot->has_guilty)
        name_of(w, boot->guilty, name, sizeof(name));
    put(w, "# boot: number=%u end=\"%s\" guilty=%s results=%u\n", boot->number, end_text(boot->end),
        name, (unsigned)boot->next);
}

static void message_of(const struct journal_entry *e, char *message, size_t size)
{
    int length = (int)e->text_length;

    if ((e->flags & JOURNAL_CUT) == 0) {
        fmt_snprintf(message, size, "%.*s", length, e->text);
    } else {
        fmt_snprintf(message, size, "%.*s%s(more did not fit into the variable store)", length,
                     e->text, length ? " " : "");
    }
}

static void tap_result(void *context, const struct journal_entry *e)
{
    struct writer *w = context;
    bool bad = e->kind == JOURNAL_FAIL || e->kind == JOURNAL_ERROR;
    char name[INSTANCE_NAME_MAX], message[TEXT_MAX + 64];

    if (e->flags & JOURNAL_RAW) {
        volume_put(&w->file, e->text, e->text_length);
        return;
    }
    w->tap.written = e->index;
    name_of(w, e->index, name, sizeof(name));
    message_of(e, message, sizeof(message));
    tap_point(&w->tap, !bad, name, e->kind == JOURNAL_SKIP ? "SKIP" : NULL,
              e->kind == JOURNAL_SKIP ? message : NULL);
    tap_yaml_begin(&w->tap);
    if (bad) {
        tap_yaml_text(&w->tap, "verdict", e->kind == JOURNAL_FAIL ? "fail" : "error");
        tap_yaml_text(&w->tap, "message", message);
    }
    tap_yaml_number(&w->tap, "duration_us", e->duration_us);
    tap_yaml_end(&w->tap);
}

static void write_tap(struct writer *w)
{
    const struct unattended_run *run = w->run;
    const struct suite_counts *c = &w->counts;

    w->tap = (struct tap){.write = sink, .sink = &w->file};
    tap_begin(&w->tap, c->planned);
    each(w, NULL, tap_fact, NULL);
    put(w, "# alone: generation=%u boots=%u restarts=%u cut=%u\n", run->generation, run->boots,
        run->restarts, w->cut);
    each(w, NULL, NULL, tap_boot);
    each(w, tap_result, NULL, NULL);
    if (run->over) {
        put(w, "# end: planned=%u pass=%u fail=%u error=%u skip=%u duration_us=%llu moved=%u\n",
            c->planned, c->pass, c->fail, c->error, c->skip, (unsigned long long)w->duration_us,
            c->moved);
    }
}

/* --- summary.txt --- */

static void summary_boot(void *context, const struct journal_boot *boot)
{
    struct writer *w = context;
    char name[INSTANCE_NAME_MAX];

    put(w, "  boot %-4u %u results by then; %s", boot->number, (unsigned)boot->next,
        end_text(boot->end));
    if (boot->text_length)
        put(w, ": %.*s", (int)boot->text_length, boot->text);
    if (boot->has_guilty) {
        name_of(w, boot->guilty, name, sizeof(name));
        put(w, "; in %s", name);
    }
    put(w, "\r\n");
}

/* Of the block of a point: the value of "message", escapes and all. */
static const char *raw_message(const struct journal_entry *e, size_t *length)
{
    static const char key[] = "\n  message: \"";
    const size_t key_length = sizeof(key) - 1;

    for (size_t i = 0; i + key_length < e->text_length; i++) {
        if (memcmp(e->text + i, key, key_length) == 0) {
            const char *value = e->text + i + key_length, *end = value;

            while (end + 1 < e->text + e->text_length && end[1] != '\n')
                end++;
            *length = (size_t)(end - value);
            return value;
        }
    }
    return NULL;
}

static void summary_result(void *context, const struct journal_entry *e)
{
    static const char *const words[] = {
        [JOURNAL_SKIP] = "SKIP", [JOURNAL_FAIL] = "FAIL", [JOURNAL_ERROR] = "ERROR"};
    struct writer *w = context;
    char name[INSTANCE_NAME_MAX], message[TEXT_MAX + 64] = "";
    const char *raw;
    size_t length = 0;

    if (e->kind != w->wanted)
        return;
    name_of(w, e->index, name, sizeof(name));
    if (e->flags & JOURNAL_RAW) {
        raw = raw_message(e, &length);
        fmt_snprintf(message, sizeof(message), "%.*s", (int)length, raw ? raw : "");
    } else {
        message_of(e, message, sizeof(message));
    }
    put(w, "%-5s  %s\r\n       %s\r\n", words[e->kind], name, message);
}

static struct report_verdict verdict_of(const struct writer *w)
{
    if (!w->run->over)
        return (struct report_verdict){2, "not finished yet: boot the volume again"};
    return report_verdict(&w->counts);
}

static void tell_shortcoming(void *context, const char *text)
{
    put(context, "          %s\r\n", text);
}

static void summarize_profiles(struct writer *w)
{
    if (w->bad_profiles)
        put(w, "profiles  " PROFILES_FILE " line %u is not as it should be\r\n", w->bad_profiles);
    for (unsigned i = 0; i < w->profiles.count && w->run->over; i++) {
        struct report_verdict verdict;
        unsigned count;

        put(w, "profile   %.*s\r\n", SPAN(w->profiles.each[i].name));
        verdict = profiles_judge(&w->profiles, i, &w->counts, &count, tell_shortcoming, w);
        put(w, "          exit code %u, %s\r\n", verdict.exit_code, verdict.text);
    }
}

static void put_profile_verdicts(struct writer *w)
{
    for (unsigned i = 0; i < w->profiles.count && w->run->over; i++) {
        unsigned count;
        struct report_verdict verdict =
            profiles_judge(&w->profiles, i, &w->counts, &count, NULL, NULL);

        put(w, "profile=%.*s version=%.*s exit=%u shortcomings=%u text=\"%s\"\r\n",
            SPAN(w->profiles.each[i].name), SPAN(w->profiles.each[i].version), verdict.exit_code,
            count, verdict.text);
    }
}

/* For a program: a line, and one for each profile; ASCII. */
static void write_verdict(struct writer *w)
{
    const struct suite_counts *c = &w->counts;
    struct report_verdict verdict = verdict_of(w);

    put(w, "exit=%u planned=%u pass=%u fail=%u error=%u skip=%u with_dma=%u text=\"%s\"\r\n",
        verdict.exit_code, c->planned, c->pass, c->fail, c->error, c->skip, c->moved, verdict.text);
    put_profile_verdicts(w);
}

/* Notepad and its kin still open it: lines end with CR LF. */
static void write_summary(struct writer *w)
{
    static const enum journal_kind order[] = {JOURNAL_ERROR, JOURNAL_FAIL, JOURNAL_SKIP};
    const struct unattended_run *run = w->run;
    const struct suite_counts *c = &w->counts;
    struct report_verdict verdict = verdict_of(w);

    put(w, "pvIOMMU conformance suite " PVT_VERSION ", run %u\r\n\r\n", run->generation);
    put(w, "verdict   %s\r\n", verdict.text);
    put(w, "exit code %u\r\n", verdict.exit_code);
    put(w, "planned   %u\r\n", c->planned);
    put(w, "passed    %u\r\nfailed    %u\r\nerrors    %u\r\nskipped   %u\r\n", c->pass, c->fail,
        c->error, c->skip);
    put(w, "with DMA  %u\r\n", c->moved);
    put(w, "seed      %llu\r\n", (unsigned long long)run->suite->options.seed);
    if (w->cut)
        put(w, "cut       %u results: their texts did not fit into the variable store\r\n", w->cut);
    put(w, "boots     %u, of which %u ended unexpectedly\r\n", run->boots, run->restarts);
    each(w, NULL, NULL, summary_boot);
    summarize_profiles(w);
    put(w, "\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        w->wanted = order[i];
        each(w, summary_result, NULL, NULL);
    }
}

static bool write_file(struct volume *v, struct writer *w, const char *name,
                       void (*write)(struct writer *w))
{
    char path[VOLUME_PATH_MAX];

    unattended_path(path, sizeof(path), w->run->generation, name);
    volume_create(&w->file, v, path);
    write(w);
    return volume_close(&w->file);
}

bool unattended_write(struct volume *v, const struct unattended_run *run,
                      struct suite_counts *counts)
{
    /* Large for a stack that the firmware made. */
    struct writer *w = volume_memory(v, sizeof(*w));

    if (!w)
        return false;
    *w = (struct writer){
        .run = run,
        .counts = {.planned = counts->planned, .wants_transfer = counts->wants_transfer}};
    each(w, count, NULL, NULL);
    *counts = w->counts;
    if (!load_profiles(v, w))
        return false;
    return write_file(v, w, "results.tap", write_tap) &&
           write_file(v, w, "summary.txt", write_summary) &&
           write_file(v, w, "verdict.txt", write_verdict);
}
