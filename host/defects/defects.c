/* SPDX-License-Identifier: MIT */
#include "host/defects/defects.h"

#include "host/defects/flags.h"

/* One after another, with their ends: a pointer to each would take 32 bytes of the image. */
static const struct names {
#define DEFECT(enumerator, name, requirements, sentence) char DEFECT_##enumerator[sizeof(name)];
#define DEFECT_SOFT(fault, name, requirements, sentence) char DEFECT_SOFT_##fault[sizeof(name)];
#include "host/defects/defects.def"
} names = {
#define DEFECT(enumerator, name, requirements, sentence) .DEFECT_##enumerator = {name},
#define DEFECT_SOFT(fault, name, requirements, sentence) .DEFECT_SOFT_##fault = {name},
#include "host/defects/defects.def"
};

static const uint16_t name_at[] = {
#define DEFECT(enumerator, name, requirements, sentence)                                           \
    [DEFECT_##enumerator] = offsetof(struct names, DEFECT_##enumerator),
#define DEFECT_SOFT(fault, name, requirements, sentence)                                           \
    [DEFECT_SOFT_##fault] = offsetof(struct names, DEFECT_SOFT_##fault),
#include "host/defects/defects.def"
};
_Static_assert(sizeof(names) <= UINT16_MAX, "the end of name_at[]'s type");

static bool active[DEFECT_COUNT];
static const struct flags defects = {(const char *)&names, name_at, active, DEFECT_COUNT};

bool defect_enable(const char *name)
{
    return flag_enable(&defects, name);
}

bool defect_active(enum defect defect)
{
    return active[defect];
}

bool defect_any_active(const enum defect *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (defect_active(list[i]))
            return true;
    return false;
}

const char *defect_name(enum defect defect)
{
    return (size_t)defect < DEFECT_COUNT ? flag_name(&defects, (size_t)defect) : NULL;
}

void defect_active_names(char *text, size_t size)
{
    flags_active_names(&defects, text, size);
}
