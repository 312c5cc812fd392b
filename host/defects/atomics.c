/* SPDX-License-Identifier: MIT */
/* Defects of the atomic operations of dmaprobe. */
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/vdev/dmaprobe_private.h"

static uint64_t (*right_atomic)(const struct dmaprobe_request *r, void *at, uint64_t size);

static uint64_t atomic(const struct dmaprobe_request *r, void *at, uint64_t size)
{
    struct dmaprobe_request wrong = *r;
    uint64_t old;

    if (defect_active(DEFECT_ATOMIC_FOUR_AS_EIGHT) && (uintptr_t)at % sizeof(uint64_t) == 0)
        size = sizeof(uint64_t);
    if (defect_active(DEFECT_ATOMIC_EIGHT_AS_FOUR))
        size = sizeof(uint32_t);
    if (defect_active(DEFECT_ATOMIC_SWAPS_ALWAYS) && r->operation == DMAPROBE_COMPARE_SWAP)
        wrong.operation = DMAPROBE_SWAP;
    old = right_atomic(&wrong, at, size);
    if (defect_active(DEFECT_ATOMIC_RETURNS_NEW) && r->operation == DMAPROBE_ADD)
        return old + r->operand;
    return old;
}

void defects_install_atomics(void)
{
    right_atomic = dmaprobe_rules.atomic;
    if (ANY_DEFECT(DEFECT_ATOMIC_FOUR_AS_EIGHT, DEFECT_ATOMIC_EIGHT_AS_FOUR,
                   DEFECT_ATOMIC_SWAPS_ALWAYS, DEFECT_ATOMIC_RETURNS_NEW))
        dmaprobe_rules.atomic = atomic;
}
