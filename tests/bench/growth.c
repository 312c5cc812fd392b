/* SPDX-License-Identifier: MIT */
/*
 * How a cost grows: the switch of a device between two domains against the devices that are in one
 * of them and against the domains that are alive, and a map against the length of its range.
 */
#include "drivers/dma_engine.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "lib/stage1.h"
#include "tests/bench/bench.h"

#define SWITCHES    50ull
#define DOMAIN_A    20u
#define DOMAIN_B    21u
#define DOMAIN_REST 22u
#define DOMAIN_MORE 0x1000u /* and those that follow: the domains that are only alive */
#define IOVA        0x40000000ull
#define PAGES_MAX   4096u

static const struct bench_size devices_sizes[] = {{"attach_beside_0", 0},
                                                  {"attach_beside_1", 1},
                                                  {"attach_beside_2", 2},
                                                  {"attach_beside_4", 4},
                                                  {"attach_beside_8", 8}};
static const struct bench_size domains_sizes[] = {{"attach_among_3", 3},
                                                  {"attach_among_10", 10},
                                                  {"attach_among_100", 100},
                                                  {"attach_among_1000", 1000}};
static const struct bench_size map_sizes[] = {
    {"map_pages_1", 1}, {"map_pages_16", 16}, {"map_pages_512", 512}, {"map_pages_4096", 4096}};

struct switching {
    struct dma_engine *engine, *all;
    size_t count;
    struct domain a, b, rest;
    uint64_t beside; /* devices in `a` beside the one that is switched */
    uint64_t more;   /* domains from DOMAIN_MORE on */
};

static void switch_there_and_back(void *argument)
{
    const struct switching *s = argument;

    for (uint64_t i = 0; i < SWITCHES / 2; i++) {
        bench_require(pviommu_attach(s->b.id, s->engine->device_id) == HV_STATUS_SUCCESS &&
                          pviommu_attach(s->a.id, s->engine->device_id) == HV_STATUS_SUCCESS,
                      "the host refuses an attach");
    }
}

static bool set_beside(void *argument, uint64_t size)
{
    struct switching *s = argument;
    uint64_t in = 0;

    for (size_t i = 0; i < s->count && in < size; i++)
        if (&s->all[i] != s->engine &&
            domain_attach(&s->a, s->all[i].device_id) == HV_STATUS_SUCCESS)
            in++;
    s->beside = in;
    return in == size;
}

static bool set_among(void *argument, uint64_t size)
{
    struct switching *s = argument;

    for (; s->more + 3 < size; s->more++)
        if (pviommu_create(DOMAIN_MORE + (uint32_t)s->more) != HV_STATUS_SUCCESS)
            return false; /* as many as this host takes */
    return true;
}

static void leave(struct switching *s)
{
    for (size_t i = 0; s->beside && i < s->count; i++)
        if (&s->all[i] != s->engine)
            domain_attach(&s->rest, s->all[i].device_id);
    domain_attach(&s->rest, s->engine->device_id);
    for (; s->more; s->more--) {
        bench_require(pviommu_delete(DOMAIN_MORE + (uint32_t)s->more - 1) == HV_STATUS_SUCCESS,
                      "a domain that was only alive cannot be deleted");
    }
    domain_delete(&s->a);
    domain_delete(&s->b);
}

static void bench_attach(void)
{
    struct switching s = {.engine = dma_engine_fast()};
    struct bench b = {.operations = SWITCHES,
                      .round = switch_there_and_back,
                      .argument = &s,
                      .series = "attach_devices",
                      .of = "other devices in the domain"};

    s.all = dma_engines(&s.count);
    if (!s.engine)
        return;
    if (!domain_create(&s.a, DOMAIN_PAGING, DOMAIN_A, 0, 0, NULL) ||
        !domain_create(&s.b, DOMAIN_PAGING, DOMAIN_B, 0, 0, NULL) ||
        !domain_create(&s.rest, DOMAIN_BLOCKED, DOMAIN_REST, 0, 0, NULL)) {
        bench_require(false, "the host refuses domains for the growth of an attach");
        return;
    }
    domain_attach(&s.a, s.engine->device_id);
    bench_series(&b, devices_sizes, ARRAY_SIZE(devices_sizes), set_beside);
    b.series = "attach_domains";
    b.of = "domains alive";
    bench_series(&b, domains_sizes, ARRAY_SIZE(domains_sizes), set_among);
    leave(&s);
}

struct mapping {
    struct stage1 table;
    uint64_t pages;
};

static bool set_pages(void *argument, uint64_t size)
{
    struct mapping *m = argument;

    m->pages = size;
    return true;
}

static void unmap_pages(void *argument)
{
    struct mapping *m = argument;
    struct stage1_freed freed = {0};

    stage1_unmap(&m->table, IOVA, m->pages * PAGE_SIZE, &freed, NULL);
    stage1_release(&m->table, &freed);
}

static void map_pages(void *argument)
{
    struct mapping *m = argument;

    bench_require(stage1_map(&m->table, IOVA, 0, m->pages * PAGE_SIZE,
                             STAGE1_READ | STAGE1_WRITE) == STAGE1_OK,
                  "a range cannot be mapped");
}

static void bench_map(void)
{
    struct mapping m = {0};

    stage1_init(&m.table, &stage1_format_x86_64, 4, PAGE_SIZE, pviommu_table_memory());
    bench_series(&(struct bench){.operations = 1,
                                 .round = map_pages,
                                 .prepare = unmap_pages,
                                 .argument = &m,
                                 .series = "map_range",
                                 .of = "pages of 4 KiB"},
                 map_sizes, ARRAY_SIZE(map_sizes), set_pages);
    m.pages = PAGES_MAX;
    unmap_pages(&m);
    stage1_destroy(&m.table);
}

void bench_growth(void)
{
    bench_map();
    bench_attach();
}
