/* SPDX-License-Identifier: MIT */
#include "host/variants/variants.h"

#include "host/defects/flags.h"

static const char *const variant_names[] = {
#define VARIANT(enumerator, name, requirements, sentence) [VARIANT_##enumerator] = (name),
#define VARIANT_BOTH                                      VARIANT
#define VARIANT_SOFT                                      VARIANT
#define VARIANT_BUS                                       VARIANT
#include "host/variants/variants.def"
#undef VARIANT
#undef VARIANT_BOTH
#undef VARIANT_SOFT
#undef VARIANT_BUS
};

static bool active[VARIANT_COUNT];
static const struct flags variants = {variant_names, active, VARIANT_COUNT};

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
    return (size_t)variant < VARIANT_COUNT ? variant_names[variant] : NULL;
}

void variant_active_names(char *text, size_t size)
{
    flags_active_names(&variants, text, size);
}
