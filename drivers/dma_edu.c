/* SPDX-License-Identifier: MIT */
/*
 * The edu device as a DMA engine. Its buffer is cut into four slots:
 *
 *   0     CLEAR  zeros, sent by clear           loaded once by prepare
 *   1024  OUT    data that write sends          loaded by every write
 *   2048  FILL   fill value, sent by fill       loaded once by prepare
 *   3072  IN     what read took from memory
 *
 * Operations on more than a slot are several transfers, lowest address first.
 *
 * Scratch has two pages: one that the device loads from and one that it stores to. A transfer that
 * the IOMMU drops looks finished to the device, so every transfer through scratch is checked: loads
 * by storing the slot back, the store that ends a read by the fill bytes that travel in front of
 * its slot.
 */
#include "drivers/dma_edu.h"
#include "drivers/dma_classes.h"
#include "kernel/memory.h"
#include "lib/string.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11E8

#define SLOT_SIZE  EDU_FILL_SIZE
#define SLOT_CLEAR 0u
#define SLOT_OUT   1024u
#define SLOT_FILL  EDU_FILL_OFFSET
#define SLOT_IN    3072u
#define WITNESS    16u /* fill bytes in front of SLOT_IN */

#define EDU_MAX_LENGTH (64u * SLOT_SIZE) /* in so many transfers */

#define CLEAR_VALUE 0x00
#define FILL_VALUE  0x96

static uint8_t *load_page(const struct dma_engine *e)
{
    return e->scratch;
}

static uint8_t *store_page(const struct dma_engine *e)
{
    return (uint8_t *)e->scratch + PAGE_SIZE;
}

/* Loads [offset, offset + length) of the load page into the same place of the buffer and proves
 * that it arrived. */
static bool load_checked(struct dma_engine *e, unsigned offset, size_t length)
{
    const uint8_t *sent = load_page(e) + offset;
    uint8_t *back = store_page(e) + offset;

    for (size_t i = 0; i < length; i++)
        back[i] = (uint8_t)~sent[i];
    return edu_load(e, e->staging_iova + offset, offset, length) &&
           edu_store(e, offset, e->staging_iova + PAGE_SIZE + offset, length) &&
           memcmp(sent, back, length) == 0;
}

static bool match(const struct pci_function *f)
{
    return f->vendor == EDU_VENDOR && f->device == EDU_DEVICE;
}

static bool probe(struct dma_engine *e)
{
    if (!dma_map_registers(e, EDU_REGISTERS) || !edu_present(e))
        return false;
    e->scratch_size = 2 * PAGE_SIZE;
    e->scratch = memory_boot_pages(2);
    e->staging_iova = gpa_of(e->scratch);
    return true;
}

static bool reset(struct dma_engine *e)
{
    e->staging_iova =
        gpa_of(e->scratch); /* the domain in which it was mapped elsewhere is about to go */
    return edu_wait_idle(e);
}

static bool prepare(struct dma_engine *e)
{
    uint8_t *image = load_page(e);

    e->prepared = false;
    memset(image + SLOT_CLEAR, CLEAR_VALUE, SLOT_SIZE);
    memset(image + SLOT_FILL, FILL_VALUE, SLOT_SIZE);
    /* Different every time, so that what an earlier prepare left in the buffer is not taken for
     * this one's. */
    memset(image + SLOT_OUT, 0, SLOT_SIZE);
    memcpy(image + SLOT_OUT, &e->operations, sizeof(e->operations));
    memset(image + SLOT_IN, 0, SLOT_SIZE);
    e->prepared = load_checked(e, 0, EDU_BUFFER_SIZE);
    return e->prepared;
}

/* An address that the device cannot emit is folded onto a lower address: nothing, or something
 * else, gets the bytes then. */
