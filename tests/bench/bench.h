/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks: how long an operation takes, how many exits it costs, and its ratio to a baseline
 * that is measured in the same run. They decide nothing; a result is the best of several rounds,
 * because everything that disturbs makes it slower.
 */
#ifndef PVT_TESTS_BENCH_BENCH_H
#define PVT_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench {
    const char *name;
    uint64_t operations;             /* per round */
    void (*round)(void *argument);   /* does `operations` of them */
    void (*prepare)(void *argument); /* before each round, not measured; may be NULL */
    void *argument;
    const char *baseline; /* name of what baseline_ps measured; NULL = none */
    uint64_t baseline_ps; /* per operation, from bench_run() or bench_cost() */
    /* NULL, or a path whose cost may grow with `size`, of which `of` says what is counted. */
    const char *series, *of;
    uint64_t size;
};

/* When something did not work, its time means nothing: tells the runner so, whose exit code is 2
 * then. `what` is a literal. */
void bench_require(bool worked, const char *what);
/* The same path at several sizes, the smallest first: calls `set` with each and measures `b`, whose
 * ratio is to the first size where `b` names no baseline. `set` returns false where the size cannot
 * be had; the series ends there. */
struct bench_size {
    const char *name;
    uint64_t size;
};
void bench_series(const struct bench *b, const struct bench_size *sizes, unsigned count,
                  bool (*set)(void *argument, uint64_t size));
/* Measures and prints one "# bench:" line. Returns picoseconds per operation, at least 1. */
uint64_t bench_run(const struct bench *b);
/* The same of an operation that bench_run() measured before; 0: it did not. */
uint64_t bench_cost(const char *name);

void bench_tables(void);     /* map, unmap */
void bench_hypercalls(void); /* round trip, flush, list flush, attach */
void bench_dma_api(void);    /* strict and deferred */
void bench_dmaprobe(void);   /* register access, DMA bandwidth */
void bench_nvme(void);       /* DMA of an NVMe controller */
void bench_vmbus(void);      /* rings, configuration window, removal of a bus */
void bench_growth(void);     /* attach by devices and by domains, map by length */
void bench_softiommu(void);  /* cached and walked DMA, flushes by number of cached entries */

#endif
