/* SPDX-License-Identifier: MIT */
/*
 * What the caches of the software IOMMU cost: a DMA that finds its page cached and one that walks,
 * and flushes with few and with many cached entries. A page's flush looks one entry up and must not
 * grow with their number; a domain's flush drops each.
 */
#include "drivers/dmaprobe.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "tests/bench/bench.h"

#define DOMAIN_ID  8u
#define REST_ID    10u /* the other benchmarks leave theirs with a device in it */
#define IOVA       0x40000000ull
#define PAGES_MAX  4096ull
#define OPERATIONS 64ull

struct cached {
    struct dma_engine *engine;
    struct domain domain, rest;
    uint64_t pages; /* in the cache before each round */
};

static void fill_page(const struct cached *c, uint64_t page)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_FILL, .iova = IOVA + page * PAGE_SIZE, .length = 64};

    dmaprobe_start(c->engine, 0, &request);
    bench_require(request.state == DMAPROBE_FINISHED && request.status == DMAPROBE_OK,
                  "the DMA of a dmaprobe does not end well");
}

static void cold(void *argument)
{
    struct cached *c = argument;

    bench_require(pviommu_flush(c->domain.id) == HV_STATUS_SUCCESS,
                  "the host refuses a flush of a domain");
}

/* All pages are IOVAs of one buffer of a MiB, so that a few DMAs fill the cache. */
static void warm_pages(void *argument)
{
    const struct cached *c = argument;
    uint64_t left = c->pages * PAGE_SIZE;

    cold(argument);
    for (uint64_t iova = IOVA; left != 0;) {
        uint64_t length = left < DMAPROBE_LENGTH_MAX ? left : DMAPROBE_LENGTH_MAX;
        struct dmaprobe_request request = {
            .operation = DMAPROBE_READ, .iova = iova, .length = (uint32_t)length};

        dmaprobe_start(c->engine, 0, &request);
        bench_require(request.state == DMAPROBE_FINISHED && request.status == DMAPROBE_OK,
                      "the caches cannot be filled");
        iova += length;
        left -= length;
    }
}

static void dma_same_page(void *argument)
{
    for (uint64_t i = 0; i < OPERATIONS; i++)
        fill_page(argument, 0);
}

static void dma_new_pages(void *argument)
{
    for (uint64_t i = 0; i < OPERATIONS; i++)
        fill_page(argument, i * 8);
}

static void flush_pages(void *argument)
{
    const struct cached *c = argument;

    for (uint64_t i = 0; i < OPERATIONS; i++) {
        uint64_t element = hv_iommu_range((IOVA >> 12) + i % c->pages, 0);

        bench_require(pviommu_flush_list(c->domain.id, &element, 1, NULL) == HV_STATUS_SUCCESS,
                      "the host refuses a flush of a list");
    }
}

static void flush_all(void *argument)
{
    cold(argument);
}

static bool set_cached(void *argument, uint64_t size)
{
    struct cached *c = argument;

    c->pages = size;
    return true;
}

static void measure_flushes(struct cached *c)
{
    static const struct bench_size page[] = {{"flush_page_of_16", 16},
                                             {"flush_page_of_64", 64},
                                             {"flush_page_of_256", 256},
                                             {"flush_page_of_1024", 1024},
                                             {"flush_page_of_4096", 4096}};
    static const struct bench_size domain[] = {{"flush_domain_of_16", 16},
                                               {"flush_domain_of_64", 64},
                                               {"flush_domain_of_256", 256},
                                               {"flush_domain_of_1024", 1024},
                                               {"flush_domain_of_4096", 4096}};
    struct bench b = {.operations = OPERATIONS,
                      .round = flush_pages,
                      .prepare = warm_pages,
                      .argument = c,
                      .series = "flush_page",
                      .of = "cached pages"};

    bench_series(&b, page, ARRAY_SIZE(page), set_cached);
    b.operations = 1;
    b.round = flush_all;
    b.series = "flush_domain";
    bench_series(&b, domain, ARRAY_SIZE(domain), set_cached);
}

void bench_softiommu(void)
{
    struct cached c = {.engine = dma_engine_get(DMA_CLASS_DMAPROBE, 0)};
    uint64_t hit;
    struct buffer b;

    if (!c.engine)
        return; /* the host has none */
    if (!buffer_alloc(&b, DMAPROBE_LENGTH_MAX, PAGE_SIZE) ||
        !domain_create(&c.domain, DOMAIN_PAGING, DOMAIN_ID, 0, HV_IOMMU_PGSIZE_4K, NULL) ||
        !domain_create(&c.rest, DOMAIN_BLOCKED, REST_ID, 0, 0, NULL)) {
        bench_require(false, "the host refuses domains for the software IOMMU");
        return;
    }
    for (uint64_t page = 0; page < PAGES_MAX; page++) {
        domain_map(&c.domain, IOVA + page * PAGE_SIZE, gpa_of(b.data) + page * PAGE_SIZE % b.size,
                   PAGE_SIZE, STAGE1_READ | STAGE1_WRITE);
    }
    domain_attach(&c.domain, c.engine->device_id);
    hit = bench_run(&(struct bench){.name = "dma_64b_cached",
                                    .operations = OPERATIONS,
                                    .round = dma_same_page,
                                    .argument = &c});
    bench_run(&(struct bench){.name = "dma_64b_walked",
                              .operations = OPERATIONS,
                              .round = dma_new_pages,
                              .prepare = cold,
                              .argument = &c,
                              .baseline = "dma_64b_cached",
                              .baseline_ps = hit});
    measure_flushes(&c);
    domain_attach(&c.rest, c.engine->device_id);
    domain_delete(&c.domain);
}
