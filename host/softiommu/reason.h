/* SPDX-License-Identifier: MIT */
/* Why the software IOMMU refused an access: its own numbers, and the class of each for the oracle.
 */
#ifndef PVT_HOST_SOFTIOMMU_REASON_H
#define PVT_HOST_SOFTIOMMU_REASON_H

#include "abi/oracle.h"

/* X(name, number, class). Numbers are only ever appended. */
#define SOFTIOMMU_REASON_LIST(X)                                                                   \
    X(NONE, 0, NONE)                                                                               \
    X(BLOCKED, 1, BLOCKED)                                                                         \
    X(INTERRUPT_WINDOW, 2, INTERRUPT_WINDOW) /* IOVA 0xFEE00000-0xFEEFFFFF */                      \
    X(WIDTH, 3, NON_CANONICAL)               /* IOVA beyond the width of the domain */             \
    X(ROOT_REFUSED, 4, TABLE_UNREADABLE)     /* stage 2 refuses the top table */                   \
    X(TABLE_REFUSED, 5, TABLE_UNREADABLE)    /* stage 2 refuses a table below it */                \
    X(TARGET_REFUSED, 6,                                                                           \
      TABLE_UNREADABLE) /* stage 2 refuses the target of a leaf, or of an identity domain */       \
    X(NOT_PRESENT, 7, NOT_PRESENT)                                                                 \
    X(RESERVED_BIT, 8, RESERVED_BIT)                                                               \
    X(WRITE_DENIED, 9, WRITE_DENIED)                                                               \
    X(SUPERVISOR, 10, PRIVILEGE)                                                                   \
    X(NOT_ACCESSED, 11, OTHER)   /* A clear where the host requires it preset */                   \
    X(NOT_DIRTY, 12, OTHER)      /* D clear, likewise, in a write */                               \
    X(ENTRY_UNSTABLE, 13, OTHER) /* an entry changed under every attempt to set A or D */

enum softiommu_reason {
#define SOFTIOMMU_REASON_ENUMERATOR(name, number, class) SOFTIOMMU_REASON_##name = (number),
    SOFTIOMMU_REASON_LIST(SOFTIOMMU_REASON_ENUMERATOR)
#undef SOFTIOMMU_REASON_ENUMERATOR
};

/* OTHER for a number that is not a reason. */
enum oracle_fault_class softiommu_reason_class(enum softiommu_reason reason);

#endif
