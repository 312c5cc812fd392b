/* SPDX-License-Identifier: MIT */
/* Hints from a call and the state after it. */
#include "abi/device_domain.h"
#include "host/domains/private.h"
#include "host/hints/private.h"
#include "host/iommu/soft_backend.h"
#include "host/softiommu/stage1.h"

/* A guest may flush what it unmapped by several calls, and other processors flush in between. */
#define LATER_LISTS 2u

/* A domain; of two with the same slot the later one. */
struct watched {
    uint32_t id;
    bool window_told, list_told;
    bool left; /* a list flush left a leaf out, and list_told is not set yet */
    uint64_t left_iova;
    unsigned later; /* list flushes after that one */
};

static struct watched watched[64];

static struct watched *watch(uint32_t id)
{
    struct watched *w = &watched[id % ARRAY_SIZE(watched)];

    if (w->id != id)
        *w = (struct watched){.id = id};
    return w;
}

/* Cached leaves to which the tables do not lead any more. */
struct search {
    const struct translation *translation;
    uint64_t before; /* IOVA that was left out before */
    bool still;      /* it is cached even now */
    bool any;
    uint64_t lowest; /* IOVA */
};

static void look_at_leaf(void *context, const struct softiommu_leaf *leaf)
{
    struct search *search = context;
    const struct translation *t = search->translation;

    if (tables_lead(t->root, t->levels, leaf->iova, leaf->gpa, leaf->write))
        return;
    search->still |= leaf->iova == search->before;
    if (!search->any || leaf->iova < search->lowest)
        search->lowest = leaf->iova;
    search->any = true;
}

static struct search search_stale(const struct domain *domain, uint64_t before)
{
    struct search search = {.translation = &domain->translation, .before = before};

    soft_lock();
    if (soft_iommu())
        softiommu_visit_leaves(soft_iommu(), domain->translation.did, look_at_leaf, &search);
    soft_unlock();
    return search;
}

static void after_list(struct watched *w, const struct domain *domain)
{
    struct search search;

    if (w->list_told)
        return;
    search = search_stale(domain, w->left_iova);
    if (!w->left || !search.still) {
        w->left = search.any;
        w->left_iova = search.lowest;
        w->later = 0;
    } else if (++w->later == LATER_LISTS) {
        w->list_told = true;
        hint_tell(HINT_FLUSH_LIST_TOO_SHORT,
                  "a list flush of domain 0x%x left IOVA 0x%llx out, whose leaf is cleared or "
                  "changed and still cached, and so did the next %u",
                  w->id, (unsigned long long)w->left_iova, LATER_LISTS);
    }
}

static void look_at_window(struct watched *w, const struct domain *domain)
{
    const struct translation *t = &domain->translation;
    uint64_t iova = INTERRUPT_WINDOW_FIRST;

    while (iova <= INTERRUPT_WINDOW_LAST && !w->window_told) {
        struct table_end end = tables_walk(t->root, t->levels, iova);

        w->window_told = end.present;
        if (end.present)
            hint_tell(HINT_MSI_WINDOW_MAPPED,
                      "domain 0x%x maps IOVA 0x%llx: writes from 0x%llx to 0x%llx are interrupts, "
                      "and no leaf applies to them",
                      w->id, (unsigned long long)iova, (unsigned long long)INTERRUPT_WINDOW_FIRST,
                      (unsigned long long)INTERRUPT_WINDOW_LAST);
        iova = align_down(iova, end.size) + end.size;
    }
}

static bool names_domain(uint16_t code)
{
    return code == HVCALL_CREATE_DEVICE_DOMAIN || code == HVCALL_CONFIGURE_DEVICE_DOMAIN ||
           code == HVCALL_ATTACH_DEVICE_DOMAIN || code == HVCALL_DELETE_DEVICE_DOMAIN ||
           code == HVCALL_FLUSH_DEVICE_DOMAIN || code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST;
}

void hints_after_call(const struct call_context *context, enum hv_status status)
{
    const struct hv_input_device_domain *name = (const void *)context->input.words;
    uint16_t code = context->call->code;
    const struct domain *domain;
    struct watched *w;

    hints_forget_last();
    if (!names_domain(code))
        return;
    if (code == HVCALL_DELETE_DEVICE_DOMAIN && status == HV_STATUS_OBJECT_IN_USE)
        hint_tell(HINT_DELETE_WITH_DEVICES,
                  "DELETE_DEVICE_DOMAIN of domain 0x%x, which devices are attached to",
                  name->domain_id.id);
    if (status != HV_STATUS_SUCCESS)
        return;
    w = watch(name->domain_id.id);
    if (code == HVCALL_CREATE_DEVICE_DOMAIN || code == HVCALL_CONFIGURE_DEVICE_DOMAIN)
        *w = (struct watched){.id = w->id};
    domain = domain_find(w->id);
    if (!domain || !domain_has_entries(domain))
        return;
    look_at_window(w, domain);
    if (code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST)
        after_list(w, domain);
}
