/* SPDX-License-Identifier: MIT */
/*
 * The reference host's own device as a DMA engine, in two classes: without and with a device TLB
 * (ATS). An operation is over when the store to the doorbell is. Deferred operations are held until
 * finish; the host may make them land earlier, when an invalidation waits for them.
 */
#include "drivers/dma_classes.h"
#include "drivers/dmaprobe.h"
#include "kernel/cpu.h"
#include "lib/string.h"

#define SLOT_NOW      0u
#define SLOT_DEFERRED 1u

#define FAR UINT64_C(0x000FFFFFFFFFF000) /* beyond what domains of the suite map */

#define FILL_VALUE  0xD3
#define CLEAR_VALUE 0x00

#define EXTENDED_CAPABILITY_ATS 0x000Fu
#define ATS_CONTROL             0x06u
#define ATS_ENABLE              (1u << 15)

/* False when the device did not take the request; what the IOMMU made of it does not count here. */
static bool run(struct dma_engine *e, struct dmaprobe_request *request)
{
    dmaprobe_start(e, SLOT_NOW, request);
    return request->state == DMAPROBE_FINISHED &&
           (request->status == DMAPROBE_OK || request->status == DMAPROBE_FAULT);
}

static bool match_plain(const struct pci_function *f)
{
    return f->vendor == DMAPROBE_VENDOR && f->device == DMAPROBE_DEVICE;
}

static bool match_ats(const struct pci_function *f)
{
    return f->vendor == DMAPROBE_VENDOR && f->device == DMAPROBE_DEVICE_ATS;
}

/* Each store is an exit, and most tests leave most devices alone. */
static bool reset(struct dma_engine *e)
{
    if (!e->touched)
        return true;
    e->touched = false;
    *(volatile uint32_t *)(e->registers + DMAPROBE_CONTROL) = DMAPROBE_CONTROL_RESET;
    cpu_compiler_barrier();
    return true; /* the store cancels the requests */
}

static bool probe(struct dma_engine *e)
{
    return dma_map_registers(e, DMAPROBE_BAR_SIZE) &&
           dmaprobe_register(e, DMAPROBE_ID) == DMAPROBE_ID_VALUE &&
           dmaprobe_register(e, DMAPROBE_VERSION) == DMAPROBE_VERSION_1 && reset(e);
}

bool dmaprobe_set_ats(struct dma_engine *e, bool on)
{
    unsigned offset = pci_extended_capability(&e->function, EXTENDED_CAPABILITY_ATS);
    uint16_t control = on ? ATS_ENABLE : 0;

    if (offset == 0)
        return false;
    pci_write16(&e->function, offset + ATS_CONTROL, control);
    e->ats = on;
    return (pci_read16(&e->function, offset + ATS_CONTROL) & ATS_ENABLE) == control;
}

static bool probe_ats(struct dma_engine *e)
{
    return probe(e) && dmaprobe_set_ats(e, true);
}

/* A test may have switched ATS off; the next one of this class is about a device that has it on. */
static bool reset_ats(struct dma_engine *e)
{
    return reset(e) && (e->ats || dmaprobe_set_ats(e, true));
}

static bool store_value(struct dma_engine *e, uint64_t iova, size_t length, uint8_t value)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_FILL, .iova = iova, .length = (uint32_t)length, .operand = value};

    return run(e, &request);
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return store_value(e, iova, length, FILL_VALUE);
}

static bool clear(struct dma_engine *e, uint64_t iova, size_t length)
{
    return store_value(e, iova, length, CLEAR_VALUE);
}

static bool invert(struct dma_engine *e, uint64_t iova, size_t length)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_INVERT, .iova = iova, .length = (uint32_t)length};

    return run(e, &request);
}

static bool write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_WRITE, .iova = iova, .length = (uint32_t)length};

    memcpy(dmaprobe_buffer(e), data, length);
    return run(e, &request);
}

/* A refused read leaves zeros, as with the other classes. */
static bool read(struct dma_engine *e, uint64_t iova, void *seen, size_t length)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_READ, .iova = iova, .length = (uint32_t)length};
    bool done;

    memset(dmaprobe_buffer(e), 0, length);
    done = run(e, &request);
    memcpy(seen, dmaprobe_buffer(e), length);
    return done;
}

static bool start(struct dma_engine *e, struct dmaprobe_request *request)
{
    dmaprobe_start(e, SLOT_DEFERRED, request);
    return request->state == DMAPROBE_RUNNING;
}

static bool start_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                       .flags = DMAPROBE_HELD,
                                       .iova = iova,
                                       .length = (uint32_t)length,
                                       .operand = FILL_VALUE};

    return start(e, &request);
}

static bool start_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    struct dmaprobe_request request = {.operation = DMAPROBE_WRITE,
                                       .flags = DMAPROBE_HELD,
                                       .iova = iova,
                                       .length = (uint32_t)length};

    memcpy(dmaprobe_buffer(e), data, length);
    return start(e, &request);
}

static bool finish(struct dma_engine *e)
{
    struct dmaprobe_request request;

    return dmaprobe_release(e, SLOT_DEFERRED, &request);
}

/* At the end of a read that no domain allows: it tells memory nothing. */
static bool interrupt(struct dma_engine *e)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_READ, .flags = DMAPROBE_INTERRUPT, .iova = FAR, .length = 1};

    return run(e, &request);
}

#define OPERATIONS                                                                                 \
    .features =                                                                                    \
        DMA_FILL | DMA_WRITE | DMA_READ | DMA_SHOWS_READS | DMA_READ_MODIFY | DMA_DEFERRED,        \
    .max_length = DMAPROBE_LENGTH_MAX, .max_start = DMAPROBE_LENGTH_MAX, .iova_bits = 64,          \
    .fill_value = FILL_VALUE, .clear_value = CLEAR_VALUE, .fill = fill, .clear = clear,            \
    .invert = invert, .write = write, .read = read, .start_fill = start_fill,                      \
    .start_write = start_write, .finish = finish, .interrupt = interrupt

const struct dma_engine_ops dma_dmaprobe_ops = {
    .name = "dmaprobe",
    .match = match_plain,
    .probe = probe,
    .reset = reset,
    OPERATIONS,
};

const struct dma_engine_ops dma_dmaprobe_ats_ops = {
    .name = "dmaprobe+ats",
    .match = match_ats,
    .probe = probe_ats,
    .reset = reset_ats,
    OPERATIONS,
};

bool dmaprobe_is(const struct dma_engine *e)
{
    return e->ops == &dma_dmaprobe_ops || e->ops == &dma_dmaprobe_ats_ops;
}
