/* SPDX-License-Identifier: MIT */
/*
 * Continuous DMA: the request of a device repeats until it is stopped, one pass per exit to the
 * host, and one is always in flight (docs/dmaprobe.md, Time). Only for engines of the classes
 * dmaprobe and dmaprobe+ats.
 */
#ifndef PVT_TESTS_HARNESS_CONTINUOUS_DMA_H
#define PVT_TESTS_HARNESS_CONTINUOUS_DMA_H

#include "drivers/dmaprobe.h"
#include "tests/harness/fixture.h"

/* Exits after a change until a pass has landed that was translated after the change: one exit ends
 * the pass that is in flight and translates the next, one ends that. */
#define DMA_SETTLE_EXITS 3u

/* The device writes `length` bytes of `value` at `iova` over and over; slot 1 to 15 (0 is the
 * engine interface's). */
void continuous_dma_start(struct test_run *t, struct dma_engine *e, unsigned slot, uint64_t iova,
                          uint32_t length, uint8_t value);
/* Lets `exits` passes end. */
void continuous_dma_pass(struct dma_engine *e, unsigned exits);
/* Ends it; how many passes there were, and how many of them were refused. */
struct dmaprobe_request continuous_dma_stop(struct test_run *t, struct dma_engine *e,
                                            unsigned slot);

/* Translates the request now and lets it touch memory at continuous_dma_release(); ERROR when the
 * device does not hold it. */
void continuous_dma_hold(struct test_run *t, struct dma_engine *e, unsigned slot,
                         struct dmaprobe_request request);
struct dmaprobe_request continuous_dma_release(struct test_run *t, struct dma_engine *e,
                                               unsigned slot);

#endif
