/* SPDX-License-Identifier: MIT */
/* Memory of deleted domains, and counts of domains, which a right host does not have. */
#include "abi/device_domain.h"
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "lib/bits.h"

#define ENTRY_PRESENT  UINT64_C(1)
#define GENERATIONS    16u  /* DEFECT_ID_GENERATIONS: uses of an id that such a host tells apart */
#define USES           64u  /* DEFECT_ID_WORN_OUT */
#define DOMAINS_SERVED 200u /* DEFECT_DOMAINS_PRETENDED */
#define MANY_DOMAINS   28u

struct deleted_domain {
    uint32_t id;
    bool used;
    struct translation translation;
};

static struct {
    struct deleted_domain *deleted; /* DOMAIN_LIMIT of them */
    unsigned domains;               /* that exist */
    uint32_t id;                    /* created last, and how often in a row: */
    unsigned count, unused;         /* in all; since the last ATTACH */
} ids;

static call_handler *right_create, *right_configure, *right_attach, *right_delete;

static struct deleted_domain *deleted_find(uint32_t id)
{
    struct deleted_domain *deleted = &ids.deleted[id % DOMAIN_LIMIT];

    return deleted->used && deleted->id == id ? deleted : NULL;
}

/* The top table of a deleted domain still looks like one. */
static bool holds_table(const struct deleted_domain *deleted)
{
    uint64_t first = 0;

    return guest_read(deleted->translation.root, &first, sizeof(first)) &&
           (first & ENTRY_PRESENT) != 0 &&
           guest_is_ram(first & HV_DEVICE_DOMAIN_ROOT_MASK, HV_PAGE_SIZE);
}

static bool comes_back(const struct deleted_domain *deleted)
{
    return defect_active(DEFECT_ID_REUSE_OLD_ROOT) ||
           (defect_active(DEFECT_ID_GENERATIONS) && ids.count >= GENERATIONS) ||
           (defect_active(DEFECT_ID_REUSE_LIVE_TABLE) && holds_table(deleted));
}

static void count_creation(uint32_t id)
{
    ids.count = ids.id == id ? ids.count + 1 : 0;
    ids.unused = ids.id == id ? ids.unused + 1 : 0;
    ids.id = id;
}

static enum hv_status create(struct call_context *context)
{
    const struct hv_input_create_device_domain *input = call_input(context);
    uint32_t id = input->device_domain.domain_id.id;
    enum hv_status status;
    struct translation *made;

    if (!call_header_valid(context) || domain_find(id))
        return right_create(context);
    count_creation(id);
    if (defect_active(DEFECT_ID_WORN_OUT) && ids.unused >= USES)
        return HV_STATUS_KEY_ALREADY_EXISTS;
    if (defect_active(DEFECT_DOMAINS_PRETENDED) && ids.domains >= DOMAINS_SERVED)
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_CREATE_AGAIN_REFUSED) && deleted_find(id))
        return HV_STATUS_KEY_ALREADY_EXISTS;
    status = right_create(context);
    if (status != HV_STATUS_SUCCESS)
        return status;
    /* From so many domains on, a new one gets the DID of the one that was created that many before.
     */
    made = &domain_find(id)->translation;
    if (defect_active(DEFECT_TAG_OF_MANY) && ids.domains >= MANY_DOMAINS &&
        made->did >= DID_FIRST + MANY_DOMAINS)
        made->did = (uint16_t)(made->did - MANY_DOMAINS);
    ids.domains++;
    return status;
}

static enum hv_status configure(struct call_context *context)
{
    enum hv_status status = right_configure(context);
    const struct deleted_domain *deleted;
    struct domain *domain = call_domain(context);

    if (status != HV_STATUS_SUCCESS || domain->translation.kind != TRANSLATION_PAGING)
        return status;
    deleted = deleted_find(domain->id);
    if (deleted && deleted->translation.kind == TRANSLATION_PAGING && comes_back(deleted))
        domain->translation.root = deleted->translation.root;
    return status;
}

static enum hv_status attach(struct call_context *context)
{
    enum hv_status status = right_attach(context);

    if (status == HV_STATUS_SUCCESS)
        ids.unused = 0;
    return status;
}

static enum hv_status delete (struct call_context *context) {
    static const uint64_t nothing; struct domain *domain = call_domain(context);
    struct deleted_domain deleted = {.used = true}; enum hv_status status;

    if (domain){deleted.id = domain->id; deleted.translation = domain->translation;}
status = right_delete(context);
if (status != HV_STATUS_SUCCESS)
    return status;
ids.domains--;
ids.deleted[deleted.id % DOMAIN_LIMIT] = deleted;
if (defect_active(DEFECT_DELETE_WRITES_TABLE) && deleted.translation.kind == TRANSLATION_PAGING)
    guest_write(deleted.translation.root, &nothing, sizeof(nothing));
return status;
}

void defects_install_deleted_domains(void)
{
    if (!ANY(DEFECT_CREATE_AGAIN_REFUSED, DEFECT_TAG_OF_MANY, DEFECT_ID_REUSE_OLD_ROOT,
             DEFECT_ID_REUSE_LIVE_TABLE, DEFECT_ID_GENERATIONS, DEFECT_ID_WORN_OUT,
             DEFECT_DOMAINS_PRETENDED, DEFECT_DELETE_WRITES_TABLE))
        return;
    ids.deleted = host_pages((DOMAIN_LIMIT * sizeof(*ids.deleted) + PAGE_SIZE - 1) / PAGE_SIZE);
    right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
    right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete);
}
