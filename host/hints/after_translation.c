/* SPDX-License-Identifier: MIT */
/* Translations that the guest has taken back, and that no flush, switch or delete has dropped. */
#include "abi/device_id.h"
#include "host/hints/private.h"
#include "host/iommu/soft_backend.h"
#include "lib/bits.h"

/* The page that was told last. */
static struct {
    bool valid;
    unsigned device;
    uint64_t page;
} last;

void hints_forget_last(void)
{
    last.valid = false;
}

void hints_after_translation(void *owner, unsigned device, const struct softiommu_translation *t,
                             uint64_t iova, enum oracle_access access, uint64_t gpa)
{
    bool write = access == ORACLE_ACCESS_WRITE;
    uint64_t page = align_down(iova, PAGE_SIZE);

    (void)owner;
    if (t->kind != SOFTIOMMU_PAGING || tables_lead(t->root, t->levels, iova, gpa, write))
        return;
    /* A DMA asks for each of its parts. */
    if (last.valid && last.device == device && last.page == page)
        return;
    last.valid = true;
    last.device = device;
    last.page = page;
    hint_tell(HINT_STALE_LEAF_USED,
              "device 0x%llx %s IOVA 0x%llx by a leaf that is cleared or changed, and that nothing "
              "has flushed",
              (unsigned long long)soft_device_id(device), write ? "writes" : "reads",
              (unsigned long long)iova);
}
