/* SPDX-License-Identifier: MIT */
/* The unit walks the guest's own tables, so a host that ignores read-only entries has to edit them. */
#include "host/domains/writable.h"

#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"

#define ENTRIES       (HV_PAGE_SIZE / sizeof(uint64_t))
#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE   (UINT64_C(1) << 1)
#define ENTRY_LARGE   (UINT64_C(1) << 7)

/* `level` 0 holds 4 KiB leaves. Tables that are not in guest RAM are left alone. */
static void make_writable(uint64_t table_gpa, unsigned level)
{
    uint64_t *table = (uint64_t *)(uintptr_t)table_gpa;

    if (!guest_is_ram(table_gpa, HV_PAGE_SIZE))
        return;
    for (unsigned i = 0; i < ENTRIES; i++) {
        if ((table[i] & ENTRY_PRESENT) == 0)
            continue;
        table[i] |= ENTRY_WRITE;
        if (level != 0 && (table[i] & ENTRY_LARGE) == 0)
            make_writable(table[i] & HV_DEVICE_DOMAIN_ROOT_MASK, level - 1);
    }
}

void translation_make_writable(const struct translation *translation)
{
    if (defect_active(DEFECT_READ_ONLY_IGNORED) && translation->kind == TRANSLATION_PAGING)
        make_writable(translation->root, translation->levels - 1);
}
