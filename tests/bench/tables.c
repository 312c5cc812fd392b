/* SPDX-License-Identifier: MIT */
/* Stage-1 tables: the cost of map and unmap, and of large ranges against a plain loop of 8-byte
 * stores. */
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "lib/stage1.h"
#include "tests/bench/bench.h"

#define IOVA        0x40000000ull
#define RANGE_PAGES 32768ull /* 128 MiB in 4 KiB leaves */
#define SINGLES     512ull
#define LARGE_2M    256ull
#define LARGE_1G    64ull

/* Table pages at hand: an allocator that costs nothing. */
struct stock {
    uint8_t *pages;
    size_t count, used;
};

struct tables {
    struct stage1 table;
    struct stock stock; /* tables of map_range_4k come from here */
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

static void *stock_take(void *owner)
{
    struct stock *s = owner;

    return s->used < s->count ? s->pages + s->used++ * PAGE_SIZE : NULL;
}

static void stock_give(void *owner, void *table)
{
    (void)owner;
    (void)table;
}

static uint64_t stock_gpa(void *owner, const void *table)
{
    (void)owner;
    return gpa_of(table);
}

static void *stock_table_at(void *owner, uint64_t gpa)
{
    (void)owner;
    return gpa_pointer(gpa);
}

/* All pages but the root's are back after the range is unmapped. */
static void restock(void *argument)
{
    struct tables *b = argument;

    empty(argument);
    b->stock.used = 1;
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

    for (uint64_t i = 0; i < RANGE_PAGES; i++)
        entry[i] = i << 12 | 0x67;
}

static void map_range(void *argument)
{
    struct tables *b = argument;

    bench_require(stage1_map(&b->table, IOVA, 0, b->unit * b->units, STAGE1_READ | STAGE1_WRITE) ==
                      STAGE1_OK,
                  "a range cannot be mapped");
}

static void map_each(void *argument)
{
    struct tables *b = argument;

    for (uint64_t i = 0; i < b->units; i++) {
        uint64_t gpa = i * b->unit;

        bench_require(stage1_map(&b->table, IOVA + gpa, gpa, b->unit, STAGE1_READ | STAGE1_WRITE) ==
                          STAGE1_OK,
                      "a leaf cannot be mapped");
    }
}

static void unmap_each(void *argument)
{
    struct tables *b = argument;
    struct stage1_freed freed = {0};

    for (uint64_t i = 0; i < b->units; i++) {
        bench_require(stage1_unmap(&b->table, IOVA + i * b->unit, b->unit, &freed, NULL) ==
                          STAGE1_OK,
                      "a leaf cannot be unmapped");
    }
    stage1_release(&b->table, &freed);
}

/* Tables at hand, and then tables that the driver's own allocator checks and poisons. */
static void bench_range(struct tables *b)
{
    struct stage1_memory stock = {stock_take, stock_give, stock_gpa, stock_table_at, &b->stock};
    struct bench bench = {
        .operations = RANGE_PAGES, .round = map_range, .argument = b, .baseline = "store_loop"};

    b->unit = PAGE_SIZE;
    b->units = RANGE_PAGES;
    b->array = page_alloc(RANGE_PAGES * sizeof(uint64_t) / PAGE_SIZE, PAGE_SIZE);
    b->stock.count = RANGE_PAGES / 512 + 8;
    b->stock.pages = page_alloc(b->stock.count, PAGE_SIZE);
    if (!b->array || !b->stock.pages) {
        bench_require(false, "there is no memory for a large range");
        return;
    }
    bench.baseline_ps = bench_run(&(struct bench){
        .name = "store_loop", .operations = RANGE_PAGES, .round = store_loop, .argument = b});

    stage1_init(&b->table, &stage1_format_x86_64, 4, PAGE_SIZE, stock);
    bench.name = "map_range_4k";
    bench.prepare = restock;
    bench_run(&bench);

    stage1_init(&b->table, &stage1_format_x86_64, 4, PAGE_SIZE, pviommu_table_memory());
    bench.name = "map_range_4k_alloc";
    bench.prepare = empty;
    bench_run(&bench);
    empty(b);
    stage1_destroy(&b->table);
}

static void set_up(struct tables *b, uint64_t page_sizes, uint64_t unit, uint64_t units)
{
    b->unit = unit;
    b->units = units;
    stage1_init(&b->table, &stage1_format_x86_64, 4, page_sizes, pviommu_table_memory());
}

static void pair(const char *map_name, const char *unmap_name, struct tables *b)
{
    bench_run(&(struct bench){.name = map_name,
                              .operations = b->units,
                              .round = map_each,
                              .prepare = empty,
                              .argument = b});
    bench_run(&(struct bench){.name = unmap_name,
                              .operations = b->units,
                              .round = unmap_each,
                              .prepare = full,
                              .argument = b});
    empty(b);
    stage1_destroy(&b->table);
}

void bench_tables(void)
{
    struct tables b = {0};

    bench_range(&b);
    set_up(&b, PAGE_SIZE, PAGE_SIZE, SINGLES);
    pair("map_4k", "unmap_4k", &b);
    set_up(&b, PAGE_SIZE | SIZE_2M, SIZE_2M, LARGE_2M);
    pair("map_2m", "unmap_2m", &b);
    set_up(&b, PAGE_SIZE | SIZE_2M | SIZE_1G, SIZE_1G, LARGE_1G);
    pair("map_1g", "unmap_1g", &b);
}
