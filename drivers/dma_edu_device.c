/* SPDX-License-Identifier: MIT */
/* Moves bytes between memory and the buffer of an edu device. */
#include "drivers/dma_edu.h"

#include "kernel/cpu.h"
#include "kernel/sleep.h"

#define EDU_ID_MASK  0x0000FFFFu /* major and minor version above */
#define EDU_ID_VALUE 0x000000EDu

#define EDU_TIMEOUT_US 2000000u
#define EDU_LOOK_US    25000u

static volatile uint64_t *register64(struct dma_engine *e, unsigned offset)
{
    return (volatile uint64_t *)(e->registers + offset);
}

bool edu_present(struct dma_engine *e)
{
    return (*(volatile uint32_t *)(e->registers + EDU_ID) & EDU_ID_MASK) == EDU_ID_VALUE;
}

static bool idle(void *argument)
{
    return (*register64(argument, EDU_DMA_COMMAND) & EDU_COMMAND_RUN) == 0;
}

bool edu_wait_idle(struct dma_engine *e)
{
    bool done = sleep_until(idle, e, EDU_TIMEOUT_US, EDU_LOOK_US);

    cpu_compiler_barrier();
    return done;
}

/* QEMU before 10.0.13 does not check the range inside its buffer and writes beyond it, so this is
 * the only check. */
static bool fits(const struct dma_engine *e, uint64_t iova, unsigned offset, size_t length)
{
    return length >= 1 && offset < EDU_BUFFER_SIZE && length <= EDU_BUFFER_SIZE - offset &&
           iova <= (1ull << e->iova_bits) - length;
}

/* The address registers ignore writes while a transfer is under way. */
static bool start(struct dma_engine *e, uint64_t source, uint64_t target, size_t length,
                  uint64_t direction)
{
    if (!edu_wait_idle(e))
        return false;
    *register64(e, EDU_DMA_SOURCE) = source;
    *register64(e, EDU_DMA_TARGET) = target;
    *register64(e, EDU_DMA_COUNT) = length;
    cpu_memory_barrier();
    *register64(e, EDU_DMA_COMMAND) = EDU_COMMAND_RUN | direction;
    e->operations++;
    return true;
}

bool edu_start_load(struct dma_engine *e, uint64_t iova, unsigned offset, size_t length)
{
    return fits(e, iova, offset, length) && start(e, iova, EDU_BUFFER_ADDRESS + offset, length, 0);
}

bool edu_start_store(struct dma_engine *e, unsigned offset, uint64_t iova, size_t length)
{
    return fits(e, iova, offset, length) &&
           start(e, EDU_BUFFER_ADDRESS + offset, iova, length, EDU_COMMAND_TO_MEMORY);
}

bool edu_load(struct dma_engine *e, uint64_t iova, unsigned offset, size_t length)
{
    return edu_start_load(e, iova, offset, length) && edu_wait_idle(e);
}

bool edu_store(struct dma_engine *e, unsigned offset, uint64_t iova, size_t length)
{
    return edu_start_store(e, offset, iova, length) && edu_wait_idle(e);
}
