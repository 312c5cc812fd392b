/* SPDX-License-Identifier: MIT */
/* FLUSH_DEVICE_DOMAIN and one element of FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9). */
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/domains/writable.h"
#include "host/variants/variants.h"

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
        target.did ^= 1;
    return target;
}

/* DEFECT_FLUSH_BLOCKS_NEXT, DEFECT_LIST_BLOCKS_NEXT: the domain that was created behind the flushed one suffers. */
static void block_next(const struct translation *flushed)
{
    struct translation blocked = translation_blocked();

    for (unsigned i = 0; i < domain_table.devices; i++) {
        if (domain_table.device[i].translation.did == flushed->did + 1)
            device_switch(&domain_table.device[i], &blocked);
    }
}

static enum hv_status nothing_to_flush(void)
{
    return variant_status(VARIANT_FLUSH_SPECIAL_REFUSED, HV_STATUS_OPERATION_DENIED, HV_STATUS_SUCCESS);
}

void domains_drop_all(void)
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++) {
        for (const struct domain *domain = domain_table.bucket[i]; domain != NULL; domain = domain->next)
            domain_table.backend->flush_domain(&domain->translation);
    }
    domain_table.backend->flush_domain(&domain_table.default_translation);
}

static enum hv_status flush_unknown(uint32_t id)
{
    neighbour_block(DEFECT_FLUSH_NEIGHBOUR_BLOCKS, id);
    return defect_active(DEFECT_FLUSH_UNKNOWN_ACCEPTED) ? HV_STATUS_SUCCESS : status_unknown_domain();
}

enum hv_status domain_flush(uint32_t id)
{
    const struct domain *domain = domain_find(id);
    struct translation target;

    if (domain == NULL)
        return flush_unknown(id);
    if (!has_entries(domain)) {
        if (defect_active(DEFECT_FLUSH_SPECIAL_DELETES))
            domain_delete(id);
        return nothing_to_flush();
    }
    target = flush_target(domain);
    if (variant_active(VARIANT_FLUSH_DROPS_ALL))
        domains_drop_all();
    if (!defect_active(DEFECT_FLUSH_DOMAIN_IGNORED))
        domain_table.backend->flush_domain(&target);
    if (defect_active(DEFECT_FLUSH_BLOCKS_NEXT))
        block_next(&target);
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_flush_range(uint32_t id, uint64_t page, unsigned shift)
{
    const struct domain *domain = domain_find(id);
    struct translation target;

    if (domain == NULL)
        return flush_unknown(id);
    if (!has_entries(domain))
        return nothing_to_flush();
    target = flush_target(domain);
    if (variant_active(VARIANT_FLUSH_DROPS_ALL))
        domains_drop_all();
    if (variant_active(VARIANT_LIST_DROPS_DOMAIN))
        domain_table.backend->flush_domain(&target);
    else
        domain_table.backend->flush_range(&target, page, shift);
    if (defect_active(DEFECT_LIST_BLOCKS_NEXT))
        block_next(&target);
    return HV_STATUS_SUCCESS;
}
