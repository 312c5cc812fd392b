/* SPDX-License-Identifier: MIT */
/*
 * Device domains on a virtio-iommu. The unit reads no tables: at each flush, and when entries
 * become present, it is told how the domain's tables differ from what it was told before. It
 * forgets a domain that its last device leaves.
 */
#include <stddef.h>

#include "drivers/iommu.h"
#include "drivers/units/own_domains.h"
#include "drivers/units/shadow.h"
#include "drivers/units/virtio_iommu.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define LISTS        40u   /* domains with devices at the same time */
#define MAPPINGS_MAX 4096u /* of a domain */

/* [LISTS] is what a walk finds, [LISTS + 1] what should be told; one of them then changes places
 * with the domain's. */
static struct {
    struct shadow_list lists[LISTS + 2];
    bool taken[LISTS];
} shadow;

static bool readable(uint64_t gpa)
{
    return memory_is_ours(gpa, PAGE_SIZE);
}

static struct shadow_list *take_list(void)
{
    for (unsigned i = 0; i < LISTS; i++) {
        if (!shadow.taken[i]) {
            shadow.taken[i] = true;
            shadow.lists[i].count = 0;
            return &shadow.lists[i];
        }
    }
    return NULL;
}

static void give_back(struct own_domain *d)
{
    shadow.taken[(struct shadow_list *)d->mappings - shadow.lists] = false;
    d->mappings = NULL;
}

static bool send_unmap(void *context, const struct shadow_mapping *m)
{
    const struct own_domain *d = context;

    return virtio_iommu_unmap(d->id, m->iova, m->iova + (m->size - 1)) == VIRTIO_IOMMU_OK;
}

static bool send_map(void *context, const struct shadow_mapping *m)
{
    const struct own_domain *d = context;

    return virtio_iommu_map(d->id, m->iova, m->iova + (m->size - 1), m->gpa,
                            VIRTIO_IOMMU_READ | (m->writable ? VIRTIO_IOMMU_WRITE : 0)) ==
           VIRTIO_IOMMU_OK;
}

/* The unit knows the domain's tables as they are now. */
static bool tell(struct own_domain *d)
{
    struct shadow_list *told = d->mappings, *now = &shadow.lists[LISTS], was;

    if (!shadow_walk(now, d->root, readable) ||
        !shadow_differences(told, now, send_unmap, send_map, d))
        return false;
    was = *told;
    *told = *now;
    *now = was;
    return true;
}

static bool leave(struct own_domain *from)
{
    if (from && from->devices == 0 && from->mappings)
        give_back(from);
    return true;
}

/* Devices of blocking domains are in no domain of the unit's: it blocks them, as bypass is off. */
static bool move(const struct dma_engine *e, struct own_domain *from, struct own_domain *to)
{
    const uint32_t endpoint = e->function.bdf;

    if (!to || to->kind == OWN_BLOCKED) {
        if (from && from->kind != OWN_BLOCKED &&
            virtio_iommu_detach(from->id, endpoint) != VIRTIO_IOMMU_OK)
            return false;
        return leave(from);
    }
    if (to->kind == OWN_PAGING && !to->mappings) {
        to->mappings = take_list();
        if (!to->mappings)
            return false;
    }
    if (virtio_iommu_attach(to->id, endpoint,
                            to->kind == OWN_IDENTITY ? VIRTIO_IOMMU_BYPASSES : 0) !=
        VIRTIO_IOMMU_OK) {
        if (to->devices == 1 && to->mappings)
            give_back(to);
        return false;
    }
    leave(from);
    return to->kind != OWN_PAGING || tell(to);
}

struct elements {
    const uint64_t *elements;
    unsigned count;
};

/* Reference 3.9: an element names 2^shift pages. Page numbers are those of canonical IOVAs, or
 * without bits 63:48. */
