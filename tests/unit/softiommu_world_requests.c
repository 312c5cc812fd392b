/* SPDX-License-Identifier: MIT */
/* DMA that lands later than it was translated. */
#include "lib/bits.h"
#include "tests/unit/softiommu_world.h"

static void finish(struct world *w, unsigned i)
{
    struct softiommu_request *request = &w->request[i].request;
    bool drained = request->state == SOFTIOMMU_REQUEST_DRAINED;

    softiommu_request_complete(w->m->iommu, request);
    w->request[i].busy = false;
    if (drained)
        return; /* looked at when it was drained */
    if (request->access == WRITE && *at_spa(w->m, w->request[i].piece.spa) != w->request[i].value)
        world_fail(w, "a completed write is not in memory");
}

static void begin(struct world *w, unsigned i)
{
    unsigned device = world_below(w, ARRAY_SIZE(w->in)), slot = world_below(w, WORLD_SLOTS);
    enum oracle_access access = world_one_in(w, 3) ? READ : WRITE;
    uint64_t offset = world_below(w, 512) * 8, reached = REFUSED;
    struct softiommu_request *request = &w->request[i].request;

    w->request[i].value = random_u64(&w->random);
    w->request[i].domain = w->in[device];
    *request = (struct softiommu_request){.iova = world_iova(slot) + offset,
                                          .length = 8,
                                          .access = access,
                                          .buffer = &w->request[i].value,
                                          .piece = &w->request[i].piece,
                                          .piece_capacity = 1};
    if (softiommu_request_begin(w->m->iommu, device, request)) {
        reached = spa_to_gpa(request->piece[0].spa) - offset;
        w->request[i].busy = true;
    }
    world_judge(w, device, slot, access, reached);
}

void world_request(struct world *w)
{
    unsigned i = world_below(w, WORLD_REQUESTS);

    if (w->request[i].busy)
        finish(w, i);
    else
        begin(w, i);
}

void world_expect_drained(struct world *w, unsigned domain)
{
    for (unsigned i = 0; i < WORLD_REQUESTS; i++) {
        const struct softiommu_request *request = &w->request[i].request;

        if (w->request[i].busy && w->request[i].domain == domain &&
            request->state == SOFTIOMMU_REQUEST_IN_FLIGHT)
            world_fail(w, "a request is in flight after a flush of its domain");
    }
}
