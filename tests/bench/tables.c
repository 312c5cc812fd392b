/* SPDX-License-Identifier: MIT */
/* Stage-1 tables: the cost of map and unmap, and of large ranges against a plain loop of 8-byte stores. */
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "lib/stage1.h"
#include "tests/bench/bench.h"

#define IOVA        0x40000000ull
#define RANGE_PAGES 32768ull /* 128 MiB in 4 KiB leaves */
#define SINGLES     512ull
#define LARGE_2M    256ull
#define LARGE_1G    64ull

struct tables {
    struct stage1 table;
    uint64_t page_sizes, unit, units;
    uint64_t *array; /* RANGE_PAGES entries for the baseline */
};

static void empty(void *argument)
{
    struct tables *b = argument;
    struct stage1_freed freed = {0};

    stage1_unmap(&b->table, IOVA, b->unit * b->units, &freed, NULL);
    stage1_release(&b->table, &freed);
}

static void full(void *argument)
{
    struct tables *b = argument;

    empty(argument);
    stage1_map(&b->table, IOVA, 0, b->unit * b->units, STAGE1_READ | STAGE1_WRITE);
}

static void store_loop(void *argument)
{
    struct tables *b = argument;
    volatile uint64_t *entry = b->array;

    for (uint64_t i = 0; i < RANGE_PAGES; i++) {
        entry[i] = i << 12 | 0x67;
    }
}

static void map_range(void *argument)
{
    struct tables *b = argument;

    stage1_map(&b->table, IOVA, 0, b->unit * b->units, STAGE1_READ | STAGE1_WRITE);
}

static void map_each(void *argument)
{
    struct tables *b = argument;

    for (uint64_t i = 0; i < b->units; i++) {
        stage1_map(&b->table, IOVA + i * b->unit, i * b->unit, b->unit, STAGE1_READ | STAGE1_WRITE);
    }
}

static void unmap_each(void *argument)
{
    struct tables *b = argument;
    struct stage1_freed freed = {0};

    for (uint64_t i = 0; i < b->units; i++) {
        stage1_unmap(&b->table, IOVA + i * b->unit, b->unit, &freed, NULL);
    }
    stage1_release(&b->table, &freed);
}

static void set_up(struct tables *b, uint64_t page_sizes, uint64_t unit, uint64_t units)
{
    b->unit = unit;
    b->units = units;
    stage1_init(&b->table, &stage1_format_x86_64, 4, page_sizes, pviommu_table_memory());
}

static void pair(const char *map_name, const char *unmap_name, struct tables *b)
{
    bench_run(
        &(struct bench){.name = map_name, .operations = b->units, .round = map_each, .prepare = empty, .argument = b});
    bench_run(&(struct bench){
        .name = unmap_name, .operations = b->units, .round = unmap_each, .prepare = full, .argument = b});
    empty(b);
    stage1_destroy(&b->table);
}

void bench_tables(void)
{
    struct tables b = {0};
    uint64_t loop;

    b.array = page_alloc(RANGE_PAGES * sizeof(uint64_t) / PAGE_SIZE, PAGE_SIZE);
    set_up(&b, PAGE_SIZE, PAGE_SIZE, RANGE_PAGES);
    if (b.array) {
        loop = bench_run(
            &(struct bench){.name = "store_loop", .operations = RANGE_PAGES, .round = store_loop, .argument = &b});
        /* New tables: includes getting and zeroing them. Then again over tables that are there. */
        bench_run(&(struct bench){.name = "map_range_4k",
                                  .operations = RANGE_PAGES,
                                  .round = map_range,
                                  .prepare = empty,
                                  .argument = &b,
                                  .baseline = "store_loop",
                                  .baseline_ps = loop});
    }
    empty(&b);
    stage1_destroy(&b.table);

    set_up(&b, PAGE_SIZE, PAGE_SIZE, SINGLES);
    pair("map_4k", "unmap_4k", &b);
    set_up(&b, PAGE_SIZE | SIZE_2M, SIZE_2M, LARGE_2M);
    pair("map_2m", "unmap_2m", &b);
    set_up(&b, PAGE_SIZE | SIZE_2M | SIZE_1G, SIZE_1G, LARGE_1G);
    pair("map_1g", "unmap_1g", &b);
}
