/* SPDX-License-Identifier: MIT */
/*
 * Registers of QEMU's "edu" device (docs/specs/edu in QEMU). A transfer runs 100 ms after its start, in one piece, and
 * moves data between memory and a 4 KiB buffer inside the device that nothing else can reach.
 */
#include "drivers/dma_edu.h"

#include "kernel/cpu.h"
#include "kernel/time.h"

#define EDU_ID          0x00
#define EDU_DMA_SOURCE  0x80
#define EDU_DMA_TARGET  0x88
#define EDU_DMA_COUNT   0x90
#define EDU_DMA_COMMAND 0x98

#define EDU_ID_MASK  0x0000FFFFu /* major and minor version above */
#define EDU_ID_VALUE 0x000000EDu

#define EDU_COMMAND_RUN       (1u << 0)
#define EDU_COMMAND_TO_MEMORY (1u << 1)

#define EDU_BUFFER_ADDRESS 0x40000u
#define EDU_TIMEOUT_US     2000000u

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
    bool done = time_wait(idle, e, EDU_TIMEOUT_US);

    cpu_compiler_barrier();
    return done;
}

/* QEMU before 10.0.13 does not check the range inside its buffer and writes beyond it, so this is the only check. */
static bool fits(uint64_t iova, unsigned offset, size_t length)
{
    return length >= 1 && offset < EDU_BUFFER_SIZE && length <= EDU_BUFFER_SIZE - offset &&
           iova <= (1ull << EDU_IOVA_BITS) - length;
}

/* The address registers ignore writes while a transfer is under way. */
static bool start(struct dma_engine *e, uint64_t source, uint64_t target, size_t length, uint64_t direction)
{
    if (!edu_wait_idle(e)) {
        return false;
    }
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
    return fits(iova, offset, length) && start(e, iova, EDU_BUFFER_ADDRESS + offset, length, 0);
}

bool edu_start_store(struct dma_engine *e, unsigned offset, uint64_t iova, size_t length)
{
    return fits(iova, offset, length) && start(e, EDU_BUFFER_ADDRESS + offset, iova, length, EDU_COMMAND_TO_MEMORY);
}

bool edu_load(struct dma_engine *e, uint64_t iova, unsigned offset, size_t length)
{
    return edu_start_load(e, iova, offset, length) && edu_wait_idle(e);
}

bool edu_store(struct dma_engine *e, unsigned offset, uint64_t iova, size_t length)
{
    return edu_start_store(e, offset, iova, length) && edu_wait_idle(e);
}
