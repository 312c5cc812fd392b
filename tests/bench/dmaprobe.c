/* SPDX-License-Identifier: MIT */
/* The reference host's own device: what an access to its registers costs, and its bandwidth against
 * a copy by the processor. */
#include "drivers/dmaprobe.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "lib/string.h"
#include "tests/bench/bench.h"

#define ACCESSES  500ull
#define DOMAIN_ID 8u
#define REST_ID   9u
#define IOVA      0x4000000ull

struct transfer {
    struct dma_engine *engine;
    uint8_t *from, *to;
    size_t length;
    uint64_t operations;
};

static void read_register(void *argument)
{
    for (uint64_t i = 0; i < ACCESSES; i++)
        (void)dmaprobe_register(((struct transfer *)argument)->engine, DMAPROBE_ID);
}

static void copy(void *argument)
{
    const struct transfer *t = argument;

    for (uint64_t i = 0; i < t->operations; i++) {
        memcpy(t->to, t->from, t->length);
        __asm__ volatile("" : : : "memory");
    }
}

static void device_writes(void *argument)
{
    const struct transfer *t = argument;

    for (uint64_t i = 0; i < t->operations; i++) {
        struct dmaprobe_request request = {
            .operation = DMAPROBE_WRITE, .iova = IOVA, .length = (uint32_t)t->length};

        dmaprobe_start(t->engine, 0, &request);
        bench_require(request.state == DMAPROBE_FINISHED && request.status == DMAPROBE_OK,
                      "the DMA of a dmaprobe does not end well");
    }
}

static void measure(struct transfer *t, size_t length, uint64_t operations,
                    const char *by_processor, const char *by_device)
{
    uint64_t baseline;

    t->length = length;
    t->operations = operations;
    baseline = bench_run(&(struct bench){
        .name = by_processor, .operations = operations, .round = copy, .argument = t});
    bench_run(&(struct bench){.name = by_device,
                              .operations = operations,
                              .round = device_writes,
                              .argument = t,
                              .baseline = by_processor,
                              .baseline_ps = baseline});
}

void bench_dmaprobe(void)
{
    struct transfer t = {.engine = dma_engine_get(DMA_CLASS_DMAPROBE, 0)};
    struct domain d, rest;
    struct buffer from, to;

    if (!t.engine)
        return; /* the host has none */
    if (!buffer_alloc(&from, DMAPROBE_LENGTH_MAX, PAGE_SIZE) ||
        !buffer_alloc(&to, DMAPROBE_LENGTH_MAX, PAGE_SIZE) ||
        !domain_create(&d, DOMAIN_PAGING, DOMAIN_ID, 0, HV_IOMMU_PGSIZE_4K, NULL) ||
        !domain_create(&rest, DOMAIN_BLOCKED, REST_ID, 0, 0, NULL)) {
        bench_require(false, "the host refuses domains for a dmaprobe");
        return;
    }
    t.from = from.data;
    t.to = to.data;
    bench_run(&(struct bench){
        .name = "mmio_exit", .operations = ACCESSES, .round = read_register, .argument = &t});
    if (domain_map(&d, IOVA, gpa_of(to.data), DMAPROBE_LENGTH_MAX, STAGE1_READ | STAGE1_WRITE) ==
        STAGE1_OK) {
        domain_attach(&d, t.engine->device_id);
        measure(&t, PAGE_SIZE, 200, "copy_4k", "dma_4k");
        measure(&t, DMAPROBE_LENGTH_MAX, 20, "copy_1m", "dma_1m");
    }
    domain_attach(&rest, t.engine->device_id);
    domain_delete(&d);
}