static bool named(void *context, uint64_t first, uint64_t last)
{
    const struct elements *e = context;

    for (unsigned i = 0; i < e->count; i++) {
        const unsigned shift = (unsigned)(e->elements[i] & HV_IOMMU_RANGE_SHIFT_MASK);
        const uint64_t page = e->elements[i] >> HV_IOMMU_RANGE_PAGE_SHIFT,
                       end = page + (BIT(shift) - 1);

        if (shift >= HV_IOMMU_RANGE_SHIFT_ALL ||
            (first / PAGE_SIZE <= end && last / PAGE_SIZE >= page))
            return true;
    }
    return false;
}

/* The unit learns of the bytes that the elements name, and of what fills a hole. */
static bool tell_elements(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    struct elements e = {elements, count};
    struct shadow_list *told = d->mappings, *now = &shadow.lists[LISTS],
                       *merged = &shadow.lists[LISTS + 1], was;

    if (!shadow_walk(now, d->root, readable) || !shadow_merge(merged, told, now, named, &e) ||
        !shadow_differences(told, merged, send_unmap, send_map, d))
        return false;
    was = *told;
    *told = *merged;
    *merged = was;
    return true;
}

static bool mapped(struct own_domain *d)
{
    return tell_elements(d, NULL, 0);
}

static const struct own_unit unit = {.move = move,
                                     .flush = tell,
                                     .flush_list = tell_elements,
                                     .mapped = mapped,
                                     .settle = virtio_iommu_settle};

static const char *start(void)
{
    const size_t pages = (MAPPINGS_MAX * sizeof(struct shadow_mapping) + PAGE_SIZE - 1) / PAGE_SIZE;
    const char *problem = virtio_iommu_start();

    if (problem)
        return problem;
    for (unsigned i = 0; i < LISTS + 2; i++) {
        shadow.lists[i] =
            (struct shadow_list){.mappings = memory_boot_pages(pages), .room = MAPPINGS_MAX};
    }
    own_domains_init(&unit);
    return NULL;
}

static const char *restart(void)
{
    memset(shadow.taken, 0, sizeof(shadow.taken));
    own_domains_restart();
    return virtio_iommu_empty();
}

static unsigned width(uint64_t last)
{
    return last == UINT64_MAX ? 48 : 64 - (unsigned)__builtin_clzll(last | 1);
}

static enum hv_status get_capabilities(struct hv_output_get_iommu_capabilities *out)
{
    struct virtio_iommu_facts facts;
    unsigned bits;

    virtio_iommu_facts(&facts);
    bits = width(facts.last_iova);
    *out = (struct hv_output_get_iommu_capabilities){
        .size = sizeof(*out),
        .max_iova_width = (uint8_t)(bits < 48 ? bits : 48),
        .iommu_cap = HV_IOMMU_CAP_PRESENT | HV_IOMMU_CAP_S1,
        .pgsize_bitmap = facts.page_sizes & HV_IOMMU_PGSIZE_ALL};
    return HV_STATUS_SUCCESS;
}

static bool take_fault(uint64_t device_id, struct oracle_fault *fault)
{
    virtio_iommu_take_event(device_id, fault);
    return true;
}

static void describe(char *text, size_t size)
{
    struct virtio_iommu_facts facts;

    virtio_iommu_facts(&facts);
    fmt_snprintf(
        text, size,
        "features=0x%llx page_sizes=0x%llx iovas=0x%llx-0x%llx domains=%u-%u requests=%llu",
        (unsigned long long)facts.features, (unsigned long long)facts.page_sizes,
        (unsigned long long)facts.first_iova, (unsigned long long)facts.last_iova,
        facts.first_domain, facts.last_domain, (unsigned long long)facts.requests);
}

const struct iommu_backend virtio_iommu_backend = {
    .name = "virtio-iommu",
    .promises = 0,
    .start = start,
    .restart = restart,
    .get_capabilities = get_capabilities,
    OWN_OPERATIONS,
    .settle = own_settle,
    .mapped = own_mapped,
    .take_fault = take_fault,
    .describe = describe,
};
