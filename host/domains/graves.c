/* SPDX-License-Identifier: MIT */
/* Memory of deleted domains, which a correct host does not have: only the defects around the reuse of ids read it. */
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/host_memory.h"

struct domain_grave *grave_find(uint32_t id)
{
    struct domain_grave *grave = &domain_table.graves[id % DOMAIN_LIMIT];

    return grave->used && grave->id == id ? grave : NULL;
}

void grave_dig(const struct domain *domain)
{
    static const uint64_t nothing;

    domain_table.graves[domain->id % DOMAIN_LIMIT] =
        (struct domain_grave){.id = domain->id, .used = true, .translation = domain->translation};
    if (defect_active(DEFECT_DELETE_WRITES_TABLE) && domain->translation.kind == TRANSLATION_PAGING)
        guest_write(domain->translation.root, &nothing, sizeof(nothing));
}
