/* SPDX-License-Identifier: MIT */
/* A backend between the domains and the right one, which passes on other arguments, or does not
 * pass a call on. */
#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/base/processor.h"
#include "host/defects/install.h"
#include "host/defects/race_window.h"
#include "host/defects/seam.h"
#include "host/defects/table_corruption.h"
#include "host/domains/private.h"
#include "host/domains/rules.h"
#include "host/iommu/domain_id.h"
#include "lib/bits.h"

#define PAGES_ALL   (UINT64_C(1) << HV_IOMMU_RANGE_SHIFT_ALL)
#define PAGES_2M    512u
#define DID_OF_NONE UINT16_MAX /* no flush of any domain reaches it */

/* Of each device: the translation that the domains asked for last, and the one that it has. */
struct seen {
    uint16_t bdf;
    struct translation wanted, real;
};

static struct seen *seen; /* DOMAIN_DEVICES_MAX of them */
static unsigned seen_count;
static struct seen *late; /* whose switch is still to be made */
static uint64_t last_root;

static const struct iommu_backend *right;
static const struct iommu_backend *(*right_backend)(const struct iommu_backend *found);
static call_handler *right_configure;

static struct seen *seen_of(uint16_t bdf, const struct translation *from)
{
    for (unsigned i = 0; i < seen_count; i++)
        if (seen[i].bdf == bdf)
            return &seen[i];
    if (seen_count == DOMAIN_DEVICES_MAX)
        host_panic("the faulty backend has no room for the function %04x", bdf);
    seen[seen_count] = (struct seen){.bdf = bdf, .wanted = *from, .real = *from};
    return &seen[seen_count++];
}

/* To a domain of the guest. */
static bool is_attach(const struct translation *to)
{
    return to->did >= DID_FIRST;
}

static bool is_second_of_domain(const struct seen *device)
{
    for (unsigned i = 0; i < seen_count; i++)
        if (&seen[i] != device && seen[i].wanted.did == device->wanted.did)
            return true;
    return false;
}

static void make_switch(struct seen *device, const struct translation *to)
{
    translation_make_writable(to);
    table_corrupt(to);
    right->set_translation(device->bdf, &device->real, to);
    device->real = *to;
}

static struct translation other_translation(const struct seen *device)
{
    struct translation to = device->wanted;

    if (to.did == DID_NONE && defect_active(DEFECT_DETACH_IDENTITY))
        return domain_table.default_translation;
    if (!is_attach(&to))
        return to;
    if (defect_active(DEFECT_EMPTY_TABLE_PASSES) && translation_is_empty(&to))
        return domain_table.default_translation;
    if (defect_active(DEFECT_CONFIGURE_LAST_ROOT) && to.kind == TRANSLATION_PAGING)
        to.root = last_root;
    if (defect_active(DEFECT_ROOT_32_BITS))
        to.root = (uint32_t)to.root;
    if ((defect_active(DEFECT_IDENTITY_KEEPS_TABLES) && to.kind == TRANSLATION_IDENTITY) ||
        (defect_active(DEFECT_BLOCKED_KEEPS_TABLES) && to.kind == TRANSLATION_BLOCKED))
        return device->real;
    if (defect_active(DEFECT_SHARED_ROOT_KEEPS_TAG) && to.kind == TRANSLATION_PAGING &&
        device->real.kind == TRANSLATION_PAGING && to.root == device->real.root)
        return device->real;
    if (defect_active(DEFECT_ATTACH_SECOND_IGNORED) && is_second_of_domain(device))
        return device->real;
    if (defect_active(DEFECT_FLUSH_SKIPS_SECOND) && is_second_of_domain(device))
        to.did = DID_OF_NONE;
    return to;
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    struct seen *device = seen_of(bdf, from);
    struct translation other;

    if (late)
        make_switch(late, &late->wanted);
    late = NULL;
    device->wanted = *to;
    other = other_translation(device);
    if (defect_active(DEFECT_ATTACH_LATE) && is_attach(to)) {
        late = device;
        return;
    }
    if (defect_active(DEFECT_DETACH_IGNORED) && to->did == DID_NONE)
        return;
    if (defect_active(DEFECT_ATTACH_LOST_WHEN_BUSY) && is_attach(to) && race_window_until_exit())
        return;
    make_switch(device, &other);
}

/* Because of the other processor. */
static bool is_lost(void)
{
    if (defect_active(DEFECT_FLUSH_OF_SECOND_IGNORED) && processor_index() != 0)
        return true;
    return defect_active(DEFECT_FLUSH_LOST_WHEN_BUSY) && race_window_until_exit();
}

