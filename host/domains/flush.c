/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN and one element of FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9). */
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/domains/writable.h"

/* Entries that were not present are never cached, and identity and blocked domains never change: nothing to drop. */
static bool has_entries(const struct domain *domain)
{
    return domain->configured && domain->translation.kind == TRANSLATION_PAGING;
}

/* The translation whose cached entries a flush drops. */
static struct translation flush_target(const struct domain *domain)
{
    struct translation target = domain->translation;

    translation_make_writable(&target);
    if (defect_active(DEFECT_FLUSH_WRONG_DOMAIN))
        target.tag ^= 1;
    return target;
}

enum hv_status domain_flush(uint32_t id)
{
    const struct domain *domain = domain_find(id);
    struct translation target;

    if (domain == NULL)
        return HV_STATUS_NOT_FOUND;
    if (!has_entries(domain))
        return HV_STATUS_SUCCESS;
    target = flush_target(domain);
    if (!defect_active(DEFECT_FLUSH_DOMAIN_IGNORED))
        domain_table.backend->flush_domain(&target);
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_flush_range(uint32_t id, uint64_t page, unsigned shift)
{
    const struct domain *domain = domain_find(id);
    struct translation target;

    if (domain == NULL)
        return HV_STATUS_NOT_FOUND;
    if (!has_entries(domain))
        return HV_STATUS_SUCCESS;
    target = flush_target(domain);
    domain_table.backend->flush_range(&target, page, shift);
    return HV_STATUS_SUCCESS;
}
