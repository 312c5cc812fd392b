/* SPDX-License-Identifier: MIT */
#include "tests/bench/bench.h"

#include "drivers/oracle.h"
#include "drivers/pviommu.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

#define ROUNDS        7
#define BASELINE_TEXT 64
#define SERIES_TEXT   96
#define MEASURED_MAX  64u
#define EXIT_PARTS                                                                                 \
    10000ull /* exits per operation are fractions of one: the flush queue makes 1/256 */

/* Operations that others have as their baseline. */
static struct {
    const char *name;
    uint64_t ps;
} measured[MEASURED_MAX];
static unsigned measured_count;

uint64_t bench_cost(const char *name)
{
    for (unsigned i = 0; i < measured_count; i++)
        if (strcmp(measured[i].name, name) == 0)
            return measured[i].ps;
    return 0;
}

static void keep(const char *name, uint64_t ps)
{
    if (measured_count == MEASURED_MAX)
        return;
    measured[measured_count].name = name;
    measured[measured_count++].ps = ps;
}

/* Exits since the host started; 0 without the oracle. Asking costs one exit itself. */
static uint64_t exits(void)
{
    struct oracle_counters c;

    return oracle_counters(&c) ? c.exits_total : 0;
}

static void print(const struct bench *b, uint64_t ps, uint64_t exits_parts)
{
    unsigned long long ns = ps / 1000, ns_fraction = ps % 1000 / 10;
    uint64_t ratio = b->baseline_ps ? ps * 100 / b->baseline_ps : 0;
    char baseline[BASELINE_TEXT] = "", series[SERIES_TEXT] = "";

    if (b->baseline) {
        fmt_snprintf(baseline, sizeof(baseline), " ratio=%llu.%02llu baseline=%s",
                     (unsigned long long)ratio / 100, (unsigned long long)ratio % 100, b->baseline);
    }
    if (b->series) {
        fmt_snprintf(series, sizeof(series), " series=%s size=%llu of=\"%s\"", b->series,
                     (unsigned long long)b->size, b->of);
    }
    report_comment("bench: name=%s ns=%llu.%02llu exits=%llu.%04llu%s%s", b->name, ns, ns_fraction,
                   (unsigned long long)exits_parts / EXIT_PARTS,
                   (unsigned long long)exits_parts % EXIT_PARTS, baseline, series);
}

void bench_require(bool worked, const char *what)
{
    static const char *told; /* rounds have many operations, and all of them fail alike */

    if (!worked && told != what) {
        told = what;
        report_comment("bench: problem=\"%s\"", what);
    }
}

uint64_t bench_run(const struct bench *b)
{
    uint64_t best = UINT64_MAX, best_exits = UINT64_MAX, ps;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start, cycles, before;

        if (b->prepare)
            b->prepare(b->argument);
        before = exits();
        start = cpu_rdtsc();
        b->round(b->argument);
        cycles = cpu_rdtsc() - start;
        before = exits() - before;
        before -= before > 0; /* the second question */
        best = cycles < best ? cycles : best;
        best_exits = before < best_exits ? before : best_exits;
    }
    /* cycles * 10^12 / hz / operations, in an order that keeps within 64 bits */
    ps = best * 1000000 / (time_tsc_hz() / 1000000) / b->operations;
    ps = ps ? ps : 1;
    keep(b->name, ps);
    print(b, ps, (best_exits * EXIT_PARTS + b->operations / 2) / b->operations);
    return ps;
}

void bench_series(const struct bench *b, const struct bench_size *sizes, unsigned count,
                  bool (*set)(void *argument, uint64_t size))
{
    uint64_t first = 0;

    for (unsigned i = 0; i < count && set(b->argument, sizes[i].size); i++) {
        struct bench one = *b;
        uint64_t cost;

        one.name = sizes[i].name;
        one.size = sizes[i].size;
        if (i && !b->baseline) {
            one.baseline = sizes[0].name;
            one.baseline_ps = first;
        }
        cost = bench_run(&one);
        first = i ? first : cost;
    }
}

void suite_bench(void)
{
    bench_tables();
    if (!pviommu_capabilities()) {
        report_comment("bench: the host has no pvIOMMU; only the tables were measured");
        return;
    }
    bench_hypercalls();
    bench_dma_api();
    bench_dmaprobe();
    bench_nvme();
    bench_softiommu();
    bench_growth();
    bench_vmbus();
}
