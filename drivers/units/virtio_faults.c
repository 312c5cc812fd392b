/* SPDX-License-Identifier: MIT */
#include "drivers/units/virtio_faults.h"

#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/string.h"

/* Far more than the mappings of any test. */
#define AROUND (64 * PAGE_SIZE)

/* Of earlier requests and events. */
static struct {
    struct virtio_iommu_map map;
    uint64_t event_address;
} last;

static uint8_t *status_of(struct virtio_wire *w)
{
    return w->answer + w->room - sizeof(struct virtio_iommu_tail);
}

static bool is(const struct virtio_wire *w, uint8_t type)
{
    return w->request->type == type;
}

static void becomes(struct virtio_wire *w, uint8_t from, uint8_t to)
{
    if (*status_of(w) == from)
        *status_of(w) = to;
}

/* The domain of an endpoint; NULL: none. */
static const struct virtio_placement *place_of(const struct virtio_wire *w, uint32_t endpoint)
{
    for (unsigned i = w->placed_count; i > 0; i--)
        if (w->placed[i - 1].endpoint == endpoint)
            return &w->placed[i - 1];
    return NULL;
}

/* --- the head and the tail --- */

static void tail_bits(struct virtio_wire *w)
{
    status_of(w)[1] = 1;
}

static void success_untold(struct virtio_wire *w)
{
    becomes(w, VIRTIO_IOMMU_OK, VIRTIO_IOMMU_DEVICE_ERROR);
}

static void head_checked(struct virtio_wire *w)
{
    if (w->request->attach.head_reserved[0])
        becomes(w, VIRTIO_IOMMU_OK, VIRTIO_IOMMU_INVALID);
}

static void short_accepted(struct virtio_wire *w)
{
    if (w->size < sizeof(w->request->attach))
        *status_of(w) = VIRTIO_IOMMU_OK;
}

/* --- configuration --- */

static uint8_t never_bypass(uint8_t value)
{
    (void)value;
    return 0;
}

static uint8_t always_bypass(uint8_t value)
{
    (void)value;
    return 1;
}

static void both_bypass(struct virtio_iommu_facts *facts)
{
    facts->features |= VIRTIO_IOMMU_F_BYPASS;
}

static void no_page_size(struct virtio_iommu_facts *facts)
{
    facts->page_sizes = 0;
}

static bool last_domain_is_first(struct virtio_wire *w)
{
    if (!is(w, VIRTIO_IOMMU_PROBE) && w->request->attach.domain == UINT32_MAX)
        w->request->attach.domain = 0;
    return false;
}

/* --- ATTACH and DETACH --- */

static bool flag_bypass_lost(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_ATTACH))
        w->request->attach.flags &= ~VIRTIO_IOMMU_BYPASSES;
    return false;
}

static bool attach_flags_unread(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_ATTACH))
        w->request->attach.flags &= VIRTIO_IOMMU_BYPASSES;
    return false;
}

static void endpoint_unread(struct virtio_wire *w)
{
    if (!is(w, VIRTIO_IOMMU_MAP) && !is(w, VIRTIO_IOMMU_UNMAP))
        becomes(w, VIRTIO_IOMMU_NO_ENTRY, VIRTIO_IOMMU_OK);
}

static void refusal_detaches(struct virtio_wire *w)
{
    const struct virtio_placement *p = place_of(w, w->request->attach.endpoint);

    if (is(w, VIRTIO_IOMMU_ATTACH) && p && *status_of(w) != VIRTIO_IOMMU_OK)
        (void)virtio_iommu_detach(p->domain, p->endpoint);
}

static bool move_lost(struct virtio_wire *w)
{
    return is(w, VIRTIO_IOMMU_ATTACH) && place_of(w, w->request->attach.endpoint);
}

static bool second_lost(struct virtio_wire *w)
{
    return is(w, VIRTIO_IOMMU_ATTACH) && w->placed_count > 0 &&
           w->placed[0].domain == w->request->attach.domain &&
           !place_of(w, w->request->attach.endpoint);
}

static void detach_checked(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_DETACH) && w->request->detach.reserved[0])
        becomes(w, VIRTIO_IOMMU_OK, VIRTIO_IOMMU_INVALID);
}

static bool detach_lost(struct virtio_wire *w)
{
    return is(w, VIRTIO_IOMMU_DETACH);
}

/* The last mapping is found again by the next device that enters a domain. */
static void domain_kept(struct virtio_wire *w)
{
    const struct virtio_iommu_map *m = &last.map;

    if (is(w, VIRTIO_IOMMU_MAP))
        last.map = w->request->map;
    else if (is(w, VIRTIO_IOMMU_ATTACH) && m->end > m->start)
        (void)virtio_iommu_map(w->request->attach.domain, m->start, m->end, m->physical, m->flags);
}

/* --- MAP and UNMAP --- */

static void overlap_accepted(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_MAP))
        becomes(w, VIRTIO_IOMMU_INVALID, VIRTIO_IOMMU_OK);
}

static bool overlap_replaces(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_MAP))
        (void)virtio_iommu_unmap(w->request->map.domain, w->request->map.start,
                                 w->request->map.end);
    return false;
}

static bool map_flags_unread(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_MAP))
        w->request->map.flags &= VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE;
    return false;
}

static bool all_writable(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_MAP))
        w->request->map.flags |= VIRTIO_IOMMU_WRITE;
    return false;
}

