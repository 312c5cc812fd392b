/* SPDX-License-Identifier: MIT */
/* From the registered tests and the device classes they name to the instances of this run. */
#include "kernel/trap.h"
#include "lib/bits.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

/* Bounds of section .pvt_tests, from the linker script. */
extern const struct test_registration pvt_tests_start[], pvt_tests_end[];

void suite_instance_name(const struct suite_instance *i, char *text, size_t size)
{
    const char *parts[] = {i->test->id, i->has_class ? "@" : "",
                           i->has_class ? dma_class_name(i->class) : ""};
    size_t used = 0;

    for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
        size_t length = strlen(parts[p]);

        length = length < size - 1 - used ? length : size - 1 - used;
        memcpy(text + used, parts[p], length);
        used += length;
    }
    text[used] = '\0';
}

/* Target of a registration's field. */
static const void *from(const int32_t *distance)
{
    return (const char *)distance + *distance;
}

/* From the character of a registration, which counts from 0. */
static unsigned classes_of(char set)
{
    return (unsigned)(set - '0');
}

/* `class_name` is that of a class in the set. */
static bool names_class_of(const char *class_name, unsigned classes)
{
    for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++)
        if ((classes & 1u << class) &&
            strcmp(dma_class_name((enum dma_class) class), class_name) == 0)
            return true;
    return false;
}

/* A name without wildcards, of which a run has one for each instance. */
static bool registered_by_name(const char *catalogue, const char *name)
{
    /* Nearly all differ in the first characters. */
    while (*catalogue == *name && *name != '\0') {
        catalogue++;
        name++;
    }
    return *catalogue == '\t' &&
           (*name == '\0' || (*name == '@' && names_class_of(name + 1, classes_of(catalogue[1]))));
}

/* `catalogue` is the text of a registration: id, classes, level and unit. */
static bool registered_as(const char *catalogue, const char *pattern)
{
    char id[INSTANCE_NAME_MAX], name[INSTANCE_NAME_MAX];
    const struct test test = {.id = id};
    size_t length;

    if (!glob_has_wildcard(pattern))
        return registered_by_name(catalogue, pattern);
    length = (size_t)(strchr(catalogue, '\t') - catalogue);
    if (length >= sizeof(id))
        panic("a test's id is longer than %zu characters", sizeof(id) - 1);
    memcpy(id, catalogue, length);
    id[length] = '\0';
    if (glob_match(pattern, id))
        return true;
    for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++) {
        if (!(classes_of(catalogue[length + 1]) & 1u << class))
            continue;
        suite_instance_name(&(struct suite_instance){.test = &test,
                                                     .has_class = true,
                                                     .class = (enum dma_class) class},
                            name, sizeof(name));
        if (glob_match(pattern, name))
            return true;
    }
    return false;
}

bool suite_pattern_known(const char *pattern, size_t *place)
{
    /* cppcheck-suppress comparePointers ; one array, whose bounds the linker names */
    const size_t count = (size_t)(pvt_tests_end - pvt_tests_start);

    for (size_t i = 0; i < count; i++) {
        size_t at = (*place + i) % count;

        if (registered_as(from(&pvt_tests_start[at].catalogue), pattern)) {
            *place = at;
            return true;
        }
    }
    return false;
}

/* The selected instances, and for each of them the first pattern that selects it. */
struct selection {
    struct suite *suite;
    uint16_t *ranks;
};

static bool left_out(const struct suite_options *o, const struct suite_instance *i)
{
    char name[INSTANCE_NAME_MAX];

    if (o->without_count > 0)
        suite_instance_name(i, name, sizeof(name));
    for (size_t w = 0; w < o->without_count; w++)
        if (glob_match(o->without[w], name))
            return true;
    return false;
}

static enum tier tier_of(const struct suite_instance *i)
{
    if (i->test->seconds)
        return TIER_STRESS;
    return i->test->long_run || (i->has_class && dma_class_is_slow(i->class)) ? TIER_DEFAULT
                                                                              : TIER_QUICK;
}

