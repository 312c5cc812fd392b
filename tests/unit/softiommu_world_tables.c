/* SPDX-License-Identifier: MIT */
/* The guest changes its tables, by the rules: what it frees is reused only after the flush that
 * covers it. */
#include "lib/bits.h"
#include "tests/unit/softiommu_world.h"

#include <string.h>

uint64_t world_take_table(struct world *w)
{
    uint64_t table;
    unsigned which;

    if (w->frees == 0)
        return table_new(w->m);
    which = world_below(w, w->frees); /* any, or a new top table would be the last one again */
    table = w->freed[which];
    w->freed[which] = w->freed[--w->frees];
    for (unsigned i = 0; i < 512; i++)
        if (at(w->m, table)[i] != w->poison_entry)
            world_fail(w, "a freed table was written");
    memset(at(w->m, table), 0, PAGE_SIZE);
    return table;
}

void world_give_table(struct world *w, uint64_t table)
{
    assert_true(w->frees < ARRAY_SIZE(w->freed));
    w->freed[w->frees++] = table;
    for (unsigned i = 0; i < 512; i++)
        at(w->m, table)[i] = w->poison_entry;
}

uint64_t *world_entry(struct world *w, const struct softiommu_translation *t, uint64_t iova,
                      unsigned level)
{
    uint64_t table = t->root;

    for (unsigned l = t->levels - 1; l > level; l--) {
        uint64_t *entry = at(w->m, table) + (iova >> (12 + 9 * l) & 511);

        if ((*entry & 1) == 0)
            *entry = world_take_table(w) | TABLE;
        table = *entry & BITS(45, 12);
    }
    return at(w->m, table) + (iova >> (12 + 9 * level) & 511);
}

/* A leaf at random: often without A and D, which are then the IOMMU's to set. */
static uint64_t some_bits(struct world *w)
{
    uint64_t bits = world_one_in(w, 3) ? RO : RW;

    if (w->m->config.ad_mode == SOFTIOMMU_AD_SET && world_one_in(w, 3))
        bits &= ~(BIT(5) | BIT(6));
    return bits;
}

static uint64_t some_page(struct world *w)
{
    return world_one_in(w, 6) ? 0 : (RAM + world_below(w, 1024) * PAGE_SIZE) | some_bits(w);
}

static bool is_table(uint64_t entry)
{
    return (entry & 1) != 0 && (entry & PS) == 0;
}

/* To be freed with the flush of the pages first..last. */
static void retire(struct world *w, unsigned domain, uint64_t table, uint64_t first, uint64_t last)
{
    struct world_domain *d = &w->domain[domain];

    if (d->pendings == WORLD_PENDING)
        world_flush_all(w, domain);
    d->pending[d->pendings].table = table;
    d->pending[d->pendings].first = first;
    d->pending[d->pendings++].last = last;
}

/* After a change: a flush, more often than not. A domain without devices needs none if it is not
 * kept. */
static void settle(struct world *w, unsigned domain, uint64_t page, unsigned shift)
{
    if (!world_used(w, domain) && !w->m->config.keep_idle_domains)
        world_forget(w, domain, page, page + BIT(shift) - 1);
    else if (!world_one_in(w, 4))
        world_flush(w, domain, page, shift);
}

static void change_page(struct world *w, unsigned domain, unsigned slot)
{
    struct world_domain *d = &w->domain[domain];
    uint64_t iova = world_iova(slot), *area = world_entry(w, &d->t, iova, 1);

    if ((*area & PS) != 0)
        return;
    *world_entry(w, &d->t, iova, 0) = some_page(w);
    world_note(w, domain, iova >> 12, iova >> 12, false);
    settle(w, domain, iova >> 12, 0);
}

