/* SPDX-License-Identifier: MIT */
/*
 * What the software IOMMU costs: translations by where the answer comes from, and invalidations by
 * how much is cached. A page-selective flush must cost the same however many entries there are; a
 * domain flush costs what the domain has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/softiommu/softiommu.h"
#include "host/softiommu/statistics.h"
#include "lib/bits.h"

#define ENTRIES_MAX 16384u
#define REPETITIONS 15
#define LOOK_UPS    4096u
#define TABLES      64u
#define ENTRY(gpa)  ((gpa) | 0x67u)
#define OTHER_DID   9u
#define DID         8u

/* Memory is the tables alone: table i at GPA and SPA i << 12. Every page of 0 .. 64 MiB is mapped.
 */
static uint64_t memory[TABLES][512];

static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
{
    (void)owner;
    (void)access;
    *spa = gpa;
    *size = UINT64_C(1) << 21;
    return true;
}

static uint64_t read64(void *owner, uint64_t spa)
{
    (void)owner;
    return __atomic_load_n(&memory[spa >> 12][spa >> 3 & 511], __ATOMIC_RELAXED);
}

static bool compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    (void)owner;
    return __atomic_compare_exchange_n(&memory[spa >> 12][spa >> 3 & 511], &expected, desired,
                                       false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void build_tables(void)
{
    for (unsigned level = 0; level < 3; level++)
        memory[level][0] = ENTRY((uint64_t)(level + 1) << 12) & ~UINT64_C(0x40);
    for (unsigned i = 0; i < ENTRIES_MAX / 512; i++) {
        memory[2][i] = ENTRY((uint64_t)(i + 3) << 12) & ~UINT64_C(0x40);
        for (unsigned k = 0; k < 512; k++)
            memory[3 + i][k] = ENTRY((uint64_t)(i * 512 + k) << 12);
    }
}

static struct softiommu *start(enum softiommu_policy policy, bool ats)
{
    static void *storage;
    struct softiommu_config config = {.policy = policy,
                                      .devices = 2,
                                      .iova_bits = 48,
                                      .physical_bits = 46,
                                      .page_sizes = BIT(12),
                                      .iotlb_entries = 2 * ENTRIES_MAX,
                                      .walk_cache_entries = 256,
                                      .device_tlb_entries = ENTRIES_MAX};
    struct softiommu_callbacks callbacks = {
        .stage2 = stage2, .read64 = read64, .compare_exchange64 = compare_exchange64};
    struct softiommu_translation t = {.kind = SOFTIOMMU_PAGING, .levels = 4, .did = DID};
    struct softiommu *iommu;

    free(storage);
    storage = malloc(softiommu_storage_size(&config));
    iommu = softiommu_init(&config, &callbacks, storage, softiommu_storage_size(&config));
    if (!iommu || !softiommu_switch_device(iommu, 0, &t, SOFTIOMMU_ATTACH)) {
        fprintf(stderr, "bench_softiommu: the IOMMU does not start\n");
        exit(1);
    }
    t.did = OTHER_DID;
    softiommu_switch_device(iommu, 1, &t, SOFTIOMMU_ATTACH);
    softiommu_set_ats(iommu, 0, ats);
    return iommu;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void keep_least(double *least, double time)
{
    if (*least == 0 || time < *least)
        *least = time;
}

static void translate(struct softiommu *iommu, unsigned device, unsigned first, unsigned pages)
{
    for (unsigned i = first; i < first + pages; i++) {
        uint64_t spa = 0, size;

        if (softiommu_translate(iommu, device, (uint64_t)i << 12, ORACLE_ACCESS_WRITE, &spa,
                                &size) != 0 ||
            spa != (uint64_t)i << 12) {
            fprintf(stderr, "bench_softiommu: page %u is translated wrongly\n", i);
            exit(1);
        }
    }
}

static double time_translate(struct softiommu *iommu)
{
    double least = 0;

    translate(iommu, 0, 0, LOOK_UPS);
    for (int i = 0; i < REPETITIONS; i++) {
        double begin = now();

        translate(iommu, 0, 0, LOOK_UPS);
        keep_least(&least, (now() - begin) / LOOK_UPS);
    }
    return least;
}

/* All of the first `pages` pages are cached, for both domains; each page of the first domain is
 * flushed once. */
static double time_page_flush(unsigned pages, uint64_t *visited)
{
    struct softiommu *iommu = start(SOFTIOMMU_CACHE_ADVERSARIAL, false);
    struct softiommu_cache_statistics before, after;
    double least = 0;

    for (int i = 0; i < REPETITIONS; i++) {
        double begin;

        translate(iommu, 0, 0, pages);
        translate(iommu, 1, 0, pages);
        softiommu_cache_statistics(iommu, SOFTIOMMU_IOTLB, 0, &before);
        begin = now();
        for (unsigned k = 0; k < 16; k++)
            softiommu_flush_range(iommu, DID, k * (pages / 16), 0);
        keep_least(&least, (now() - begin) / 16);
        softiommu_cache_statistics(iommu, SOFTIOMMU_IOTLB, 0, &after);
    }
    *visited = (after.visited - before.visited) / 16;
    return least;
}

static double time_domain_flush(unsigned pages)
{
    struct softiommu *iommu = start(SOFTIOMMU_CACHE_ADVERSARIAL, false);
    double least = 0;

    for (int i = 0; i < REPETITIONS; i++) {
        double begin;

        translate(iommu, 0, 0, pages);
        translate(iommu, 1, 0, pages);
        begin = now();
        softiommu_flush_domain(iommu, DID);
        keep_least(&least, now() - begin);
    }
    return least;
}

/* A walk that finds the last table in the walk caches: pages whose IOTLB entry was flushed, one per
 * table. */
static double time_short_walk(void)
{
    struct softiommu *iommu = start(SOFTIOMMU_CACHE_ADVERSARIAL, false);
    double least = 0;

    for (int i = 0; i < REPETITIONS; i++) {
        double begin;

        softiommu_flush_domain(iommu, DID);
        translate(iommu, 0, 0, 1);
        begin = now();
        translate(iommu, 0, 1, 511);
        keep_least(&least, (now() - begin) / 511);
    }
    return least;
}

int main(void)
{
    build_tables();
    printf("bench_softiommu: translate, best of %d: device TLB hit %.0f ns, IOTLB hit %.0f ns, "
           "miss with walk cache "
           "%.0f ns, full walk %.0f ns\n",
           REPETITIONS, time_translate(start(SOFTIOMMU_CACHE_ADVERSARIAL, true)),
           time_translate(start(SOFTIOMMU_CACHE_ADVERSARIAL, false)), time_short_walk(),
           time_translate(start(SOFTIOMMU_CACHE_NONE, false)));
    for (unsigned pages = 16; pages <= ENTRIES_MAX; pages *= 4) {
        uint64_t visited;
        double page = time_page_flush(pages, &visited), domain = time_domain_flush(pages);

        printf("bench_softiommu: %5u entries: flush of a page %.0f ns (%llu looked at), of the "
               "domain %.0f ns (%.1f ns "
               "per entry)\n",
               pages, page, (unsigned long long)visited, domain, domain / pages);
    }
    return 0;
}
