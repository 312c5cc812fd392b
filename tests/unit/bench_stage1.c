/* SPDX-License-Identifier: MIT */
/*
 * What a 4 KiB mapping costs, as a ratio to the least it could cost: a plain loop that stores as
 * many 8-byte entries. Table pages come from a zeroed pool, as in the guest; the loop writes into
 * pages of the same pool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/stage1.h"

#define PAGES       (256u * 1024) /* 1 GiB */
#define POOL_TABLES 1100u
#define REPETITIONS 21

#define IOVA       0x4000000000ull
#define GPA        0x100000000ull
#define TABLE_SIZE 4096u

struct pool {
    unsigned char *memory;
    size_t used;
};

static void *pool_alloc(void *owner)
{
    struct pool *pool = owner;

    return pool->used < POOL_TABLES ? pool->memory + TABLE_SIZE * pool->used++ : NULL;
}

static void pool_free(void *owner, void *table)
{
    (void)owner;
    (void)table;
}

static uint64_t pool_gpa(void *owner, const void *table)
{
    (void)owner;
    return (uint64_t)(uintptr_t)table;
}

static void *pool_table(void *owner, uint64_t gpa)
{
    (void)owner;
    return (void *)(uintptr_t)gpa;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double plain_loop(struct pool *pool)
{
    volatile uint64_t *entries = (volatile uint64_t *)(void *)pool->memory;
    double start = now();

    for (uint64_t i = 0; i < PAGES; i++)
        entries[i] = (GPA + i * TABLE_SIZE) | 0x067;
    return now() - start;
}

static void fail(const char *what, enum stage1_status status)
{
    fprintf(stderr, "bench_stage1: %s: %s\n", what, stage1_status_name(status));
    exit(1);
}

static void check(const char *what, enum stage1_status status)
{
    if (status != STAGE1_OK)
        fail(what, status);
}

struct times {
    double plain, map, unmap, map_each, unmap_each;
};

static void keep_least(double *least, double time)
{
    if (*least == 0 || time < *least)
        *least = time;
}

static void restart(struct stage1 *s, struct pool *pool)
{
    struct stage1_memory memory = {pool_alloc, pool_free, pool_gpa, pool_table, pool};

    memset(pool->memory, 0, (size_t)TABLE_SIZE * POOL_TABLES);
    pool->used = 0;
    check("init", stage1_init(s, &stage1_format_x86_64, 4, 1u << 12, memory));
}

static void measure(struct pool *pool, struct times *least)
{
    struct stage1_freed freed = {0};
    struct stage1 s;
    uint64_t unmapped;
    double start;

    restart(&s, pool);
    keep_least(&least->plain, plain_loop(pool));

    restart(&s, pool);
    start = now();
    check("map", stage1_map(&s, IOVA, GPA, (uint64_t)PAGES << 12, STAGE1_READ | STAGE1_WRITE));
    keep_least(&least->map, now() - start);
    start = now();
    check("unmap", stage1_unmap(&s, IOVA, (uint64_t)PAGES << 12, &freed, &unmapped));
    keep_least(&least->unmap, now() - start);
    if (unmapped != (uint64_t)PAGES << 12)
        fail("unmapped too little", STAGE1_OK);

    restart(&s, pool);
    freed = (struct stage1_freed){0};
    start = now();
    for (uint64_t i = 0; i < PAGES; i++)
        check("map", stage1_map(&s, IOVA + (i << 12), GPA + (i << 12), 1u << 12, STAGE1_READ));
    keep_least(&least->map_each, now() - start);
    start = now();
    for (uint64_t i = 0; i < PAGES; i++)
        check("unmap", stage1_unmap(&s, IOVA + (i << 12), 1u << 12, &freed, NULL));
    keep_least(&least->unmap_each, now() - start);
}

int main(void)
{
    struct pool pool = {.memory = aligned_alloc(TABLE_SIZE, (size_t)TABLE_SIZE * POOL_TABLES)};
    struct times least = {0};

    if (!pool.memory)
        fail("no memory for the pool", STAGE1_ERR_NO_MEMORY);
    for (int i = 0; i < REPETITIONS; i++)
        measure(&pool, &least);
    printf("bench_stage1: %u pages of 4 KiB, best of %d: plain loop %.2f ns per entry, map %.2f ns "
           "(ratio %.2f), "
           "unmap %.2f ns (ratio %.2f); page by page: map %.1f ns, unmap %.1f ns\n",
           PAGES, REPETITIONS, least.plain / PAGES, least.map / PAGES, least.map / least.plain,
           least.unmap / PAGES, least.unmap / least.plain, least.map_each / PAGES,
           least.unmap_each / PAGES);
    free(pool.memory);
    return 0;
}
