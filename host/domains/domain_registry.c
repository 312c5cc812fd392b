/* SPDX-License-Identifier: MIT */
/* The domains that exist, by id. */
#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "host/variants/variants.h"

struct domain_table domain_table;

static size_t pages_for(size_t bytes)
{
    return (bytes + HOST_PAGE_SIZE - 1) / HOST_PAGE_SIZE;
}

void domains_init(const struct iommu_backend *backend)
{
    unsigned limit = variant_active(VARIANT_FEW_DOMAINS) ? DOMAIN_LIMIT_FEW : DOMAIN_LIMIT;
    struct domain *all = host_pages(pages_for(DOMAIN_LIMIT * sizeof(*all)));

    domain_table = (struct domain_table){.backend = backend};
    domain_table.device = host_pages(pages_for(DOMAIN_DEVICES_MAX * sizeof(struct device)));
    domain_table.deleted = host_pages(pages_for(DOMAIN_LIMIT * sizeof(struct deleted_domain)));
    domain_table.default_translation = (struct translation){.kind = TRANSLATION_IDENTITY, .did = DID_DEFAULT};
    domain_ids_init(backend->limits()->dids);
    for (unsigned i = 0; i < limit; i++) {
        all[i].next = domain_table.free;
        domain_table.free = &all[i];
    }
    if (variant_active(VARIANT_SPECIAL_DOMAINS))
        reserved_domains_create();
}

static uint32_t compared(uint32_t id)
{
    if (defect_active(DEFECT_ID_TOP_BIT_IGNORED))
        return id & ~DOMAIN_ID_TOP_BIT;
    return defect_active(DEFECT_ID_TRUNCATED) ? id & 0xFFFFu : id;
}

static struct domain **bucket_of(uint32_t id)
{
    return &domain_table.bucket[compared(id) % DOMAIN_BUCKETS];
}

struct domain *domain_find(uint32_t id)
{
    for (struct domain *domain = *bucket_of(id); domain != NULL; domain = domain->next) {
        if (compared(domain->id) == compared(id))
            return domain;
    }
    return NULL;
}

enum hv_status status_unknown_domain(void)
{
    return variant_status(VARIANT_UNKNOWN_DOMAIN_PARAMETER, HV_STATUS_INVALID_PARAMETER, HV_STATUS_NOT_FOUND);
}

enum hv_status status_unknown_device(void)
{
    return variant_status(VARIANT_UNKNOWN_DEVICE_NOT_FOUND, HV_STATUS_NOT_FOUND, HV_STATUS_INVALID_DEVICE_ID);
}

void domain_link(struct domain *domain)
{
    domain->next = *bucket_of(domain->id);
    *bucket_of(domain->id) = domain;
    domain_table.domains++;
}

void domain_unlink(struct domain *domain)
{
    struct domain **link = bucket_of(domain->id);

    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    domain->next = domain_table.free;
    domain_table.free = domain;
    domain_table.domains--;
}
