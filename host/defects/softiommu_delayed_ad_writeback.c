/* SPDX-License-Identifier: MIT */
/*
 * Leaf entries are written back with A and D some time after they were used. Here that is the first
 * translation after the flush (or switch, or delete) by which the guest took the table back.
 */
#include "host/defects/softiommu_seams.h"

void delayed_ad_note(uint16_t did, const struct table_entry *entry)
{
    struct softiommu_memory *memory = &softiommu_memory;

    if (!softiommu_injected(SOFTIOMMU_FAULT_AD_LATE_STORE))
        return;
    memory->late[memory->late_next] =
        (struct late_store){.spa = entry->spa, .value = entry->value, .did = did, .used = true};
    memory->late_next = (memory->late_next + 1) % LATE_STORES;
}

void delayed_ad_release(uint16_t did)
{
    for (unsigned i = 0; i < LATE_STORES; i++)
        if (softiommu_memory.late[i].did == did)
            softiommu_memory.late[i].released = true;
}

static void overwrite(const struct softiommu *iommu, uint64_t spa, uint64_t value)
{
    uint64_t old;

    do
        old = iommu->call.read64(iommu->call.owner, spa);
    while (old != value && !iommu->call.compare_exchange64(iommu->call.owner, spa, old, value));
}

void delayed_ad_write_back(const struct softiommu *iommu)
{
    for (unsigned i = 0; i < LATE_STORES; i++) {
        struct late_store *store = &softiommu_memory.late[i];

        if (store->used && store->released) {
            overwrite(iommu, store->spa, store->value);
            store->used = false;
        }
    }
}
