/* SPDX-License-Identifier: MIT */
#include "tests/harness/user_drivers.h"

#include "abi/dmaprobe.h"
#include "drivers/dma_edu_registers.h"
#include "drivers/dma_rocker.h"
#include "kernel/cpu.h"
#include "lib/string.h"

#define INLINE static inline __attribute__((always_inline))

#define EDU_TURNS   20000u /* of a loop, between two looks */
#define WHAT_HOW    0xFFu
#define LIST_LENGTH 8
#define REGISTERS                                                                                  \
    (2 * PAGE_SIZE) /* of all kinds of device, as far as programs use them: dmaprobe's requests    \
                       are on the second page */
#define REGISTERS_AT (USER_SPACE_SIZE / 4)

INLINE volatile uint32_t *register32(uint64_t registers, unsigned offset)
{
    return (volatile uint32_t *)(uintptr_t)(registers + offset);
}

INLINE volatile uint64_t *register64(uint64_t registers, unsigned offset)
{
    return (volatile uint64_t *)(uintptr_t)(registers + offset);
}

INLINE void drive_rocker(uint64_t registers, uint64_t iova, uint64_t length)
{
    *register64(registers, ROCKER_TEST_DMA_ADDR) = iova;
    *register32(registers, ROCKER_TEST_DMA_SIZE) = (uint32_t)length;
    *register32(registers, ROCKER_TEST_DMA_CTRL) = ROCKER_CTRL_FILL;
}

/* Bounded by the deadline of the test, like all that a program does. */
INLINE void drive_edu(uint64_t registers, uint64_t iova, uint64_t length)
{
    for (uint64_t done = 0; done < length; done += EDU_FILL_SIZE) {
        *register64(registers, EDU_DMA_SOURCE) = EDU_BUFFER_ADDRESS + EDU_FILL_OFFSET;
        *register64(registers, EDU_DMA_TARGET) = iova + done;
        *register64(registers, EDU_DMA_COUNT) =
            length - done < EDU_FILL_SIZE ? length - done : EDU_FILL_SIZE;
        *register64(registers, EDU_DMA_COMMAND) = EDU_COMMAND_RUN | EDU_COMMAND_TO_MEMORY;
        while (*register64(registers, EDU_DMA_COMMAND) & EDU_COMMAND_RUN) {
            /* Time passes more cheaply in an emulator where no device is asked. */
            for (unsigned i = 0; i < EDU_TURNS; i++)
                cpu_compiler_barrier();
        }
    }
}

INLINE void drive_dmaprobe(uint64_t registers, uint64_t iova, uint64_t length, uint64_t what)
{
    uint64_t how = what & WHAT_HOW;
    volatile struct dmaprobe_request *r =
        (volatile struct dmaprobe_request *)(uintptr_t)(registers + DMAPROBE_REQUESTS) + DRIVE_SLOT;

    r->operation = DMAPROBE_FILL;
    r->flags = how == DRIVE_HELD ? DMAPROBE_HELD : how == DRIVE_BURST ? DMAPROBE_REPEAT : 0;
    r->iova = iova;
    r->length = (uint32_t)length;
    r->operand = what >> DRIVE_VALUE_SHIFT;
    *register32(registers, DMAPROBE_REGISTERS + DMAPROBE_DOORBELL) = DRIVE_SLOT;
}

INLINE void write_by_device(uint64_t registers, uint64_t iova, uint64_t length, uint64_t what)
{
    if ((what & WHAT_HOW) == DRIVE_ROCKER)
        drive_rocker(registers, iova, length);
    else if ((what & WHAT_HOW) == DRIVE_EDU)
        drive_edu(registers, iova, length);
    else
        drive_dmaprobe(registers, iova, length, what);
}

USER_PROGRAM uint64_t program_drive(uint64_t registers, uint64_t iova, uint64_t length,
                                    uint64_t what)
{
    write_by_device(registers, iova, length, what);
    return 0;
}

USER_PROGRAM uint64_t program_drive_twice(uint64_t registers, uint64_t iova, uint64_t length,
                                          uint64_t what)
{
    for (volatile unsigned i = 0; i < 2; i++) {
        write_by_device(registers, iova, length, what);
        if (i == 0)
            (void)user_call_kernel(USER_CALL_FIRST, iova, length);
    }
    return 0;
}

USER_PROGRAM uint64_t program_drive_and_crash(uint64_t registers, uint64_t iova, uint64_t length,
                                              uint64_t what)
{
    uint8_t byte;

    write_by_device(registers, iova, length, what);
    /* The compiler makes a trap of a load from address 0 that it can see. */
    __asm__ volatile("movb (%1), %0" : "=q"(byte) : "r"((uint64_t)0) : "memory");
    return byte;
}

USER_PROGRAM uint64_t program_drive_list(uint64_t registers, uint64_t list, uint64_t count,
                                         uint64_t what)
{
    for (uint64_t i = 0; i < count; i++) {
        write_by_device(registers, *register64(list, (unsigned)(i * sizeof(uint64_t))), LIST_LENGTH,
                        what);
    }
    return 0;
}

uint64_t drive_as(const struct dma_engine *e, enum drive how)
{
    return (uint64_t)how | (uint64_t)e->ops->fill_value << DRIVE_VALUE_SHIFT;
}

uint64_t drive(const struct dma_engine *e)
{
    return drive_as(e, e->class == DMA_CLASS_ROCKER ? DRIVE_ROCKER
                       : e->class == DMA_CLASS_EDU  ? DRIVE_EDU
                                                    : DRIVE_DMAPROBE);
}

uint64_t drive_registers(struct test_run *t, struct process *p, struct dma_engine *e)
{
    uint64_t address = p->space.base + REGISTERS_AT;

    e->touched = true;
    process_map_at(t, p, address, (uint64_t)(uintptr_t)e->registers, REGISTERS, USER_MMIO);
    return address;
}

void expect_driven(struct test_run *t, const struct dma_engine *e, struct buffer *b, size_t offset,
                   size_t length, const char *what)
{
    CHECK(!memory_find_other(b->data + offset, length, e->ops->fill_value),
          "%s: the device's bytes are not there", what);
    memset(b->data + offset, POISON_FRESH, length);
    expect_untouched(t, b, what);
}
