/* SPDX-License-Identifier: MIT */
#include "host/variants/variants.h"

#include "host/defects/flags.h"

/* One after another, with their ends: a pointer to each would take 32 bytes of the image. */
static const struct names {
#define VARIANT(enumerator, name, requirements, sentence) char VARIANT_##enumerator[sizeof(name)];
#include "host/variants/variants.def"
} names = {
#define VARIANT(enumerator, name, requirements, sentence) .VARIANT_##enumerator = {name},
#include "host/variants/variants.def"
};

static const uint16_t name_at[] = {
#define VARIANT(enumerator, name, requirements, sentence)                                          \
    [VARIANT_##enumerator] = offsetof(struct names, VARIANT_##enumerator),
#include "host/variants/variants.def"
};
_Static_assert(sizeof(names) <= UINT16_MAX, "the end of name_at[]'s type");

static bool active[VARIANT_COUNT];
static const struct flags variants = {(const char *)&names, name_at, active, VARIANT_COUNT};

bool variant_enable(const char *name)
{
    return flag_enable(&variants, name);
}

bool variant_active(enum variant variant)
{
    return active[variant];
}

const char *variant_name(enum variant variant)
{
    return (size_t)variant < VARIANT_COUNT ? flag_name(&variants, (size_t)variant) : NULL;
}

void variant_active_names(char *text, size_t size)
{
    flags_active_names(&variants, text, size);
}
