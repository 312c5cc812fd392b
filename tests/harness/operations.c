/* SPDX-License-Identifier: MIT */
#include "tests/harness/operations.h"

#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/stress_numbers.h"

struct range {
    const char *name;
    uint8_t first, last;
};

static const struct range domain = {"domain", 0, STRESS_HOMES - 1};
static const struct range paging = {"domain", STRESS_PAGING, STRESS_HOMES - 1};
static const struct range page = {"page", 0, STRESS_PAGES - 1};
static const struct range target = {"target", 0, STRESS_TARGETS - 1};
static const struct range device = {"device", 0, STRESS_DEVICES - 1};
static const struct range writable = {"writable", 0, 1};

static const struct form {
    const char *name;
    const struct range *argument[OPERATION_ARGUMENTS];
} forms[OPERATION_KINDS] = {
    [OPERATION_MAP] = {"map", {&paging, &page, &target, &writable}},
    [OPERATION_RETARGET] = {"retarget", {&paging, &page, &target}},
    [OPERATION_PROTECT] = {"protect", {&paging, &page, &writable}},
    [OPERATION_UNMAP] = {"unmap", {&paging, &page}},
    [OPERATION_FLUSH] = {"flush", {&paging}},
    [OPERATION_FLUSH_ALL] = {"flush-all", {&paging}},
    [OPERATION_FLUSH_LIST] = {"flush-list", {&paging, &page, &page}},
    [OPERATION_FLUSH_BLOCK] = {"flush-block", {&paging, &page, &page}},
    [OPERATION_ATTACH] = {"attach", {&device, &domain}},
    [OPERATION_DETACH] = {"detach", {&device}},
    [OPERATION_REPLACE] = {"replace", {&paging}},
    [OPERATION_WRITE] = {"write", {&device, &page}},
};

static unsigned arguments_of(const struct form *f)
{
    unsigned count = 0;

    while (count < OPERATION_ARGUMENTS && f->argument[count])
        count++;
    return count;
}

/* Cuts the first word off. */
static char *rest_of(char *text)
{
    char *comma = strchr(text, ',');

    if (comma)
        *comma++ = '\0';
    return comma;
}

static bool parse_argument(const char *text, const struct range *r, uint8_t *value,
                           struct option_error *error)
{
    struct option_error why = {0};
    uint64_t number;

    if (option_number(text, r->first, r->last, &number, &why)) {
        *value = (uint8_t)number;
        return true;
    }
    fmt_snprintf(error->text, sizeof(error->text), "%s: %.120s", r->name, why.text);
    return false;
}

static const struct form *find(const char *name, unsigned *kind)
{
    for (*kind = 0; *kind < OPERATION_KINDS; (*kind)++)
        if (strcmp(name, forms[*kind].name) == 0)
            return &forms[*kind];
    return NULL;
}

bool operation_parse(char *text, struct operation *o, struct option_error *error)
{
    char *rest = rest_of(text);
    unsigned kind, given = 0;
    const struct form *f = find(text, &kind);

    if (!f) {
        fmt_snprintf(error->text, sizeof(error->text), "unknown operation \"%.24s\"", text);
        return false;
    }
    *o = (struct operation){.kind = (uint8_t)kind};
    for (char *word = rest; word; word = rest, given++) {
        rest = rest_of(word);
        if (given < arguments_of(f) &&
            !parse_argument(word, f->argument[given], &o->argument[given], error))
            return false;
    }
    if (given != arguments_of(f)) {
        fmt_snprintf(error->text, sizeof(error->text), "%s has %u arguments, not %u", f->name,
                     arguments_of(f), given);
        return false;
    }
    if ((kind == OPERATION_FLUSH_LIST || kind == OPERATION_FLUSH_BLOCK) &&
        o->argument[1] > o->argument[2]) {
        fmt_snprintf(error->text, sizeof(error->text), "%s: the last page is before the first",
                     f->name);
        return false;
    }
    return true;
}

void operation_text(const struct operation *o, char *text, size_t size)
{
    const struct form *f = &forms[o->kind];
    size_t used;

    fmt_snprintf(text, size, "%s", f->name);
    for (unsigned i = 0; i < arguments_of(f); i++) {
        used = strlen(text);
        fmt_snprintf(text + used, size - used, " %u", o->argument[i]);
    }
}
