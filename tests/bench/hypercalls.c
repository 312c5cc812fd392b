/* SPDX-License-Identifier: MIT */
/* Hypercalls: round trip, domain flush, list flush by length, and the switch of a device between
 * two domains. */
#include "abi/hypercall.h"
#include "drivers/dma_engine.h"
#include "drivers/hypercall.h"
#include "drivers/pviommu.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "lib/bits.h"
#include "tests/bench/bench.h"

#define CALLS        200ull
#define DOMAIN_A     1u
#define DOMAIN_B     2u
#define DOMAIN_REST  3u
#define UNKNOWN_CODE 0x0FFFu

struct calls {
    uint64_t elements[HV_FLUSH_LIST_MAX];
    unsigned count;
    uint64_t device_id;
};

static void cpuid_loop(void *argument)
{
    (void)argument;
    for (uint64_t i = 0; i < CALLS; i++)
        cpu_cpuid(0x40000000, 0);
}

static void empty_call(void *argument)
{
    (void)argument;
    for (uint64_t i = 0; i < CALLS; i++)
        hypercall_raw(UNKNOWN_CODE, 0, 0);
}

static void flush_domain(void *argument)
{
    (void)argument;
    for (uint64_t i = 0; i < CALLS; i++) {
        bench_require(pviommu_flush(DOMAIN_A) == HV_STATUS_SUCCESS,
                      "the host refuses a flush of a domain");
    }
}

static void flush_list(void *argument)
{
    struct calls *c = argument;

    for (uint64_t i = 0; i < CALLS / 10; i++) {
        bench_require(pviommu_flush_list(DOMAIN_A, c->elements, c->count, NULL) ==
                          HV_STATUS_SUCCESS,
                      "the host refuses a flush of a list");
    }
}

static void attach_switch(void *argument)
{
    struct calls *c = argument;

    for (uint64_t i = 0; i < CALLS / 2; i++) {
        bool there = pviommu_attach(DOMAIN_B, c->device_id) == HV_STATUS_SUCCESS;
        bool back = pviommu_attach(DOMAIN_A, c->device_id) == HV_STATUS_SUCCESS;

        bench_require(there && back, "the host refuses an attach");
    }
}

static bool set_elements(void *argument, uint64_t size)
{
    struct calls *c = argument;

    c->count = (unsigned)size;
    return true;
}

static void bench_lists(struct calls *c, uint64_t round_trip)
{
    static const struct bench_size lists[] = {{"flush_list_1", 1},
                                              {"flush_list_8", 8},
                                              {"flush_list_64", 64},
                                              {"flush_list_256", 256},
                                              {"flush_list_508", 508}};

    bench_series(&(struct bench){.operations = CALLS / 10,
                                 .round = flush_list,
                                 .argument = c,
                                 .baseline = "hypercall",
                                 .baseline_ps = round_trip,
                                 .series = "flush_list",
                                 .of = "elements"},
                 lists, ARRAY_SIZE(lists), set_elements);
}

void bench_hypercalls(void)
{
    struct calls *c = memory_boot_pages(1 + sizeof(*c) / PAGE_SIZE);
    struct domain a, b, rest;
    struct dma_engine *e = dma_engine_fast();
    uint64_t exit_cost, round_trip;

    exit_cost =
        bench_run(&(struct bench){.name = "cpuid_exit", .operations = CALLS, .round = cpuid_loop});
    round_trip = bench_run(&(struct bench){.name = "hypercall",
                                           .operations = CALLS,
                                           .round = empty_call,
                                           .baseline = "cpuid_exit",
                                           .baseline_ps = exit_cost});
    if (!domain_create(&a, DOMAIN_PAGING, DOMAIN_A, 0, 0, NULL) ||
        !domain_create(&b, DOMAIN_PAGING, DOMAIN_B, 0, 0, NULL) ||
        !domain_create(&rest, DOMAIN_BLOCKED, DOMAIN_REST, 0, 0, NULL)) {
        bench_require(false, "the host refuses domains for the hypercalls");
        return;
    }
    bench_run(&(struct bench){.name = "flush_domain",
                              .operations = CALLS,
                              .round = flush_domain,
                              .baseline = "hypercall",
                              .baseline_ps = round_trip});
    for (unsigned i = 0; i < HV_FLUSH_LIST_MAX; i++)
        c->elements[i] = hv_iommu_range(0x1000 + i * 2, 0);
    bench_lists(c, round_trip);
    if (e) {
        c->device_id = e->device_id;
        domain_attach(&a, c->device_id);
        bench_run(&(struct bench){.name = "attach_switch",
                                  .operations = CALLS,
                                  .round = attach_switch,
                                  .argument = c,
                                  .baseline = "hypercall",
                                  .baseline_ps = round_trip});
        domain_attach(&rest, c->device_id);
    }
    domain_delete(&a);
    domain_delete(&b);
    /* The device stays in `rest`, which the next benchmark takes it out of. */
}