/* The area becomes a large page, nothing, or another table. */
static void change_area(struct world *w, unsigned domain, unsigned slot)
{
    struct world_domain *d = &w->domain[domain];
    uint64_t iova = world_iova(slot), first = align_down(iova >> 12, 512),
             *area = world_entry(w, &d->t, iova, 1);
    uint64_t old = *area, new = 0;
    bool large_only = d->large_only[slot / WORLD_AREA_SLOTS];

    switch (world_below(w, 8)) {
    case 0:
        break;
    case 1:
    case 2:
        new = (RAM + world_below(w, 2) * MEG2) | PS | some_bits(w);
        break;
    default:
        new = world_take_table(w) | TABLE;
        for (unsigned i = 0; i < 512; i++)
            at(w->m, new &BITS(45, 12))[i] = i < 8 || i >= 504 ? some_page(w) : 0;
        break;
    }
    *area = new;
    d->large_only[slot / WORLD_AREA_SLOTS] = false;
    world_note(w, domain, first, first + 511, is_table(old));
    if (is_table(old))
        retire(w, domain, old & BITS(45, 12), first, first + 511);
    if (large_only && !world_one_in(w, 4)) {
        /* Any page of it will do: a large page goes as a whole. */
        world_flush(w, domain, first + world_below(w, 512), 0);
        world_forget(w, domain, first, first + 511);
    } else {
        settle(w, domain, first, 9);
    }
}

/* A table above the areas is replaced by a copy; one of 2 MiB entries may lack an area then. */
static void change_upper(struct world *w, unsigned domain, unsigned slot)
{
    struct world_domain *d = &w->domain[domain];
    unsigned level = 2 + world_below(w, d->t.levels - 2), shift = 9 * level;
    uint64_t iova = world_iova(slot), first = align_down(iova >> 12, BIT(shift)),
             last = first + BIT(shift) - 1;
    uint64_t *upper = world_entry(w, &d->t, iova, level), old = *upper, dropped = 0, new;

    if (!is_table(old))
        return;
    new = world_take_table(w);
    memcpy(at(w->m, new), at(w->m, old & BITS(45, 12)), PAGE_SIZE);
    if (level == 2 && world_one_in(w, 4)) {
        dropped = at(w->m, new)[iova >> 21 & 511];
        at(w->m, new)[iova >> 21 & 511] = 0;
    }
    *upper = new | TABLE;
    for (unsigned i = 0; i < WORLD_AREAS; i++)
        if (align_down(world_iova(i * WORLD_AREA_SLOTS) >> 12, BIT(shift)) == first)
            d->large_only[i] = false;
    world_note(w, domain, first, last, true);
    retire(w, domain, old & BITS(45, 12), first, last);
    if (is_table(dropped))
        retire(w, domain, dropped & BITS(45, 12), first, last);
    settle(w, domain, first, shift);
}

/* Write permission of everything below an entry. */
static void change_rights(struct world *w, unsigned domain, unsigned slot)
{
    struct world_domain *d = &w->domain[domain];
    unsigned level = 1 + world_below(w, d->t.levels - 1), shift = 9 * level;
    uint64_t iova = world_iova(slot), first = align_down(iova >> 12, BIT(shift));
    uint64_t *entry = world_entry(w, &d->t, iova, level);

    if ((*entry & 1) == 0)
        return;
    *entry = world_one_in(w, 4) ? *entry & ~BIT(1) : *entry | BIT(1);
    world_note(w, domain, first, first + BIT(shift) - 1, false);
    settle(w, domain, first, shift);
}

void world_change(struct world *w)
{
    unsigned domain = world_below(w, WORLD_DOMAINS), slot = world_below(w, WORLD_SLOTS);

    w->hot_domain = domain;
    w->hot_slot = slot;
    world_access_hot(w);
    switch (world_below(w, 16)) {
    case 0:
    case 7:
        change_upper(w, domain, slot);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        change_area(w, domain, slot);
        break;
    case 5:
    case 6:
        change_rights(w, domain, slot);
        break;
    default:
        change_page(w, domain, slot);
        break;
    }
}

void world_new_tables(struct world *w, unsigned domain)
{
    w->domain[domain].t.root = world_take_table(w);
    for (unsigned slot = 0; slot < WORLD_SLOTS; slot++)
        *world_entry(w, &w->domain[domain].t, world_iova(slot), 0) = some_page(w);
    world_forget(w, domain, 0, UINT64_MAX);
}

static void free_below(struct world *w, uint64_t table, unsigned level)
{
    for (unsigned i = 0; i < 512 && level > 0; i++) {
        uint64_t entry = at(w->m, table)[i];

        if (is_table(entry))
            free_below(w, entry & BITS(45, 12), level - 1);
    }
    world_give_table(w, table);
}

void world_free_tables(struct world *w, unsigned domain)
{
    struct world_domain *d = &w->domain[domain];

    while (d->pendings > 0)
        world_give_table(w, d->pending[--d->pendings].table);
    free_below(w, d->t.root, d->t.levels - 1);
}
