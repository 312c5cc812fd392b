/* SPDX-License-Identifier: MIT */
/* CREATE and DELETE (Reference 3.3, 3.6). */
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"

enum hv_status domain_create(uint32_t id)
{
    struct domain *domain = domain_table.free;
    uint16_t did;

    if (domain_find(id))
        return HV_STATUS_KEY_ALREADY_EXISTS;
    if (!domain)
        return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;
    did = domain_id_alloc();
    if (did == DID_NONE)
        return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;

    domain_table.free = domain->next;
    *domain = (struct domain){.id = id, .translation = translation_blocked()};
    domain->translation.did = did;
    domain_link(domain);
    return HV_STATUS_SUCCESS;
}

enum hv_status domain_delete(struct domain *domain)
{
    if (domain->reserved)
        return HV_STATUS_OPERATION_DENIED;
    if (domain->devices)
        return HV_STATUS_OBJECT_IN_USE;
    /* Every device that left was flushed; this covers whatever else a backend may keep under the
     * DID. */
    backend_forget_domain(domain_table.backend, &domain->translation);
    domain_id_free(domain->translation.did);
    domain_unlink(domain);
    return HV_STATUS_SUCCESS;
}
