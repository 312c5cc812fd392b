/* SPDX-License-Identifier: MIT */
/* The domains that exist, by id; and flushes of what is cached of them (Reference 3.9). */
#include "host/base/memory.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/domain_id.h"
#include "lib/bits.h"

struct domain_table domain_table;

static size_t pages_for(size_t bytes)
{
    return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

void domains_init(const struct iommu_backend *backend)
{
    struct domain *all = host_pages(pages_for(DOMAIN_LIMIT * sizeof(*all)));

    domain_table = (struct domain_table){.backend = domain_rules.backend(backend)};
    domain_table.device = host_pages(pages_for(DOMAIN_DEVICES_MAX * sizeof(struct device)));
    domain_table.default_translation =
        (struct translation){.kind = TRANSLATION_IDENTITY, .did = DID_DEFAULT};
    domain_ids_init(backend->limits()->dids);
    for (unsigned i = 0; i < domain_rules.limit; i++) {
        all[i].next = domain_table.free;
        domain_table.free = &all[i];
    }
    if (domain_rules.reserved_domains)
        reserved_domains_create();
}

static struct domain **bucket_of(uint32_t id)
{
    return &domain_table.bucket[(id & domain_rules.id_bits) % DOMAIN_BUCKETS];
}

struct domain *domain_find(uint32_t id)
{
    for (struct domain *domain = *bucket_of(id); domain; domain = domain->next)
        if (((domain->id ^ id) & domain_rules.id_bits) == 0)
            return domain;
    return NULL;
}

void domain_link(struct domain *domain)
{
    domain->next = *bucket_of(domain->id);
    *bucket_of(domain->id) = domain;
}

void domain_unlink(struct domain *domain)
{
    struct domain **link = bucket_of(domain->id);

    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    domain->next = domain_table.free;
    domain_table.free = domain;
}

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
