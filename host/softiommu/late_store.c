/* SPDX-License-Identifier: MIT */
#include "host/softiommu/late_store.h"

#include "host/softiommu/private.h"
#include "host/softiommu/table_entry.h"

void late_store_note(struct softiommu *iommu, uint16_t tag, uint64_t spa, uint64_t value)
{
    struct late_stores *late = &iommu->late;

    if (!omitted(iommu, SOFTIOMMU_OMIT_AD_LATE_STORE))
        return;
    late->store[late->next] = (struct late_store){.spa = spa, .value = value, .tag = tag, .used = true};
    late->next = (late->next + 1) % LATE_STORES;
}

void late_store_release(struct softiommu *iommu, uint16_t tag)
{
    for (unsigned i = 0; i < LATE_STORES; i++) {
        if (iommu->late.store[i].tag == tag)
            iommu->late.store[i].released = true;
    }
}

void late_store_carry_out(struct softiommu *iommu)
{
    for (unsigned i = 0; i < LATE_STORES; i++) {
        struct late_store *store = &iommu->late.store[i];

        if (store->used && store->released) {
            table_entry_overwrite(iommu, store->spa, store->value);
            store->used = false;
        }
    }
}
