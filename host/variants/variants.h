/* SPDX-License-Identifier: MIT */
/*
 * Named variants: behavior other than this host's own that the ABI permits, switched on by name
 * before the guest starts. They measure the test suite: it must pass under each of them.
 */
#ifndef PVT_HOST_VARIANTS_VARIANTS_H
#define PVT_HOST_VARIANTS_VARIANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/status.h"

enum variant {
#define VARIANT(enumerator, name, requirements, sentence) VARIANT_##enumerator,
#include "host/variants/variants.def"
    VARIANT_COUNT
};

/* Switches a variant on; false when there is none of this name. Before launch only. */
bool variant_enable(const char *name);
bool variant_active(enum variant variant);
/* Name of a variant, for example "attach-same-success"; NULL after the last. */
const char *variant_name(enum variant variant);
/* Names of all variants that are on, separated by commas, cut to `size` bytes with the NUL; "" when
 * none is. */
void variant_active_names(char *text, size_t size);

/* The status of a refusal for which the ABI names none, or several. */
static inline enum hv_status variant_status(enum variant variant, enum hv_status other,
                                            enum hv_status usual)
{
    return variant_active(variant) ? other : usual;
}

#endif
