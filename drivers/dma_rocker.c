/* SPDX-License-Identifier: MIT */
/*
 * QEMU's switch device "rocker" (1b36:0006), used for the DMA self-test in its register file. The
 * transfer happens inside the MMIO write that starts it, so it is over when the store instruction
 * is. No interrupt is wanted: MSI-X stays off, and the completion message of the self-test is then
 * dropped without a trace.
 */
#include "drivers/dma_rocker.h"
#include "drivers/dma_classes.h"
#include "kernel/cpu.h"

#define ROCKER_VENDOR 0x1B36
#define ROCKER_DEVICE 0x0006

#define ROCKER_FILL_VALUE 0x96
#define ROCKER_MAX_LENGTH 65535

#define PROBE_VALUE 0x1234567u

static void write32(struct dma_engine *e, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(e->registers + offset) = value;
}

static uint32_t read32(struct dma_engine *e, unsigned offset)
{
    return *(volatile uint32_t *)(e->registers + offset);
}

static void write64(struct dma_engine *e, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(e->registers + offset) = value;
}

static bool run(struct dma_engine *e, uint64_t iova, size_t length, uint32_t operation)
{
    write64(e, ROCKER_TEST_DMA_ADDR, iova);
    write32(e, ROCKER_TEST_DMA_SIZE, (uint32_t)length);
    cpu_memory_barrier(); /* tables and data that the device is about to read */
    write32(e, ROCKER_TEST_DMA_CTRL, operation);
    cpu_compiler_barrier(); /* the target has changed under the compiler */
    e->operations++;
    return true;
}

static bool match(const struct pci_function *f)
{
    return f->vendor == ROCKER_VENDOR && f->device == ROCKER_DEVICE;
}

static bool reset(struct dma_engine *e)
{
    write64(e, ROCKER_TEST_DMA_ADDR, 0);
    write32(e, ROCKER_TEST_DMA_SIZE, 0);
    return true;
}

static bool probe(struct dma_engine *e)
{
    if (!dma_map_registers(e, ROCKER_REGISTERS))
        return false;
    write32(e, ROCKER_TEST_REG, PROBE_VALUE);
    return read32(e, ROCKER_TEST_REG) == 2 * PROBE_VALUE && reset(e);
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return run(e, iova, length, ROCKER_CTRL_FILL);
}

static bool clear(struct dma_engine *e, uint64_t iova, size_t length)
{
    return run(e, iova, length, ROCKER_CTRL_CLEAR);
}

static bool invert(struct dma_engine *e, uint64_t iova, size_t length)
{
    return run(e, iova, length, ROCKER_CTRL_INVERT);
}

static bool interrupt(struct dma_engine *e)
{
    cpu_store32(e->registers + ROCKER_TEST_INTERRUPT, 0);
    return true;
}

const struct dma_engine_ops dma_rocker_ops = {
    .name = "rocker",
    .features = DMA_FILL | DMA_READ_MODIFY,
    .max_length = ROCKER_MAX_LENGTH,
    .iova_bits = 64,
    .fill_value = ROCKER_FILL_VALUE,
    .clear_value = 0x00,
    .match = match,
    .probe = probe,
    .reset = reset,
    .fill = fill,
    .clear = clear,
    .invert = invert,
    .interrupt = interrupt,
};
