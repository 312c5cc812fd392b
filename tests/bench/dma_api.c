/* SPDX-License-Identifier: MIT */
/* The DMA API as a driver sees it: map and unmap of one page, strict and deferred. */
#include "drivers/dma_api.h"
#include "drivers/dma_engine.h"
#include "kernel/memory.h"
#include "tests/bench/bench.h"

#define BUFFERS   512ull
#define DOMAIN_ID 8u

struct load {
    struct dma_api api;
    uint64_t gpa;
    uint64_t iova[BUFFERS];
};

static void map_one(struct load *l, uint64_t *iova)
{
    bench_require(dma_api_map(&l->api, l->gpa, PAGE_SIZE, STAGE1_READ | STAGE1_WRITE, iova),
                  "the DMA API maps nothing");
}

static void unmap_one(struct load *l, uint64_t iova)
{
    bench_require(dma_api_unmap(&l->api, iova, PAGE_SIZE), "the DMA API does not unmap");
}

static void map_all(void *argument)
{
    struct load *l = argument;

    for (uint64_t i = 0; i < BUFFERS; i++)
        map_one(l, &l->iova[i]);
}

static void unmap_all(void *argument)
{
    struct load *l = argument;

    for (uint64_t i = 0; i < BUFFERS; i++)
        unmap_one(l, l->iova[i]);
}

static void map_and_unmap(void *argument)
{
    struct load *l = argument;

    for (uint64_t i = 0; i < BUFFERS; i++) {
        map_one(l, &l->iova[0]);
        unmap_one(l, l->iova[0]);
    }
}

/* Whatever is mapped or not at this point. */
static void unmap_then_map(void *argument)
{
    struct load *l = argument;

    for (uint64_t i = 0; i < BUFFERS; i++)
        (void)dma_api_unmap(&l->api, l->iova[i], PAGE_SIZE);
    map_all(argument);
}

struct names {
    enum dma_api_mode mode;
    const char *map, *unmap, *both;
};

static uint64_t bench_mode(struct load *l, const struct names *n, const char *baseline,
                           uint64_t baseline_ps)
{
    uint64_t both, neighbor;

    if (!dma_api_start(&l->api, n->mode, DOMAIN_ID, 0x1000, 1ull << 32, NULL)) {
        bench_require(false, "the host refuses a domain for the DMA API");
        return 0;
    }
    /* One neighbor stays mapped, as in a driver at work: otherwise each round would also make and
     * free three tables.
     */
    map_one(l, &neighbor);
    map_all(l);
    bench_run(&(struct bench){.name = n->map,
                              .operations = BUFFERS,
                              .round = map_all,
                              .prepare = unmap_all,
                              .argument = l});
    bench_run(&(struct bench){.name = n->unmap,
                              .operations = BUFFERS,
                              .round = unmap_all,
                              .prepare = unmap_then_map,
                              .argument = l});
    both = bench_run(&(struct bench){.name = n->both,
                                     .operations = BUFFERS,
                                     .round = map_and_unmap,
                                     .argument = l,
                                     .baseline = baseline,
                                     .baseline_ps = baseline_ps});
    unmap_one(l, neighbor);
    dma_api_stop(&l->api);
    return both;
}

void bench_dma_api(void)
{
    static const struct names strict = {DMA_API_STRICT, "strict_map", "strict_unmap",
                                        "strict_map_unmap"};
    static const struct names deferred = {DMA_API_DEFERRED, "deferred_map", "deferred_unmap",
                                          "deferred_map_unmap"};
    struct load *l = memory_boot_pages((sizeof(*l) + PAGE_SIZE - 1) / PAGE_SIZE);
    uint64_t cost;

    l->gpa = gpa_of(page_alloc(1, PAGE_SIZE));
    cost = bench_mode(l, &strict, NULL, 0);
    bench_mode(l, &deferred, "strict_map_unmap", cost);
}
