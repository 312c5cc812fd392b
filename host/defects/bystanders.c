/* SPDX-License-Identifier: MIT */
/* Accesses in flight of devices that a call does not concern: a unit that is reset, or drained by
 * dropping, loses them.
 */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/dmaprobe_private.h"
#include "lib/bits.h"

static call_handler *right[CALL_COUNT];
static struct iommu_backend right_backend;

struct lost {
    uint16_t not_did;               /* requests under this DID stay */
    const struct device *not_of;    /* those of this device stay */
    const struct page_range *range; /* only writes to these pages; NULL: all */
};

static bool is_lost(const struct lost *lost, const struct vdev_function *function,
                    const struct slot *slot)
{
    uint64_t page = slot->request.iova >> HV_PAGE_SHIFT;

    if (!slot->waiting || slot->request.did == lost->not_did)
        return false;
    if (lost->not_of && function->bdf == lost->not_of->bdf)
        return false;
    return !lost->range || page - lost->range->first < lost->range->count;
}

static void lose(struct lost lost)
{
    unsigned count;
    const struct vdev_function *functions = vdev_functions(&count);

    soft_lock();
    for (unsigned i = 0; i < count; i++) {
        for (unsigned s = 0; functions[i].probe && s < DMAPROBE_SLOTS; s++) {
            struct slot *slot = &functions[i].probe->slot[s];

            if (is_lost(&lost, &functions[i], slot))
                slot_abandon(slot);
        }
    }
    soft_unlock();
}

static void flush_domain(const struct translation *t)
{
    right_backend.flush_domain(t);
    lose((struct lost){.not_did = t->did});
}

static void flush_range(const struct translation *t, struct page_range range)
{
    right_backend.flush_range(t, range);
    lose((struct lost){.not_did = t->did, .range = &range});
}

static const struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct hv_input_detach_device_domain *detach = call_input(context);

    return device_find(context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? attach->device_id
                                                                          : detach->device_id);
}

static void lose_all(struct call_context *context)
{
    (void)context;
    lose((struct lost){.not_did = DID_NONE});
}

static void lose_others(struct call_context *context)
{
    lose((struct lost){.not_did = DID_NONE, .not_of = named_device(context)});
}

/* Of a call with that result. */
static const struct loss {
    enum defect defect;
    uint16_t code; /* 0: of any */
    bool refused;
    void (*lose)(struct call_context *context);
} losses[] = {
    {DEFECT_CREATE_LOSES_HELD, HVCALL_CREATE_DEVICE_DOMAIN, false, lose_all},
    {DEFECT_CONFIGURE_LOSES_HELD, HVCALL_CONFIGURE_DEVICE_DOMAIN, false, lose_all},
    {DEFECT_DELETE_LOSES_HELD, HVCALL_DELETE_DEVICE_DOMAIN, false, lose_all},
    {DEFECT_ATTACH_LOSES_OTHERS_HELD, HVCALL_ATTACH_DEVICE_DOMAIN, false, lose_others},
    {DEFECT_DETACH_LOSES_OTHERS_HELD, HVCALL_DETACH_DEVICE_DOMAIN, false, lose_others},
    {DEFECT_REFUSED_LOSES_HELD, 0, true, lose_all},
    {DEFECT_REFUSED_DELETE_LOSES_HELD, HVCALL_DELETE_DEVICE_DOMAIN, true, lose_all},
    {DEFECT_QUESTION_LOSES_HELD, HVCALL_GET_IOMMU_CAPABILITIES, false, lose_all},
    {DEFECT_PROPERTY_LOSES_HELD, HVCALL_GET_LOGICAL_DEVICE_PROPERTY, false, lose_all},
};
#define LOSSES ARRAY_SIZE(losses)

static enum hv_status handler(struct call_context *context)
{
    enum hv_status status = right[context->call - calls](context);

    for (unsigned i = 0; i < LOSSES; i++)
        if (defect_active(losses[i].defect) && losses[i].refused == (status != HV_STATUS_SUCCESS) &&
            (losses[i].code == 0 || losses[i].code == context->call->code))
            losses[i].lose(context);
    return status;
}

void defects_install_bystanders(void)
{
    bool any = false;

    for (unsigned i = 0; i < LOSSES; i++)
        any |= defect_active(losses[i].defect);
    if (any)
        calls_in_front(handler, right);
    right_backend = backend_soft;
    if (defect_active(DEFECT_FLUSH_LOSES_OTHERS_HELD))
        backend_soft.flush_domain = flush_domain;
    if (defect_active(DEFECT_LIST_LOSES_SAME_PAGE))
        backend_soft.flush_range = flush_range;
}
