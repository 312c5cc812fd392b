/* SPDX-License-Identifier: MIT */
/* An NVMe controller: a command from its submission to its completion, with 4 KiB of DMA. */
#include "drivers/dma_engine.h"
#include "drivers/pviommu.h"
#include "kernel/memory.h"
#include "tests/bench/bench.h"

#define COMMANDS  20ull
#define LENGTH    4096u
#define DOMAIN_ID 11u
#define REST_ID   12u
#define IOVA      0x4000000ull

static void write_memory(void *argument)
{
    struct dma_engine *e = argument;

    for (uint64_t i = 0; i < COMMANDS; i++)
        bench_require(dma_fill(e, IOVA, LENGTH) && !e->outcome,
                      "the DMA of an NVMe controller does not end well");
}

void bench_nvme(void)
{
    struct dma_engine *e = dma_engine_get(DMA_CLASS_NVME, 0);
    struct domain d, rest;
    struct buffer b;

    if (!e || e->unusable)
        return;            /* the machine has none */
    domain_share_on(true); /* its queues are in every paging domain */
    if (!buffer_alloc(&b, LENGTH, PAGE_SIZE) ||
        !domain_create(&d, DOMAIN_PAGING, DOMAIN_ID, 0, HV_IOMMU_PGSIZE_4K, NULL) ||
        !domain_create(&rest, DOMAIN_BLOCKED, REST_ID, 0, 0, NULL)) {
        bench_require(false, "the host refuses domains for an NVMe controller");
        return;
    }
    domain_attach(&d, e->device_id);
    if (domain_map(&d, IOVA, gpa_of(b.data), LENGTH, STAGE1_READ | STAGE1_WRITE) != STAGE1_OK ||
        !dma_prepare(e)) {
        bench_require(false, "an NVMe controller cannot be prepared");
    } else {
        bench_run(&(struct bench){.name = "nvme_4k",
                                  .operations = COMMANDS,
                                  .round = write_memory,
                                  .argument = e,
                                  .baseline = "dma_4k",
                                  .baseline_ps = bench_cost("dma_4k")});
    }
    domain_attach(&rest, e->device_id);
    (void)dma_reset(e);
    domain_delete(&d);
}