/* The domain that was created after the flushed one suffers. */
static void block_next(const struct translation *flushed)
{
    struct translation blocked = translation_blocked();

    for (unsigned i = 0; i < domain_table.devices; i++)
        if (domain_table.device[i].translation.did == flushed->did + 1)
            device_switch(&domain_table.device[i], &blocked);
}

static struct translation flush_target(const struct translation *t)
{
    struct translation target = *t;

    translation_make_writable(&target);
    if (defect_active(DEFECT_FLUSH_WRONG_DOMAIN))
        target.did ^= 1;
    return target;
}

static void flush_domain(const struct translation *t)
{
    struct translation target;

    if (is_lost())
        return;
    target = flush_target(t);
    if (defect_active(DEFECT_FLUSH_TAG_NINE_BITS))
        target.did &= BITS(8, 0);
    if (!defect_active(DEFECT_FLUSH_DOMAIN_IGNORED))
        right->flush_domain(&target);
    if (defect_active(DEFECT_FLUSH_BLOCKS_NEXT))
        block_next(&target);
}

static struct page_range other_range(struct page_range range)
{
    if (defect_active(DEFECT_LIST_SHIFT_IGNORED))
        range.count = 1;
    if (defect_active(DEFECT_LIST_SHIFT_CLIPPED) && range.count > PAGES_2M)
        range.count = PAGES_2M;
    if (defect_active(DEFECT_LIST_WRONG_PAGE) && range.count != PAGES_ALL)
        range.first += range.count;
    return range;
}

static void flush_range(const struct translation *t, struct page_range range)
{
    struct translation target;

    if (is_lost())
        return;
    target = flush_target(t);
    if (defect_active(DEFECT_LIST_TAG_EIGHT_BITS))
        target.did &= BITS(7, 0);
    if (!defect_active(DEFECT_LIST_IGNORED))
        right->flush_range(&target, other_range(range));
    if (defect_active(DEFECT_LIST_BLOCKS_NEXT))
        block_next(&target);
}

static void forget_domain(const struct translation *t)
{
    backend_forget_domain(right, t);
}

static const struct iommu_backend *in_front_of(const struct iommu_backend *found)
{
    static struct iommu_backend faulty;

    right = right_backend(found);
    faulty = *right;
    faulty.set_translation = set_translation;
    faulty.flush_domain = flush_domain;
    faulty.flush_range = flush_range;
    faulty.forget_domain = forget_domain;
    return &faulty;
}

static enum hv_status configure(struct call_context *context)
{
    enum hv_status status = right_configure(context);
    const struct domain *domain = call_domain(context);

    if (status == HV_STATUS_SUCCESS && domain->translation.kind == TRANSLATION_PAGING)
        last_root = domain->translation.root;
    return status;
}

void defects_install_faulty_backend(void)
{
    if (!table_corruption_any() &&
        !ANY(DEFECT_SHARED_ROOT_KEEPS_TAG, DEFECT_ROOT_32_BITS, DEFECT_DETACH_IDENTITY,
             DEFECT_EMPTY_TABLE_PASSES, DEFECT_CONFIGURE_LAST_ROOT, DEFECT_IDENTITY_KEEPS_TABLES,
             DEFECT_BLOCKED_KEEPS_TABLES, DEFECT_ATTACH_SECOND_IGNORED, DEFECT_FLUSH_SKIPS_SECOND,
             DEFECT_ATTACH_LATE, DEFECT_DETACH_IGNORED, DEFECT_ATTACH_LOST_WHEN_BUSY,
             DEFECT_FLUSH_OF_SECOND_IGNORED, DEFECT_FLUSH_LOST_WHEN_BUSY, DEFECT_FLUSH_WRONG_DOMAIN,
             DEFECT_FLUSH_DOMAIN_IGNORED, DEFECT_FLUSH_BLOCKS_NEXT, DEFECT_LIST_SHIFT_IGNORED,
             DEFECT_LIST_SHIFT_CLIPPED, DEFECT_LIST_WRONG_PAGE, DEFECT_LIST_IGNORED,
             DEFECT_LIST_BLOCKS_NEXT, DEFECT_FLUSH_TAG_NINE_BITS, DEFECT_LIST_TAG_EIGHT_BITS))
        return;
    seen = host_pages((DOMAIN_DEVICES_MAX * sizeof(*seen) + PAGE_SIZE - 1) / PAGE_SIZE);
    right_backend = domain_rules.backend;
    domain_rules.backend = in_front_of;
    if (defect_active(DEFECT_CONFIGURE_LAST_ROOT))
        right_configure = call_in_front(HVCALL_CONFIGURE_DEVICE_DOMAIN, configure);
}