static void no_domain_accepted(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_MAP) || is(w, VIRTIO_IOMMU_UNMAP))
        becomes(w, VIRTIO_IOMMU_NO_ENTRY, VIRTIO_IOMMU_OK);
}

static void unmap_bypass_accepted(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_UNMAP))
        becomes(w, VIRTIO_IOMMU_INVALID, VIRTIO_IOMMU_OK);
}

static void split_accepted(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_UNMAP))
        becomes(w, VIRTIO_IOMMU_RANGE, VIRTIO_IOMMU_OK);
}

static void split_removes(struct virtio_wire *w)
{
    const struct virtio_iommu_unmap *r = &w->request->unmap;

    if (is(w, VIRTIO_IOMMU_UNMAP) && *status_of(w) == VIRTIO_IOMMU_RANGE)
        (void)virtio_iommu_unmap(r->domain, r->start - AROUND, r->end + AROUND);
}

static bool unmap_one_more(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_UNMAP))
        w->request->unmap.end += PAGE_SIZE;
    return false;
}

static bool unmap_lost(struct virtio_wire *w)
{
    return is(w, VIRTIO_IOMMU_UNMAP);
}

/* --- PROBE --- */

static void probe_checked(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_PROBE) && w->request->probe.reserved[0])
        becomes(w, VIRTIO_IOMMU_OK, VIRTIO_IOMMU_INVALID);
}

static void probe_garbage(struct virtio_wire *w)
{
    if (is(w, VIRTIO_IOMMU_PROBE))
        status_of(w)[-1] = 0x5A;
}

/* The first property twice. */
static void probe_repeats(struct virtio_wire *w)
{
    const size_t size = sizeof(struct virtio_iommu_property) + sizeof(struct virtio_iommu_resv_mem);

    if (is(w, VIRTIO_IOMMU_PROBE) && w->room > 2 * size + sizeof(struct virtio_iommu_tail))
        memcpy(w->answer + size, w->answer, size);
}

/* --- events --- */

static void event_bits(struct virtio_iommu_event *event)
{
    event->reserved[0] = 1;
}

static void event_of_another(struct virtio_iommu_event *event)
{
    event->endpoint ^= 1u << 3;
}

static void event_reason(struct virtio_iommu_event *event)
{
    event->reason = VIRTIO_IOMMU_REASON_DOMAIN;
}

/* Each address is that of the one before. */
static void event_late(struct virtio_iommu_event *event)
{
    const uint64_t address = event->address;

    event->address = last.event_address;
    last.event_address = address;
}

const struct virtio_fault virtio_faults[] = {
    {.name = "virtio-tail-bits", .after = tail_bits},
    {.name = "virtio-success-untold", .after = success_untold},
    {.name = "virtio-head-checked", .after = head_checked},
    {.name = "virtio-short-accepted", .after = short_accepted},
    {.name = "virtio-bypass-never", .bypass = never_bypass},
    {.name = "virtio-bypass-always", .bypass = always_bypass},
    {.name = "virtio-features-both", .facts = both_bypass},
    {.name = "virtio-no-page-size", .facts = no_page_size},
    {.name = "virtio-domain-ids-cut", .before = last_domain_is_first},
    {.name = "virtio-flag-bypass-lost", .before = flag_bypass_lost},
    {.name = "virtio-attach-flags-unread", .before = attach_flags_unread},
    {.name = "virtio-endpoint-unread", .after = endpoint_unread},
    {.name = "virtio-refusal-detaches", .after = refusal_detaches},
    {.name = "virtio-move-lost", .before = move_lost},
    {.name = "virtio-second-lost", .before = second_lost},
    {.name = "virtio-detach-checked", .after = detach_checked},
    {.name = "virtio-detach-lost", .before = detach_lost},
    {.name = "virtio-domain-kept", .after = domain_kept},
    {.name = "virtio-overlap-accepted", .after = overlap_accepted},
    {.name = "virtio-overlap-replaces", .before = overlap_replaces},
    {.name = "virtio-map-flags-unread", .before = map_flags_unread},
    {.name = "virtio-all-writable", .before = all_writable},
    {.name = "virtio-no-domain-accepted", .after = no_domain_accepted},
    {.name = "virtio-unmap-in-bypass", .after = unmap_bypass_accepted},
    {.name = "virtio-split-accepted", .after = split_accepted},
    {.name = "virtio-split-removes", .after = split_removes},
    {.name = "virtio-unmap-one-more", .before = unmap_one_more},
    {.name = "virtio-unmap-lost", .before = unmap_lost},
    {.name = "virtio-probe-checked", .after = probe_checked},
    {.name = "virtio-probe-garbage", .after = probe_garbage},
    {.name = "virtio-probe-repeats", .after = probe_repeats},
    {.name = "virtio-event-bits", .event = event_bits},
    {.name = "virtio-event-of-another", .event = event_of_another},
    {.name = "virtio-event-reason", .event = event_reason},
    {.name = "virtio-event-late", .event = event_late},
};
const size_t virtio_fault_count = ARRAY_SIZE(virtio_faults);

static const struct virtio_fault *chosen;

const struct virtio_fault *virtio_fault_chosen(void)
{
    return chosen;
}

bool virtio_fault_choose(const char *name)
{
    memset(&last, 0, sizeof(last));
    chosen = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(virtio_faults); i++)
        if (strcmp(virtio_faults[i].name, name) == 0)
            chosen = &virtio_faults[i];
    return chosen;
}
