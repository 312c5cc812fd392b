/* SPDX-License-Identifier: MIT */
/* The list of variants for the runner, in the form of host/defects/catalogue.c. It follows the list
 * of defects. */
#include "host/variants/variants.h"

#define RECORD(name, requirements, unit) "variant\t" name "\t" requirements "\t\t" unit "\0"

#define VARIANT(enumerator, name, requirements, sentence)      RECORD(name, requirements, "any")
#define VARIANT_BOTH(enumerator, name, requirements, sentence) RECORD(name, requirements, "both")
#define VARIANT_SOFT(enumerator, name, requirements, sentence) RECORD(name, requirements, "soft")
#define VARIANT_BUS(enumerator, name, requirements, sentence)  RECORD(name, requirements, "vpci")

__attribute__((section(".pvtcat"), used)) static const char catalogue[] = "variants\t3\0"
#include "host/variants/variants.def"
    ;

#define VARIANT(enumerator, name, requirements, sentence) "variant\t" name "\t" sentence "\0"

__attribute__((section(".pvttext"), used)) static const char sentences[] = ""
#include "host/variants/variants.def"
    ;

/* These take from tests what they look with or need, so that another variant beside one of them
 * would be seen by fewer tests, or less sharply. The campaign gives each a host to itself. */
__attribute__((section(".pvtcat"), used)) static const char alone[] =
    "alone\tcaching-none\0"
    "alone\tcap-4k-only\0"
    "alone\tcap-no-1g\0"
    "alone\tcap-no-2m\0"
    "alone\tcap-width-12\0"
    "alone\tcap-width-32\0"
    "alone\tcap-width-35\0"
    "alone\tcap-width-38\0"
    "alone\tcap-width-39\0"
    "alone\tcap-width-48\0"
    "alone\tcap-width-57\0"
    "alone\tfew-functions\0"
    "alone\tfive-level-parameter\0"
    "alone\tfour-levels\0"
    "alone\tno-fault-records\0"
    "alone\tno-oracle\0"
    "alone\tone-function\0"
    "alone\tpage-locked\0"
    "alone\tno-pviommu\0"
    "alone\tsizes-refused\0"
    "alone\txd-reserved\0";
