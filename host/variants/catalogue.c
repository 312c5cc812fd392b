/* SPDX-License-Identifier: MIT */
/* The list of variants for the runner, in the form of host/defects/catalogue.c. It follows the list
 * of defects. */
#include "host/variants/variants.h"

#define VARIANT(enumerator, name, requirements, sentence)                                          \
    "variant\t" name "\t" requirements "\t" sentence "\tany\0"
#define VARIANT_BOTH(enumerator, name, requirements, sentence)                                     \
    "variant\t" name "\t" requirements "\t" sentence "\tboth\0"
#define VARIANT_SOFT(enumerator, name, requirements, sentence)                                     \
    "variant\t" name "\t" requirements "\t" sentence "\tsoft\0"
#define VARIANT_BUS(enumerator, name, requirements, sentence)                                      \
    "variant\t" name "\t" requirements "\t" sentence "\tvpci\0"

__attribute__((section(".pvtcat"), used)) static const char catalogue[] = "variants\t2\0"
#include "host/variants/variants.def"
    ;

#undef VARIANT
#undef VARIANT_BOTH
#undef VARIANT_SOFT
#undef VARIANT_BUS
