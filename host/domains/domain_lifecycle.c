/* SPDX-License-Identifier: MIT */
/* CREATE and DELETE. */
#include "abi/device_domain.h"
#include "host/defects/defects.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "host/variants/variants.h"

/* Only defects and variants take a domain away from its devices. */
static void block_devices(struct domain *domain)
{
    struct translation blocked = translation_blocked();

    while (domain->devices != NULL) {
        device_switch(domain->devices, &blocked);
        device_move(domain->devices, NULL);
    }
}

void domain_block(uint32_t id)
{
    struct domain *domain = domain_find(id);

    if (domain != NULL)
        block_devices(domain);
}

void neighbour_block(enum defect defect, uint32_t id)
{
    if (defect_active(defect))
        domain_block(id ^ DOMAIN_ID_TOP_BIT);
}

enum hv_status domain_check(uint32_t id)
{
    if (domain_find(id) != NULL)
        return HV_STATUS_SUCCESS;
    neighbour_block(DEFECT_FLUSH_NEIGHBOUR_BLOCKS, id);
    return status_unknown_domain();
}

/* DEFECT_CREATE_RESETS: the domain is as new, and its devices are in none. */
static void reset(struct domain *domain)
{
    block_devices(domain);
    domain->configured = false;
}

#define GENERATIONS    16u  /* DEFECT_ID_GENERATIONS: uses of an id that such a host tells apart */
#define USES           64u  /* DEFECT_ID_WORN_OUT */
#define DOMAINS_SERVED 200u /* DEFECT_DOMAINS_PRETENDED */
#define MANY_DOMAINS   28u

/* How often the id was made in a row. */
static void count_creation(uint32_t id)
{
    domain_table.last_count = domain_table.last_id == id ? domain_table.last_count + 1 : 0;
    domain_table.last_unused = domain_table.last_id == id ? domain_table.last_unused + 1 : 0;
    domain_table.last_id = id;
}

const struct deleted_domain *deleted_domain_revived(uint32_t id)
{
    const struct deleted_domain *deleted = deleted_domain_find(id);
    bool revived = defect_active(DEFECT_ID_REUSE_OLD_ROOT);

    if (deleted == NULL)
        return NULL;
    revived |= defect_active(DEFECT_ID_GENERATIONS) && domain_table.last_count >= GENERATIONS;
    revived |= defect_active(DEFECT_ID_REUSE_LIVE_TABLE) && deleted_domain_holds_table(deleted);
    return revived ? deleted : NULL;
}

/* DEFECT_TAG_OF_MANY: from so many domains on, a new one gets the DID of the one that was created that many before. */
static uint16_t defective_did(uint16_t did)
{
    return domain_table.domains >= MANY_DOMAINS && did >= DID_FIRST + MANY_DOMAINS ? (uint16_t)(did - MANY_DOMAINS)
                                                                                   : did;
}

enum hv_status domain_create(uint32_t id)
{
    struct domain *domain = domain_find(id);
    uint16_t did;

    if (domain != NULL) {
        if (defect_active(DEFECT_CREATE_RESETS))
            reset(domain);
        return variant_status(VARIANT_EXISTING_ID_PARAMETER, HV_STATUS_INVALID_PARAMETER, HV_STATUS_KEY_ALREADY_EXISTS);
    }
    count_creation(id);
    if (defect_active(DEFECT_ID_WORN_OUT) && domain_table.last_unused >= USES)
        return HV_STATUS_KEY_ALREADY_EXISTS;
    if (defect_active(DEFECT_DOMAINS_PRETENDED) && domain_table.domains >= DOMAINS_SERVED)
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_CREATE_AGAIN_REFUSED) && deleted_domain_find(id) != NULL)
        return HV_STATUS_KEY_ALREADY_EXISTS;
    domain = domain_table.free;
    if (domain == NULL)
        return variant_status(VARIANT_FEW_DOMAINS, HV_STATUS_INSUFFICIENT_MEMORY,
                              HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS);
    did = domain_id_alloc();
    if (did == DID_NONE)
        return HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS;

    domain_table.free = domain->next;
    *domain = (struct domain){.id = id};
    domain->translation = translation_blocked();
    domain->translation.did = defect_active(DEFECT_TAG_OF_MANY) ? defective_did(did) : did;
    domain_link(domain);
    return HV_STATUS_SUCCESS;
}

static void domain_remove(struct domain *domain)
{
    /* Every device that left was flushed; this covers whatever else a backend may keep under the DID. */
    backend_forget_domain(domain_table.backend, &domain->translation);
    domain_id_free(domain->translation.did);
    domain_unlink(domain);
}

/* Deletes a domain whose devices the host does not care about. */
static bool delete_defective(struct domain *domain)
{
    if (!defect_active(DEFECT_DELETE_ATTACHED_LIVE) && !defect_active(DEFECT_DELETE_ATTACHED_IDENTITY))
        return false;
    while (domain->devices != NULL) {
        struct device *device = domain->devices;

        if (defect_active(DEFECT_DELETE_ATTACHED_IDENTITY))
            device_switch(device, &domain_table.default_translation);
        device_move(device, NULL);
    }
    return true;
}

enum hv_status domain_delete(uint32_t id)
{
    struct domain *domain = domain_find(id);

    if (domain == NULL) {
        neighbour_block(DEFECT_DELETE_NEIGHBOUR_BLOCKS, id);
        return status_unknown_domain();
    }
    if (domain->phantom)
        return HV_STATUS_OBJECT_IN_USE;
    if (domain->reserved)
        return HV_STATUS_OPERATION_DENIED;
    if (variant_active(VARIANT_DELETE_ATTACHED_BLOCKS))
        block_devices(domain);
    if (domain->devices != NULL && !delete_defective(domain)) {
        if (defect_active(DEFECT_DELETE_REFUSED_HALF))
            block_devices(domain);
        return variant_status(VARIANT_DELETE_ATTACHED_STATE, HV_STATUS_INVALID_DEVICE_STATE, HV_STATUS_OBJECT_IN_USE);
    }
    if (defect_active(DEFECT_DELETE_BLOCKS_PREVIOUS))
        domain_block(id - 1);
    deleted_domain_record(domain);
    domain_remove(domain);
    return HV_STATUS_SUCCESS;
}
