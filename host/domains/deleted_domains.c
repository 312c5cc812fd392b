/* SPDX-License-Identifier: MIT */
/* Memory of deleted domains, which a correct host does not have: only the defects around the reuse of ids read it. */
#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"

struct domain_grave *grave_find(uint32_t id)
{
    struct domain_grave *grave = &domain_table.graves[id % DOMAIN_LIMIT];

    return grave->used && grave->id == id ? grave : NULL;
}

#define ENTRY_PRESENT UINT64_C(1)

bool grave_holds_table(const struct domain_grave *grave)
{
    uint64_t first = 0;

    return grave->translation.kind == TRANSLATION_PAGING &&
           guest_read(grave->translation.root, &first, sizeof(first)) && (first & ENTRY_PRESENT) != 0 &&
           guest_is_ram(first & HV_DEVICE_DOMAIN_ROOT_MASK, HV_PAGE_SIZE);
}

void grave_dig(const struct domain *domain)
{
    static const uint64_t nothing;

    domain_table.graves[domain->id % DOMAIN_LIMIT] =
        (struct domain_grave){.id = domain->id, .used = true, .translation = domain->translation};
    if (defect_active(DEFECT_DELETE_WRITES_TABLE) && domain->translation.kind == TRANSLATION_PAGING)
        guest_write(domain->translation.root, &nothing, sizeof(nothing));
}
