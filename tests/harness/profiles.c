/* SPDX-License-Identifier: MIT */
#include "tests/harness/profiles.h"

#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"

static const char head[] = "pvtest-profiles 1";

/* --- lines and words --- */

static struct span take_until(struct span *from, char end)
{
    struct span part = {from->at, from->at};

    while (part.end < from->end && *part.end != end)
        part.end++;
    from->at = part.end < from->end ? part.end + 1 : part.end;
    return part;
}

static struct span take_word(struct span *line)
{
    return take_until(line, ' ');
}

static bool is_empty(struct span s)
{
    return s.at == s.end;
}

static bool is(struct span s, const char *text)
{
    const size_t length = strlen(text);

    return (size_t)(s.end - s.at) == length && memcmp(s.at, text, length) == 0;
}

static bool same(struct span a, struct span b)
{
    const size_t length = (size_t)(a.end - a.at);

    return length == (size_t)(b.end - b.at) && memcmp(a.at, b.at, length) == 0;
}

static bool has_prefix(struct span s, const char *prefix)
{
    const size_t length = strlen(prefix);

    return (size_t)(s.end - s.at) >= length && memcmp(s.at, prefix, length) == 0;
}

/* Decimal, or hexadecimal after 0x. */
static bool number_of(struct span s, uint64_t *value)
{
    const unsigned base = has_prefix(s, "0x") ? 16 : 10;

    s.at += base == 16 ? 2 : 0;
    *value = 0;
    if (is_empty(s))
        return false;
    for (; s.at < s.end; s.at++) {
        const char letter = (char)(*s.at | 0x20); /* digits stay as they are */
        unsigned digit = (unsigned)(*s.at - '0');

        if (digit > 9)
            digit = letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : base;
        if (digit >= base || *value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

/* --- the file --- */

static bool load_requirements(struct profiles *p, struct span line)
{
    while (!is_empty(line) && p->requirement_count < PROFILES_REQUIREMENTS_MAX)
        p->requirements[p->requirement_count++] = take_word(&line);
    return is_empty(line) && p->requirement_count > 0;
}

static bool load_profile(struct profiles *p, struct span line)
{
    unsigned n = p->count;

    if (n == PROFILES_MAX || p->requirement_count == 0)
        return false;
    p->each[n].name = take_word(&line);
    p->each[n].version = take_word(&line);
    p->each[n].demands = take_word(&line);
    p->count++;
    return (size_t)(p->each[n].demands.end - p->each[n].demands.at) == p->requirement_count;
}

static bool test_is_known(const struct profiles *p, struct span numbers)
{
    uint64_t number;

    while (!is_empty(numbers))
        if (!number_of(take_word(&numbers), &number) || number >= p->requirement_count)
            return false;
    return true;
}

static bool bound_is_known(struct span words)
{
    static const char *const bounds[] = {"bits", "only", "none", "min", "max"};
    struct span field = take_word(&words), bound = take_word(&words);
    uint64_t value;
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
        known = known || is(bound, bounds[i]);
    return known && !is_empty(field) && number_of(words, &value);
}

static bool load_line(struct profiles *p, struct span line)
{
    const struct span whole = line, word = take_word(&line);

    if (is(word, "requirements"))
        return p->requirement_count == 0 && load_requirements(p, line);
    if (is(word, "profile")) {
        if (!load_profile(p, line))
            return false;
        p->each[p->count - 1].lines = (struct span){whole.end, whole.end};
        return true;
    }
    if (p->count == 0)
        return false;
    if (is(word, "test")) {
        if (is_empty(p->tests))
            p->tests.at = whole.at;
        p->tests.end = whole.end;
        (void)take_word(&line);
        return test_is_known(p, line);
    }
    if (!is_empty(p->tests) || (is(word, "bound") && !bound_is_known(line)))
        return false;
    p->each[p->count - 1].lines.end = whole.end;
    return is(word, "bound") || is(word, "needs");
}

unsigned profiles_load(struct profiles *p, const char *text, size_t size)
{
    struct span rest = {text, text + size};
    unsigned number = 1;

    *p = (struct profiles){0};
    p->tests = (struct span){text, text};
    if (!is(take_until(&rest, '\n'), head))
        return number;
    while (!is_empty(rest)) {
        number++;
        if (!load_line(p, take_until(&rest, '\n'))) {
            p->count = 0;
            return number;
        }
    }
    p->next_test = p->tests;
    return 0;
}

/* --- the run --- */

void profiles_fact(struct profiles *p, const char *text, size_t length)
{
    struct span line = {text, text + length}, word = take_word(&line);

    if (is(word, "pviommu:") && !has_prefix(line, "absent"))
        p->capabilities = line;
    if (!is(word, "device:"))
        return;
    word = take_word(&line);
    p->devices++;
    /* The sets of tests/harness/declare.h. */
    p->reading = p->reading || !is(word, "class=rocker");
    p->deferred = p->deferred || (!is(word, "class=rocker") && !is(word, "class=nvme"));
}

/* The numbers of its requirements; empty where the file does not have it. */
static struct span numbers_of(struct profiles *p, const char *test)
{
    for (unsigned round = 0; round < 2; round++) {
        while (!is_empty(p->next_test)) {
            struct span line = take_until(&p->next_test, '\n');

            (void)take_word(&line);
            if (is(take_word(&line), test)) {
                /* Its next instance, on another class, comes first. */
                p->next_test.at = line.at;
                while (p->next_test.at[-1] != '\n')
                    p->next_test.at--;
                return line;
            }
        }
        p->next_test = p->tests;
    }
    return (struct span){0};
}

void profiles_result(struct profiles *p, const char *test, enum verdict verdict)
{
    const struct span numbers = numbers_of(p, test);
    uint64_t number;

    for (struct span rest = numbers; !is_empty(rest);) {
        (void)number_of(take_word(&rest), &number);
        p->planned[number] = true;
        p->ran[number] = p->ran[number] || verdict != VERDICT_SKIP;
    }
    for (unsigned i = 0; verdict == VERDICT_FAIL && !is_empty(numbers) && i < p->count; i++) {
        bool advisory = true;

        for (struct span rest = numbers; !is_empty(rest);) {
            (void)number_of(take_word(&rest), &number);
            advisory = advisory && p->each[i].demands.at[number] == 'a';
        }
        p->each[i].excused += advisory;
    }
}

/* --- the verdict --- */

struct judge {
    const struct profiles *profiles;
    unsigned shortcomings;
    void (*tell)(void *context, const char *text);
    void *context;
};

static void found(struct judge *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void found(struct judge *j, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    j->shortcomings++;
    if (!j->tell)
        return;
    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    j->tell(j->context, text);
}

static bool keeps(struct span bound, uint64_t value, uint64_t limit)
{
    if (is(bound, "bits"))
        return (value & limit) == limit;
    if (is(bound, "only"))
        return (value & ~limit) == 0;
    if (is(bound, "none"))
        return (value & limit) == 0;
    return is(bound, "min") ? value >= limit : value <= limit;
}

static void judge_bound(struct judge *j, struct span words)
{
    const struct span field = take_word(&words), bound = take_word(&words);
    uint64_t value, limit;

    (void)number_of(words, &limit);
    for (struct span rest = j->profiles->capabilities; !is_empty(rest);) {
        struct span told = take_word(&rest), name = take_until(&told, '=');

        if (!same(name, field))
            continue;
        if (!number_of(told, &value) || !keeps(bound, value, limit))
            found(j, "the host reports %.*s=%.*s; needed: %.*s = 0x%llx", SPAN(field), SPAN(told),
                  SPAN(bound), (unsigned long long)limit);
        return;
    }
    found(j, "the host does not report %.*s", SPAN(field));
}

static void judge_need(struct judge *j, struct span kind)
{
    const struct profiles *p = j->profiles;
    const bool there = (is(kind, "two") && p->devices > 1) || (is(kind, "read") && p->reading) ||
                       (is(kind, "deferred") && p->deferred) ||
                       ((is(kind, "any") || is(kind, "write")) && p->devices > 0);

    if (!there)
        found(j, "a device is missing: %.*s", SPAN(kind));
}

static void judge_lines(struct judge *j, struct span lines)
{
    while (!is_empty(lines)) {
        struct span line = take_until(&lines, '\n'), word = take_word(&line);

        if (is(word, "bound"))
            judge_bound(j, line);
        while (is(word, "needs") && !is_empty(line))
            judge_need(j, take_word(&line));
    }
}

struct report_verdict profiles_judge(const struct profiles *p, unsigned which,
                                     const struct suite_counts *counts, unsigned *shortcomings,
                                     void (*tell)(void *context, const char *text), void *context)
{
    struct judge j = {.profiles = p, .tell = tell, .context = context};
    struct suite_counts c = *counts;
    struct report_verdict verdict;

    c.fail -= p->each[which].excused;
    c.pass += p->each[which].excused;
    judge_lines(&j, p->each[which].lines);
    for (unsigned r = 0; r < p->requirement_count; r++)
        if (p->each[which].demands.at[r] == 'm' && !p->ran[r])
            found(&j, "%.*s is mandatory, and %s", SPAN(p->requirements[r]),
                  p->planned[r] ? "all its tests were skipped" : "none of its tests was selected");
    verdict = report_verdict(&c);
    *shortcomings = j.shortcomings;
    if (verdict.exit_code == 0 && j.shortcomings > 0)
        return (struct report_verdict){1, "FAIL: the profile is not kept"};
    return verdict;
}
