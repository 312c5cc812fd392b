/* SPDX-License-Identifier: MIT */
#include "host/softiommu/reason.h"
#include "lib/bits.h"

#include <stddef.h>

static const enum oracle_fault_class classes[] = {
#define CLASS_OF(name, number, class) [number] = ORACLE_FAULT_CLASS_##class,
    SOFTIOMMU_REASON_LIST(CLASS_OF)
#undef CLASS_OF
};

enum oracle_fault_class softiommu_reason_class(enum softiommu_reason reason)
{
    return (size_t)reason < ARRAY_SIZE(classes) ? classes[reason] : ORACLE_FAULT_CLASS_OTHER;
}
