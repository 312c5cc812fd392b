/* SPDX-License-Identifier: MIT */
/* Requests and registers of the dmaprobe (docs/dmaprobe.md). */
#include "drivers/dmaprobe.h"
#include "kernel/cpu.h"
#include "lib/string.h"

#define RESULTS offsetof(struct dmaprobe_request, state)

static volatile uint32_t *register32(struct dma_engine *e, unsigned offset)
{
    e->touched = true;
    return (volatile uint32_t *)(e->registers + DMAPROBE_REGISTERS + offset);
}

/* The device's memory is plain memory to the processor: it changes at doorbells and releases, and
 * at exits. */
static uint8_t *memory(struct dma_engine *e, unsigned offset)
{
    return (uint8_t *)(uintptr_t)(e->registers + offset);
}

uint8_t *dmaprobe_buffer(struct dma_engine *e)
{
    return memory(e, DMAPROBE_BUFFER);
}

struct dmaprobe_element *dmaprobe_scatter(struct dma_engine *e)
{
    return (struct dmaprobe_element *)memory(e, DMAPROBE_SCATTER);
}

static struct dmaprobe_request *request_at(struct dma_engine *e, unsigned slot)
{
    return (struct dmaprobe_request *)memory(e, DMAPROBE_REQUESTS) + slot;
}

bool dmaprobe_result(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request)
{
    const struct dmaprobe_request *from = request_at(e, slot);
    uint32_t state = __atomic_load_n(&from->state, __ATOMIC_ACQUIRE);

    memcpy((uint8_t *)request + RESULTS, (const uint8_t *)from + RESULTS,
           sizeof(*request) - RESULTS);
    return state == DMAPROBE_FINISHED;
}

void dmaprobe_start(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request)
{
    memcpy(request_at(e, slot), request, RESULTS);
    cpu_memory_barrier(); /* also tables and data that the device is about to read */
    *register32(e, DMAPROBE_DOORBELL) = slot;
    cpu_compiler_barrier();
    e->operations++;
    (void)dmaprobe_result(e, slot, request);
}

bool dmaprobe_release(struct dma_engine *e, unsigned slot, struct dmaprobe_request *request)
{
    *register32(e, DMAPROBE_RELEASE) = 1u << slot;
    cpu_compiler_barrier();
    return dmaprobe_result(e, slot, request);
}

uint32_t dmaprobe_pending(struct dma_engine *e)
{
    return dmaprobe_register(e, DMAPROBE_PENDING);
}

uint32_t dmaprobe_register(struct dma_engine *e, unsigned offset)
{
    uint32_t value = *register32(e, offset);

    cpu_compiler_barrier();
    return value;
}
