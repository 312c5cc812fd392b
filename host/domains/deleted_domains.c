/* SPDX-License-Identifier: MIT */
/* Memory of deleted domains, which a correct host does not have: only the defects around the reuse of ids read it. */
#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"

struct deleted_domain *deleted_domain_find(uint32_t id)
{
    struct deleted_domain *deleted = &domain_table.deleted[id % DOMAIN_LIMIT];

    return deleted->used && deleted->id == id ? deleted : NULL;
}

#define ENTRY_PRESENT UINT64_C(1)

bool deleted_domain_holds_table(const struct deleted_domain *deleted)
{
    uint64_t first = 0;

    return deleted->translation.kind == TRANSLATION_PAGING &&
           guest_read(deleted->translation.root, &first, sizeof(first)) && (first & ENTRY_PRESENT) != 0 &&
           guest_is_ram(first & HV_DEVICE_DOMAIN_ROOT_MASK, HV_PAGE_SIZE);
}

void deleted_domain_record(const struct domain *domain)
{
    static const uint64_t nothing;

    domain_table.deleted[domain->id % DOMAIN_LIMIT] =
        (struct deleted_domain){.id = domain->id, .used = true, .translation = domain->translation};
    if (defect_active(DEFECT_DELETE_WRITES_TABLE) && domain->translation.kind == TRANSLATION_PAGING)
        guest_write(domain->translation.root, &nothing, sizeof(nothing));
}
