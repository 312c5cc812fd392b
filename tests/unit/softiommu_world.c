/* SPDX-License-Identifier: MIT */
#include "tests/unit/softiommu_world.h"
#include "lib/bits.h"

#include <string.h>

void world_fail(struct world *w, const char *what)
{
    if (!w->wrong)
        w->wrong = what;
}

unsigned world_below(struct world *w, unsigned bound)
{
    return (unsigned)random_below(&w->random, bound);
}

bool world_one_in(struct world *w, unsigned n)
{
    return world_below(w, n) == 0;
}

uint64_t world_iova(unsigned slot)
{
    static const uint64_t place[WORLD_PLACES] = {0, UINT64_C(0x7FC0000000),
                                                 UINT64_C(0x5555C0400000)};
    unsigned page = slot % WORLD_AREA_SLOTS;

    page = page < WORLD_AREA_SLOTS / 2 ? page : 512 - WORLD_AREA_SLOTS + page;
    return place[slot / WORLD_AREA_SLOTS / 2] + slot / WORLD_AREA_SLOTS % 2 * MEG2 +
           page * PAGE_SIZE;
}

bool world_used(const struct world *w, unsigned domain)
{
    for (unsigned i = 0; i < ARRAY_SIZE(w->in); i++)
        if (w->in[i] == domain)
            return true;
    return false;
}

struct world *world_new(const struct softiommu_config *config, struct random random, bool ats)
{
    struct world *w = calloc(1, sizeof(*w));
    uint64_t poison;

    assert_non_null(w);
    w->m = machine_new(config);
    w->random = random;
    w->ats = ats;
    poison = table_new(w->m);
    w->poison_entry = poison | (RW & ~(BIT(5) | BIT(6)));
    for (unsigned i = 0; i < 512; i++)
        at(w->m, poison)[i] = w->poison_entry;
    for (unsigned i = 0; i < ARRAY_SIZE(w->in); i++) {
        w->in[i] = WORLD_BLOCKED;
        softiommu_set_ats(w->m->iommu, i, ats && i != 0);
    }
    for (unsigned i = 0; i < WORLD_DOMAINS; i++) {
        w->domain[i].t = (struct softiommu_translation){
            .kind = SOFTIOMMU_PAGING, .levels = i % 2 == 0 ? 4 : 5, .did = (uint16_t)(6 + i)};
        world_new_tables(w, i);
    }
    return w;
}

void world_free(struct world *w)
{
    machine_free(w->m);
    free(w);
}

static void switch_device(struct world *w)
{
    unsigned device = world_below(w, ARRAY_SIZE(w->in)), from = w->in[device];
    static const unsigned special[] = {WORLD_BLOCKED, WORLD_IDENTITY};
    unsigned to = world_one_in(w, 3) ? special[world_below(w, 2)] : world_below(w, WORLD_DOMAINS);
    struct softiommu_translation other = {.kind = to == WORLD_IDENTITY ? SOFTIOMMU_IDENTITY
                                                                       : SOFTIOMMU_BLOCKED,
                                          .did = to == WORLD_IDENTITY ? 2 : 0};
    bool detached;

    detached = to == WORLD_BLOCKED && !world_one_in(w, 3);
    if (detached)
        detach(w->m, device);
    else
        attach(w->m, device, to < WORLD_DOMAINS ? &w->domain[to].t : &other);
    w->in[device] = to;
    for (unsigned i = 0; i < WORLD_REQUESTS; i++)
        if (w->request[i].busy && w->request[i].request.device == device &&
            w->request[i].request.state == SOFTIOMMU_REQUEST_IN_FLIGHT)
            world_fail(w, "a request is in flight after a switch of its device");
    if (from < WORLD_DOMAINS && !world_used(w, from) &&
        (detached || !w->m->config.keep_idle_domains))
        world_forget(w, from, 0, UINT64_MAX);
}

/* A domain that no device uses ends, and another begins under its did. Its tables are gone before
 * (Reference 6.11). */
static void replace_domain(struct world *w)
{
    unsigned domain = world_below(w, WORLD_DOMAINS);

    if (world_used(w, domain))
        return;
    world_free_tables(w, domain);
    softiommu_delete_domain(w->m->iommu, &w->domain[domain].t);
    w->domain[domain].t.levels = 4 + world_below(w, 2);
    world_new_tables(w, domain);
}

static void access_memory(struct world *w)
{
    unsigned device = world_below(w, ARRAY_SIZE(w->in)), slot = world_below(w, WORLD_SLOTS);
    enum oracle_access access = world_one_in(w, 2) ? WRITE : READ;

    world_judge(w, device, slot, access, target(w->m, device, world_iova(slot), access));
}

void world_access_hot(struct world *w)
{
    for (unsigned i = 0; i < ARRAY_SIZE(w->in); i++) {
        enum oracle_access access = world_one_in(w, 2) ? WRITE : READ;

        if (w->in[i] == w->hot_domain)
            world_judge(w, i, w->hot_slot, access,
                        target(w->m, i, world_iova(w->hot_slot), access));
    }
}

void world_step(struct world *w)
{
    unsigned what = world_below(w, 100);

    if (what < 20)
        world_access_hot(w);
    else if (what < 55)
        access_memory(w);
    else if (what < 70)
        world_request(w);
    else if (what < 90)
        world_change(w);
    else if (what < 92)
        world_flush_all(w, world_below(w, WORLD_DOMAINS));
    else if (what < 95)
        switch_device(w);
    else if (what < 97)
        replace_domain(w);
    else if (w->ats)
        softiommu_set_ats(w->m->iommu, world_below(w, ARRAY_SIZE(w->in)), world_one_in(w, 2));
}
