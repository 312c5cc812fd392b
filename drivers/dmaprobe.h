/* SPDX-License-Identifier: MIT */
/*
 * The reference host's own DMA engine beyond what the engine interface offers: any request of
 * abi/dmaprobe.h. Only for engines of the classes dmaprobe and dmaprobe+ats.
 */
#ifndef PVT_DRIVERS_DMAPROBE_H
#define PVT_DRIVERS_DMAPROBE_H

#include "abi/dmaprobe.h"
#include "drivers/dma_engine.h"

bool dmaprobe_is(const struct dma_engine *e);
/* Memory inside the device, DMAPROBE_BUFFER_SIZE bytes. */
uint8_t *dmaprobe_buffer(struct dma_engine *e);
/* DMAPROBE_SCATTER_LENGTH elements; a scatter list's `iova` counts bytes from here. */
struct dmaprobe_element *dmaprobe_scatter(struct dma_engine *e);

/* Starts the request in a slot (0..15): one exit to the host. Its results are in *request when it
 * is finished at once.
 */
void dmaprobe_start(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request);
/* Results so far, without an exit: time does not pass for the device. True when the request is
 * finished. */
bool dmaprobe_result(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request);
/* Lets a held or repeating request go; false when it is not finished after that. */
bool dmaprobe_release(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request);
/* Bit n: slot n is not finished. Lets time pass for the device. */
uint32_t dmaprobe_pending(struct dma_engine *e);
/* Switches the device's own translation cache on or off, which empties it. False for a function
 * without ATS. */
bool dmaprobe_set_ats(struct dma_engine *e, bool on);
/* A register of 32 bits. */
uint32_t dmaprobe_register(struct dma_engine *e, unsigned offset);

#endif
