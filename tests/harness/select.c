/* SPDX-License-Identifier: MIT */
/* From the registered tests and the device classes they name to the instances of this run. */
#include "lib/fmt.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

/* Bounds of section .pvt_tests, from the linker script. */
extern const struct test_registration pvt_tests_start[], pvt_tests_end[];

void suite_instance_name(const struct suite_instance *i, char *text, size_t size)
{
    if (i->has_class) {
        fmt_snprintf(text, size, "%s@%s", i->test->id, dma_class_name(i->class));
    } else {
        fmt_snprintf(text, size, "%s", i->test->id);
    }
}

static bool matches(const char *pattern, const struct suite_instance *i)
{
    char name[96];

    suite_instance_name(i, name, sizeof(name));
    return glob_match(pattern, name) || glob_match(pattern, i->test->id);
}

static bool selected(const struct suite_options *o, const struct suite_instance *i)
{
    for (size_t p = 0; p < o->pattern_count; p++) {
        if (matches(o->patterns[p], i)) {
            return true;
        }
    }
    return o->pattern_count == 0;
}

/* Puts the instances into the order of the test= lines; what one line selects keeps the catalogue's order. */
static void order_as_given(struct suite *s)
{
    size_t placed = 0;

    for (size_t p = 0; p < s->options.pattern_count; p++) {
        for (size_t i = placed; i < s->instance_count; i++) {
            struct suite_instance found = s->instances[i];

            if (!matches(s->options.patterns[p], &found)) {
                continue;
            }
            for (size_t hole = i; hole > placed; hole--) {
                s->instances[hole] = s->instances[hole - 1];
            }
            s->instances[placed++] = found;
        }
    }
}

static void add(struct suite *s, struct suite_instance i)
{
    if (s->instance_count < SUITE_INSTANCES_MAX && selected(&s->options, &i)) {
        s->instances[s->instance_count++] = i;
    }
}

/* Cuts off the text up to the next tab; *rest goes on behind it. */
static const char *field(char **rest)
{
    char *text = *rest, *tab = strchr(text, '\t');

    if (tab) {
        *tab = '\0';
        *rest = tab + 1;
    } else {
        *rest = text + strlen(text);
    }
    return text;
}

/* `text` is a copy of the catalogue entry that lives as long as the run. */
static void split(struct test *test, char *text, void (*run)(struct test_run *t))
{
    test->id = field(&text);
    test->classes = field(&text);
    test->level = field(&text);
    test->run = run;
}

/* What a registration's field leads to. */
static const void *from(const int32_t *distance)
{
    return (const char *)distance + *distance;
}

/* All registered tests, from one allocation: the structs, then their texts. */
static struct test *load(size_t *count)
{
    size_t text_size = 0;
    struct test *tests;
    char *text;

    /* cppcheck-suppress comparePointers ; one array, whose bounds the linker names */
    *count = (size_t)(pvt_tests_end - pvt_tests_start);
    for (size_t i = 0; i < *count; i++) {
        text_size += strlen(from(&pvt_tests_start[i].catalogue)) + 1;
    }
    tests = memory_boot_pages((*count * sizeof(*tests) + text_size + PAGE_SIZE - 1) / PAGE_SIZE);
    text = (char *)&tests[*count];
    for (size_t i = 0; i < *count; i++) {
        const char *catalogue = from(&pvt_tests_start[i].catalogue);
        size_t size = strlen(catalogue) + 1;

        memcpy(text, catalogue, size);
        split(&tests[i], text, (void (*)(struct test_run *))from(&pvt_tests_start[i].run));
        text += size;
    }
    return tests;
}

void suite_select(struct suite *s)
{
    size_t count;
    const struct test *tests = load(&count);

    for (const struct test *test = tests; test < tests + count; test++) {
        if (strcmp(test->classes, "-") == 0) {
            add(s, (struct suite_instance){.test = test});
            continue;
        }
        for (int c = 0; c < DMA_CLASS_COUNT; c++) {
            if (strchr(test->classes, TEST_CLASS_LETTERS[c])) {
                add(s, (struct suite_instance){.test = test, .has_class = true, .class = (enum dma_class)c});
            }
        }
    }
    if (s->options.order_given) {
        order_as_given(s);
    }
}
