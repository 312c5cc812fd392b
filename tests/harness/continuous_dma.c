/* SPDX-License-Identifier: MIT */
#include "tests/harness/continuous_dma.h"

#include "lib/bits.h"

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

static const char *operation_name(uint32_t operation)
{
    static const char *const names[] = {
        [DMAPROBE_READ] = "READ",     [DMAPROBE_WRITE] = "WRITE",
        [DMAPROBE_FILL] = "FILL",     [DMAPROBE_COMPARE] = "COMPARE",
        [DMAPROBE_INVERT] = "INVERT", [DMAPROBE_ADD] = "ADD",
        [DMAPROBE_SWAP] = "SWAP",     [DMAPROBE_COMPARE_SWAP] = "COMPARE_SWAP",
    };

    return operation < ARRAY_SIZE(names) && names[operation] ? names[operation] : "no operation";
}

void continuous_dma_hold(struct test_run *t, struct dma_engine *e, unsigned slot,
                         struct dmaprobe_request request)
{
    request.flags |= DMAPROBE_HELD;
    STEP("device 0x%llx starts %s at IOVA 0x%llx in slot %llu and holds it", e->device_id,
         operation_name(request.operation), request.iova, slot);
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
    STEP("device 0x%llx lets the request in slot %llu go; status %llu, bytes moved %llu",
         e->device_id, slot, held.status, held.moved);
    drain_faults(t, e);
    return held;
}
