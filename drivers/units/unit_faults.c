/* SPDX-License-Identifier: MIT */
#include "drivers/units/unit_faults.h"

#include <stddef.h>

#include "drivers/units/call_faults.h"
#include "drivers/units/virtio_faults.h"
#include "drivers/units/vtd_faults.h"
#include "lib/bits.h"
#include "lib/string.h"

static const struct own_unit *real;
static struct own_unit faulty;
static struct own_domain *last_entered; /* the paging domain that a device entered last */

static bool flush_nothing(struct own_domain *d)
{
    (void)d;
    return true;
}

static bool flush_last_entered(struct own_domain *d)
{
    return real->flush(
        last_entered && last_entered->used && last_entered->devices > 0 ? last_entered : d);
}

static bool list_nothing(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    (void)d;
    (void)elements;
    (void)count;
    return true;
}

static bool list_without_first(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return count <= 1 || real->flush_list(d, elements + 1, count - 1);
}

static bool list_without_last(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return count <= 1 || real->flush_list(d, elements, count - 1);
}

/* Each element through `change`. */
static bool list_changed(struct own_domain *d, const uint64_t *elements, unsigned count,
                         uint64_t (*change)(uint64_t))
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t element = change(elements[i]);

        if (!real->flush_list(d, &element, 1))
            return false;
    }
    return true;
}

static uint64_t first_page(uint64_t element)
{
    return element & ~HV_IOMMU_RANGE_SHIFT_MASK;
}

static uint64_t half(uint64_t element)
{
    return element & HV_IOMMU_RANGE_SHIFT_MASK ? element - 1 : element;
}

static uint64_t next_page(uint64_t element)
{
    return (element & HV_IOMMU_RANGE_SHIFT_MASK) == 0 ? element + BIT(HV_IOMMU_RANGE_PAGE_SHIFT)
                                                      : element;
}

static uint64_t low_32_bits(uint64_t element)
{
    return element & (BIT(32) - 1);
}

static bool list_first_page(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return list_changed(d, elements, count, first_page);
}

static bool list_half(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return list_changed(d, elements, count, half);
}

static bool list_next_page(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return list_changed(d, elements, count, next_page);
}

static bool list_low_32_bits(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    return list_changed(d, elements, count, low_32_bits);
}

static bool move_remembering(const struct dma_engine *e, struct own_domain *from,
                             struct own_domain *to)
{
    if (to && to->kind == OWN_PAGING)
        last_entered = to;
    return real->move(e, from, to);
}

static bool never_enter(const struct dma_engine *e, struct own_domain *from, struct own_domain *to)
{
    return from && to ? true : real->move(e, from, to);
}

static bool never_leave(const struct dma_engine *e, struct own_domain *from, struct own_domain *to)
{
    return to ? real->move(e, from, to) : true;
}

static bool open_when_blocked(const struct dma_engine *e, struct own_domain *from,
                              struct own_domain *to)
{
    bool moved;

    if (!to || to->kind != OWN_BLOCKED)
        return real->move(e, from, to);
    to->kind = OWN_IDENTITY;
    moved = real->move(e, from, to);
    to->kind = OWN_BLOCKED;
    return moved;
}

static bool blocked_when_identity(const struct dma_engine *e, struct own_domain *from,
                                  struct own_domain *to)
{
    return real->move(e, from, to && to->kind == OWN_IDENTITY ? NULL : to);
}

static bool first_in_decides(const struct dma_engine *e, struct own_domain *from,
                             struct own_domain *to)
{
    /* Every second device of a domain stays where it was. */
    return to && to->kind == OWN_PAGING && to->devices > 1 ? true : real->move(e, from, to);
}

static const struct {
    const char *name;
    bool (*move)(const struct dma_engine *e, struct own_domain *from, struct own_domain *to);
    bool (*flush)(struct own_domain *d);
    bool (*flush_list)(struct own_domain *d, const uint64_t *elements, unsigned count);
} faults[] = {
    {.name = "domain-flush-lost", .flush = flush_nothing},
    {.name = "domain-flush-of-another", .flush = flush_last_entered, .move = move_remembering},
    {.name = "list-flush-lost", .flush_list = list_nothing},
    {.name = "list-first-lost", .flush_list = list_without_first},
    {.name = "list-last-lost", .flush_list = list_without_last},
    {.name = "list-first-page-only", .flush_list = list_first_page},
    {.name = "list-half-block", .flush_list = list_half},
    {.name = "list-next-page", .flush_list = list_next_page},
    {.name = "list-32-bits", .flush_list = list_low_32_bits},
    {.name = "attach-lost", .move = never_enter},
    {.name = "detach-lost", .move = never_leave},
    {.name = "second-device-lost", .move = first_in_decides},
    {.name = "blocked-opens", .move = open_when_blocked},
    {.name = "identity-blocks", .move = blocked_when_identity},
};
#define FAULTS ARRAY_SIZE(faults)

static size_t chosen = FAULTS;

static bool domain_fault_choose(const char *name)
{
    last_entered = NULL;
    chosen = 0;
    while (chosen < FAULTS && strcmp(faults[chosen].name, name) != 0)
        chosen++;
    return chosen < FAULTS;
}

bool unit_fault_choose(const char *name)
{
    /* Each of them, so that none keeps the one before. */
    const bool found[] = {domain_fault_choose(name), call_fault_choose(name),
                          vtd_fault_choose(name), virtio_fault_choose(name)};

    for (size_t i = 0; i < ARRAY_SIZE(found); i++)
        if (found[i])
            return true;
    return false;
}

const struct own_unit *unit_with_fault(const struct own_unit *unit)
{
    if (chosen == FAULTS)
        return unit;
    real = unit;
    faulty = *unit;
    faulty.move = faults[chosen].move ? faults[chosen].move : unit->move;
    faulty.flush = faults[chosen].flush ? faults[chosen].flush : unit->flush;
    faulty.flush_list = faults[chosen].flush_list ? faults[chosen].flush_list : unit->flush_list;
    return &faulty;
}
