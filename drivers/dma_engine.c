/* SPDX-License-Identifier: MIT */
/* The checks that are the same for every class, in front of the class's own operation. */
#include "drivers/dma_engine.h"

static bool fits(const struct dma_engine *e, uint64_t iova, size_t length)
{
    uint64_t last = iova + (length - 1);
    unsigned bits = e->iova_bits;

    if ((e->ops->features & DMA_DWORDS) != 0 && (iova % 4 != 0 || length % 4 != 0))
        return false;
    return length >= 1 && length <= e->ops->max_length && last >= iova &&
           (bits >= 64 || last >> bits == 0);
}

static void (*recorder)(const struct dma_engine *e, const char *what, uint64_t iova, size_t length);

void dma_record_by(void (*record)(const struct dma_engine *e, const char *what, uint64_t iova,
                                  size_t length))
{
    recorder = record;
}

static bool told(const struct dma_engine *e, const char *what, uint64_t iova, size_t length)
{
    if (recorder)
        recorder(e, what, iova, length);
    return true;
}

bool dma_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return e && e->ops->fill && fits(e, iova, length) && told(e, "write", iova, length) &&
           e->ops->fill(e, iova, length);
}

bool dma_clear(struct dma_engine *e, uint64_t iova, size_t length)
{
    return e && e->ops->clear && fits(e, iova, length) && told(e, "write", iova, length) &&
           e->ops->clear(e, iova, length);
}

bool dma_invert(struct dma_engine *e, uint64_t iova, size_t length)
{
    return e && e->ops->invert && fits(e, iova, length) && told(e, "invert", iova, length) &&
           e->ops->invert(e, iova, length);
}

bool dma_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    return e && e->ops->write && fits(e, iova, length) && told(e, "write", iova, length) &&
           e->ops->write(e, iova, data, length);
}

bool dma_read(struct dma_engine *e, uint64_t iova, void *seen, size_t length)
{
    return e && e->ops->read && fits(e, iova, length) && told(e, "read", iova, length) &&
           e->ops->read(e, iova, seen, length);
}

bool dma_start_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return e && e->ops->start_fill && fits(e, iova, length) && told(e, "start", iova, length) &&
           e->ops->start_fill(e, iova, length);
}

bool dma_start_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    return e && e->ops->start_write && fits(e, iova, length) && told(e, "start", iova, length) &&
           e->ops->start_write(e, iova, data, length);
}

bool dma_finish(struct dma_engine *e)
{
    return e && e->ops->finish && e->ops->finish(e);
}

bool dma_start_chain(struct dma_engine *e, uint64_t iova, size_t length, bool write)
{
    return e && e->ops->start_chain && fits(e, iova, length) && told(e, "start", iova, length) &&
           e->ops->start_chain(e, iova, length, write);
}

uint8_t *dma_chain_seen(const struct dma_engine *e)
{
    return e && e->ops->chain_seen ? e->ops->chain_seen(e) : NULL;
}

bool dma_interrupt(struct dma_engine *e)
{
    return e && e->ops->interrupt && e->ops->interrupt(e);
}

bool dma_prepare(struct dma_engine *e)
{
    return e && (e->prepared || !e->ops->prepare || e->ops->prepare(e));
}

bool dma_widen(struct dma_engine *e, uint64_t iova)
{
    return e && e->ops->widen && e->ops->widen(e, iova);
}

bool dma_reset(struct dma_engine *e)
{
    return e && e->ops->reset(e);
}
