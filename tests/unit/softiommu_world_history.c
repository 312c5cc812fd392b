/* SPDX-License-Identifier: MIT */
/* The walker without caches, and the judge of what the IOMMU did. */
#include "lib/bits.h"
#include "tests/unit/softiommu_world.h"

struct now {
    bool present, writable;
    bool writable_above; /* by the levels above the leaf, or above the entry that is not present */
    uint64_t target;
};

static struct now look(struct world *w, const struct softiommu_translation *t, uint64_t iova)
{
    struct now now = {.present = true, .writable_above = true};
    uint64_t entry, table = t->root;

    for (unsigned level = t->levels - 1;; level--) {
        entry = at(w->m, table)[iova >> (12 + 9 * level) & 511];
        now.present = (entry & 1) != 0;
        if (!now.present)
            return now;
        if (level == 0 || (entry & PS) != 0) {
            uint64_t size = PAGE_SIZE << (9 * level);

            now.target = (entry & BITS(45, 12) & ~(size - 1)) | (iova & (size - 1));
            now.writable = (entry & BIT(1)) != 0;
            return now;
        }
        now.writable_above = now.writable_above && (entry & BIT(1)) != 0;
        table = entry & BITS(45, 12);
    }
}

static void note(struct world *w, unsigned domain, unsigned slot)
{
    struct history *h = &w->domain[domain].slot[slot];
    struct now now = look(w, &w->domain[domain].t, world_iova(slot));
    unsigned i = 0;

    /* The levels above may be cached also while the page is not present. */
    h->writable_above = h->writable_above || now.writable_above;
    h->denied = h->denied || !now.writable_above || (now.present && !now.writable);
    h->absent = h->absent || !now.present;
    if (!now.present)
        return;
    while (i < h->count && h->once[i].target != now.target)
        i++;
    if (i == h->count) {
        assert_true(h->count < WORLD_HISTORY);
        h->once[h->count++] = (struct once){.target = now.target};
    }
    h->once[i].writable = h->once[i].writable || now.writable;
}

void world_note(struct world *w, unsigned domain, uint64_t first, uint64_t last, bool path)
{
    bool full = false;

    for (unsigned i = 0; i < WORLD_SLOTS; i++) {
        struct history *h = &w->domain[domain].slot[i];

        if (world_iova(i) >> 12 < first || world_iova(i) >> 12 > last)
            continue;
        h->path = h->path || path;
        note(w, domain, i);
        full = full || h->count > WORLD_HISTORY - 2;
    }
    if (full)
        world_flush_all(w, domain);
}

void world_forget(struct world *w, unsigned domain, uint64_t first, uint64_t last)
{
    struct world_domain *d = &w->domain[domain];

    for (unsigned i = 0; i < WORLD_SLOTS; i++) {
        if (world_iova(i) >> 12 >= first && world_iova(i) >> 12 <= last) {
            d->slot[i] = (struct history){0};
            note(w, domain, i);
        }
    }
    for (unsigned i = 0; i < WORLD_AREAS; i++) {
        uint64_t iova = world_iova(i * WORLD_AREA_SLOTS);
        uint64_t place = *world_entry(w, &d->t, iova, 2);

        if (iova >> 12 >= first && (iova >> 12) + 511 <= last && (place & 1) != 0)
            d->large_only[i] = (*world_entry(w, &d->t, iova, 1) & PS) != 0;
    }
    for (unsigned i = 0; i < d->pendings;) {
        if (d->pending[i].first >= first && d->pending[i].last <= last) {
            world_give_table(w, d->pending[i].table);
            d->pending[i] = d->pending[--d->pendings];
        } else {
            i++;
        }
    }
}

void world_flush(struct world *w, unsigned domain, uint64_t page, unsigned shift)
{
    if (world_one_in(w, 8)) {
        shift += 1 + world_below(w, 52 - shift);
        page = align_down(page, BIT(shift));
    }
    softiommu_flush_range(w->m->iommu, w->domain[domain].t.did, page, shift);
    world_expect_drained(w, domain);
    world_forget(w, domain, page, page + BIT(shift) - 1);
}

void world_flush_all(struct world *w, unsigned domain)
{
    softiommu_flush_domain(w->m->iommu, w->domain[domain].t.did);
    world_expect_drained(w, domain);
    world_forget(w, domain, 0, UINT64_MAX);
}

static const struct once *once_valid(const struct history *h, uint64_t target)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->once[i].target == target)
            return &h->once[i];
    return NULL;
}

static void judge_paging(struct world *w, unsigned domain, unsigned slot, enum oracle_access access,
                         uint64_t reached)
{
    const struct history *h = &w->domain[domain].slot[slot];
    struct now now = look(w, &w->domain[domain].t, world_iova(slot));
    const struct once *once = once_valid(h, reached);
    bool granted = now.present && (access == READ || (now.writable && now.writable_above));

    if (w->m->config.policy == SOFTIOMMU_CACHE_NONE &&
        reached != (granted ? now.target : REFUSED)) {
        world_fail(w, "a host without caches differs from the tables");
    } else if (reached == REFUSED) {
        bool walked_old = h->path && h->absent;

        if (granted && !walked_old && !(access == WRITE && h->denied))
            world_fail(w, "refused what the tables have granted since the last flush");
    } else if (!once) {
        world_fail(w, "reached what no table has led to since the last flush");
    } else if (access == WRITE && (!once->writable || !h->writable_above)) {
        world_fail(w, "wrote what has not been writable since the last flush");
    }
    w->stale += reached != (granted ? now.target : REFUSED);
}

void world_judge(struct world *w, unsigned device, unsigned slot, enum oracle_access access,
                 uint64_t reached)
{
    unsigned domain = w->in[device];
    uint64_t iova = world_iova(slot);

    if (reached == REFUSED)
        w->refused++;
    else
        w->translated++;
    if (domain < WORLD_DOMAINS)
        judge_paging(w, domain, slot, access, reached);
    else if (domain == WORLD_BLOCKED && reached != REFUSED)
        world_fail(w, "a blocked device reached memory");
    else if (domain == WORLD_IDENTITY && reached != (iova - RAM < RAM_SIZE ? iova : REFUSED))
        world_fail(w, "identity is not identity");
}