static bool widen(struct dma_engine *e, uint64_t iova)
{
    unsigned narrow = e->iova_bits, bits = 64 - (unsigned)__builtin_clzll(iova | 1);
    uint8_t *target = load_page(e);
    bool arrived;

    if (!e->prepared || bits <= narrow)
        return false;
    memset(target, (uint8_t)~FILL_VALUE, WITNESS);
    e->iova_bits = bits;
    arrived =
        edu_store(e, SLOT_FILL, iova, WITNESS) && !memory_find_other(target, WITNESS, FILL_VALUE);
    if (!arrived)
        e->iova_bits = narrow;
    return arrived;
}

/* Length of the transfer that goes on after `done` of `length` bytes. */
static size_t next_part(size_t length, size_t done)
{
    return length - done < SLOT_SIZE ? length - done : SLOT_SIZE;
}

static bool start_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return e->prepared && length <= SLOT_SIZE && edu_start_store(e, SLOT_FILL, iova, length);
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    bool good = true;

    for (size_t done = 0; good && done < length; done += SLOT_SIZE)
        good = start_fill(e, iova + done, next_part(length, done)) && edu_wait_idle(e);
    return good;
}

static bool clear(struct dma_engine *e, uint64_t iova, size_t length)
{
    bool good = e->prepared;

    for (size_t done = 0; good && done < length; done += SLOT_SIZE)
        good = edu_store(e, SLOT_CLEAR, iova + done, next_part(length, done));
    return good;
}

static bool start_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    if (length > SLOT_SIZE)
        return false;
    memcpy(load_page(e) + SLOT_OUT, data, length);
    return load_checked(e, SLOT_OUT, length) && edu_start_store(e, SLOT_OUT, iova, length);
}

static bool write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    bool good = true;

    for (size_t done = 0; good && done < length; done += SLOT_SIZE) {
        good =
            start_write(e, iova + done, bytes + done, next_part(length, done)) && edu_wait_idle(e);
    }
    return good;
}

static bool read_part(struct dma_engine *e, uint64_t iova, uint8_t *seen, size_t length)
{
    unsigned from = SLOT_IN - WITNESS;
    uint8_t *back = store_page(e) + from;

    memset(back, (uint8_t)~FILL_VALUE, WITNESS);
    if (!edu_load(e, iova, SLOT_IN, length) ||
        !edu_store(e, from, e->staging_iova + PAGE_SIZE + from, WITNESS + length) ||
        memory_find_other(back, WITNESS, FILL_VALUE))
        return false;
    memcpy(seen, back + WITNESS, length);
    return true;
}

static bool read(struct dma_engine *e, uint64_t iova, void *seen, size_t length)
{
    uint8_t *bytes = seen;
    bool good = e->prepared;

    for (size_t done = 0; good && done < length; done += SLOT_SIZE)
        good = read_part(e, iova + done, bytes + done, next_part(length, done));
    return good;
}

static bool interrupt(struct dma_engine *e)
{
    *(volatile uint32_t *)(e->registers + EDU_INTERRUPT_RAISE) = 1;
    *(volatile uint32_t *)(e->registers + EDU_INTERRUPT_DONE) = 1;
    return true;
}

const struct dma_engine_ops dma_edu_ops = {
    .name = "edu",
    .features =
        DMA_FILL | DMA_WRITE | DMA_READ | DMA_SHOWS_READS | DMA_SLOW | DMA_STAGED | DMA_DEFERRED,
    .max_length = EDU_MAX_LENGTH,
    .max_start = SLOT_SIZE,
    .iova_bits = EDU_IOVA_BITS,
    .fill_value = FILL_VALUE,
    .clear_value = CLEAR_VALUE,
    .match = match,
    .probe = probe,
    .reset = reset,
    .prepare = prepare,
    .widen = widen,
    .fill = fill,
    .clear = clear,
    .write = write,
    .read = read,
    .start_fill = start_fill,
    .start_write = start_write,
    .finish = edu_wait_idle,
    .interrupt = interrupt,
};