static void add(struct selection *selection, struct suite_instance i, unsigned rank)
{
    struct suite *s = selection->suite;

    if (tier_of(&i) > s->options.tier)
        return;
    if ((rank == PATTERNS_NONE && s->options.patterns.count > 0) || left_out(&s->options, &i))
        return;
    selection->ranks[s->instance_count] = (uint16_t)rank;
    s->instances[s->instance_count++] = i;
}

static void add_class(struct selection *selection, const struct test *test, enum dma_class class,
                      unsigned test_rank)
{
    const struct suite_instance i = {.test = test, .has_class = true, .class = class};
    const struct patterns *patterns = &selection->suite->options.patterns;
    char name[INSTANCE_NAME_MAX];
    unsigned rank = PATTERNS_NONE;

    if (patterns->count > 0) {
        suite_instance_name(&i, name, sizeof(name));
        rank = patterns_find(patterns, name);
    }
    add(selection, i, rank < test_rank ? rank : test_rank);
}

/* Puts the instances into the order of the test= lines; what one line selects keeps the catalogue's
 * order. */
static void order_as_given(struct selection *selection)
{
    struct suite *s = selection->suite;
    size_t size = s->instance_count * sizeof(s->instances[0]);
    struct suite_instance *sorted = memory_boot_pages((size + PAGE_SIZE - 1) / PAGE_SIZE);
    uint16_t next[PATTERNS_MAX + 1] = {0}; /* where the next instance of a pattern goes */

    for (size_t i = 0; i < s->instance_count; i++)
        next[selection->ranks[i] + 1]++;
    for (size_t p = 0; p < s->options.patterns.count; p++)
        next[p + 1] = (uint16_t)(next[p + 1] + next[p]);
    for (size_t i = 0; i < s->instance_count; i++)
        sorted[next[selection->ranks[i]]++] = s->instances[i];
    memcpy(s->instances, sorted, size);
}

/* Cuts off the text up to the next tab; *rest continues after it. */
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
    const char *level;

    test->id = field(&text);
    test->classes = classes_of(*field(&text));
    level = field(&text);
    test->seconds = level[0] >= 'A' && level[0] <= 'Z';
    test->long_run = level[0] == 's' || level[0] == 'S';
    test->unit = level[1];
    test->variant = *text ? (unsigned)(*text - '0') : 0;
    test->run = run;
}

/* All registered tests, from one allocation: the structs, then their texts. */
static struct test *load(size_t *count)
{
    size_t text_size = 0;
    struct test *tests;
    char *text;

    /* cppcheck-suppress comparePointers ; one array, whose bounds the linker names */
    *count = (size_t)(pvt_tests_end - pvt_tests_start);
    for (size_t i = 0; i < *count; i++)
        text_size += strlen(from(&pvt_tests_start[i].catalogue)) + 1;
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

/* Statements about a unit that the image drives itself say nothing where it drives another. */
static bool of_this_unit(const struct test *test)
{
    switch (test->unit) {
    case TEST_UNIT_VIRTIO_IOMMU:
        return iommu() == &virtio_iommu_backend;
    case TEST_UNIT_VTD:
        return iommu() == &vtd_backend;
    default:
        return true;
    }
}

void suite_select(struct suite *s)
{
    const struct patterns *patterns = &s->options.patterns;
    struct selection selected = {.suite = s}, *selection = &selected;
    size_t count, most;
    const struct test *tests = load(&count);

    most = count * DMA_CLASS_COUNT;
    s->instances = memory_boot_pages((most * sizeof(*s->instances) + PAGE_SIZE - 1) / PAGE_SIZE);
    selected.ranks =
        memory_boot_pages((most * sizeof(*selected.ranks) + PAGE_SIZE - 1) / PAGE_SIZE);
    for (const struct test *test = tests; test < tests + count; test++) {
        unsigned rank;

        if (!of_this_unit(test) || (patterns->count > 0 && !patterns_may_match(patterns, test->id)))
            continue;
        rank = patterns_find(patterns, test->id);
        if (test->classes == 0) {
            add(selection, (struct suite_instance){.test = test}, rank);
            continue;
        }
        for (int c = 0; c < DMA_CLASS_COUNT; c++)
            if (test->classes & 1u << c)
                add_class(selection, test, (enum dma_class)c, rank);
    }
    if (s->options.order_given && patterns->count > 0)
        order_as_given(selection);
}
