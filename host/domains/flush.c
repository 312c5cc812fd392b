/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN and one element of FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9). */
#include "host/domains/private.h"

bool domain_has_entries(const struct domain *domain)
{
    return domain->configured && domain->translation.kind == TRANSLATION_PAGING;
}

void domain_flush(const struct domain *domain)
{
    if (domain_has_entries(domain))
        domain_table.backend->flush_domain(&domain->translation);
}

void domain_flush_range(const struct domain *domain, struct page_range range)
{
    if (domain_has_entries(domain))
        domain_table.backend->flush_range(&domain->translation, range);
}
