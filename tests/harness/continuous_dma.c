/* SPDX-License-Identifier: MIT */
#include "tests/harness/continuous_dma.h"

void continuous_dma_start(struct test_run *t, struct dma_engine *e, unsigned slot, uint64_t iova,
                          uint32_t length, uint8_t value)
{
    struct dmaprobe_request burst = {.operation = DMAPROBE_FILL,
                                     .flags = DMAPROBE_REPEAT,
                                     .iova = iova,
                                     .length = length,
                                     .operand = value};

    STEP("device 0x%llx writes %llu bytes of 0x%llx at IOVA 0x%llx over and over", e->device_id,
         length, value, iova);
    dmaprobe_start(e, slot, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "device 0x%llx did not start its DMA",
            (unsigned long long)e->device_id);
}

void continuous_dma_pass(struct dma_engine *e, unsigned exits)
{
    for (unsigned i = 0; i < exits; i++)
        (void)dmaprobe_pending(e);
}

struct dmaprobe_request continuous_dma_stop(struct test_run *t, struct dma_engine *e, unsigned slot)
{
    struct dmaprobe_request burst = {0};

    REQUIRE(dmaprobe_release(e, slot, &burst), "device 0x%llx did not end its DMA",
            (unsigned long long)e->device_id);
    STEP("device 0x%llx stops after %llu passes, %llu more were refused", e->device_id,
         burst.repeats, burst.faults);
    drain_faults(t, e);
    return burst;
}

void continuous_dma_hold(struct test_run *t, struct dma_engine *e, unsigned slot,
                         struct dmaprobe_request request)
{
    request.flags |= DMAPROBE_HELD;
    STEP("device 0x%llx starts operation %llu at 0x%llx and holds it", e->device_id,
         request.operation, request.iova);
    dmaprobe_start(e, slot, &request);
    REQUIRE(request.state == DMAPROBE_RUNNING, "device 0x%llx did not hold its request",
            (unsigned long long)e->device_id);
}

struct dmaprobe_request continuous_dma_release(struct test_run *t, struct dma_engine *e,
                                               unsigned slot)
{
    struct dmaprobe_request held = {0};

    REQUIRE(dmaprobe_release(e, slot, &held), "device 0x%llx did not finish",
            (unsigned long long)e->device_id);
    STEP("device 0x%llx lets its request go; status %llu, bytes moved %llu", e->device_id,
         held.status, held.moved);
    drain_faults(t, e);
    return held;
}
