/* SPDX-License-Identifier: MIT */
/*
 * The software IOMMU keeps what is cached of a domain when its last device is attached elsewhere,
 * which a host may do, and flushes of a domain without devices do not reach all of it.
 */
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/soft_backend.h"
#include "host/softiommu/private.h"
#include "lib/bits.h"

static const struct iommu_backend *right;
static const struct iommu_backend *(*right_backend)(const struct iommu_backend *found);
static bool *shared; /* by DID: it had two devices at a time */

static unsigned devices_of(uint16_t did)
{
    unsigned count = 0;

    for (unsigned i = 0; i < domain_table.devices; i++)
        count += domain_table.device[i].translation.did == did;
    return count;
}

static bool is_kept(const struct translation *from, const struct translation *to)
{
    if (ANY(DEFECT_IDLE_BLOCKED_FLUSH, DEFECT_IDLE_BLOCKED_LIST))
        return to->kind == TRANSLATION_BLOCKED;
    if (ANY(DEFECT_IDLE_IDENTITY_FLUSH, DEFECT_IDLE_IDENTITY_LIST))
        return to->kind == TRANSLATION_IDENTITY;
    if (defect_active(DEFECT_IDLE_SHARED_FLUSH))
        return shared[from->did];
    return true;
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    if (devices_of(from->did) > 1)
        shared[from->did] = true;
    if (soft_iommu())
        soft_iommu()->config.keep_idle_domains = is_kept(from, to);
    right->set_translation(bdf, from, to);
}

static void set_walk_drops(enum softiommu_event event, bool on)
{
    for (unsigned level = 0; soft_iommu() && level < WALK_CACHE_LEVELS; level++)
        soft_iommu()->rules.has[event][SOFTIOMMU_DROPS_WALK_1 + level] = on;
}

static void flush_domain(const struct translation *t)
{
    bool idle = devices_of(t->did) == 0;

    if (idle && (ANY(DEFECT_IDLE_BLOCKED_FLUSH, DEFECT_IDLE_IDENTITY_FLUSH) ||
                 (defect_active(DEFECT_IDLE_SHARED_FLUSH) && shared[t->did])))
        return;
    if (idle && defect_active(DEFECT_IDLE_FLUSH_KEEPS_TABLES))
        set_walk_drops(SOFTIOMMU_EVENT_DOMAIN_FLUSH, false);
    right->flush_domain(t);
    set_walk_drops(SOFTIOMMU_EVENT_DOMAIN_FLUSH, true);
}

static void flush_range(const struct translation *t, struct page_range range)
{
    bool idle = devices_of(t->did) == 0;

    if (idle && ANY(DEFECT_IDLE_BLOCKED_LIST, DEFECT_IDLE_IDENTITY_LIST))
        return;
    if (idle && defect_active(DEFECT_IDLE_LIST_KEEPS_TABLES))
        set_walk_drops(SOFTIOMMU_EVENT_RANGE_FLUSH, false);
    if (idle && defect_active(DEFECT_IDLE_LIST_FIRST_PAGE))
        range.count = 1;
    right->flush_range(t, range);
    set_walk_drops(SOFTIOMMU_EVENT_RANGE_FLUSH, true);
}

static const struct iommu_backend *in_front_of(const struct iommu_backend *found)
{
    static struct iommu_backend keeping;

    right = right_backend(found);
    keeping = *right;
    keeping.set_translation = set_translation;
    keeping.flush_domain = flush_domain;
    keeping.flush_range = flush_range;
    return &keeping;
}

void defects_install_idle_domains(void)
{
    if (!ANY(DEFECT_IDLE_BLOCKED_FLUSH, DEFECT_IDLE_BLOCKED_LIST, DEFECT_IDLE_IDENTITY_FLUSH,
             DEFECT_IDLE_IDENTITY_LIST, DEFECT_IDLE_SHARED_FLUSH, DEFECT_IDLE_FLUSH_KEEPS_TABLES,
             DEFECT_IDLE_LIST_KEEPS_TABLES, DEFECT_IDLE_LIST_FIRST_PAGE))
        return;
    shared = host_pages_for((size_t)UINT16_MAX + 1);
    right_backend = domain_rules.backend;
    domain_rules.backend = in_front_of;
}
