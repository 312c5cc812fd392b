/* SPDX-License-Identifier: MIT */
/*
 * SOFTIOMMU_OMIT_AD_LATE_STORE: leaf entries with A and D are written back some time after they were used. Here that
 * is the first translation after the flush (or switch, or delete) by which the guest took the table back.
 */
#ifndef PVT_HOST_SOFTIOMMU_LATE_STORE_H
#define PVT_HOST_SOFTIOMMU_LATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct softiommu;

#define LATE_STORES 16u

struct late_store {
    uint64_t spa, value;
    uint16_t tag;
    bool used, released;
};

struct late_stores {
    struct late_store store[LATE_STORES];
    unsigned next;
};

/* None does anything without the omission. */
void late_store_note(struct softiommu *iommu, uint16_t tag, uint64_t spa, uint64_t value);
void late_store_release(struct softiommu *iommu, uint16_t tag);
void late_store_carry_out(struct softiommu *iommu);

#endif
