/* SPDX-License-Identifier: MIT */
/* Port I/O: a table of the ranges that do not go straight to the machine. */
#include "host/cpu/io.h"

#include "host/base/memory.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/vdev/config_trap.h"

/* Reads as if no device answered, and swallows writes. */
static uint32_t absent_read(uint16_t port, unsigned size)
{
    (void)port;
    (void)size;
    return 0xFFFFFFFF;
}

static void absent_write(uint16_t port, unsigned size, uint32_t value)
{
    (void)port;
    (void)size;
    (void)value;
}

static const struct io_range ranges[] = {
    /* SMI command and status: an SMI in guest mode breaks QEMU's SVM emulation. */
    {0xB2, 0xB3, absent_read, absent_write},
    /* Debug console: the host's log. */
    {0xE9, 0xE9, absent_read, absent_write},
    /* fw_cfg: its DMA goes around both the nested tables and VT-d. */
    {0x510, 0x51B, absent_read, absent_write},
    /* PCI configuration: emulated functions are answered for. */
    {0xCF8, 0xCFF, config_port_read, config_port_write},
};
#define RANGES (sizeof(ranges) / sizeof(ranges[0]))

uint64_t io_permission_map(void)
{
    uint8_t *map = host_pages(IOPM_PAGES);

    for (unsigned r = 0; r < RANGES; r++) {
        for (uint32_t port = ranges[r].first; port <= ranges[r].last; port++)
            map[port / 8] |= (uint8_t)(1u << port % 8);
    }
    return (uintptr_t)map;
}

/* An access that only partly lies in a range is answered by it as a whole. */
static const struct io_range *range_of(uint32_t port, unsigned size)
{
    for (unsigned r = 0; r < RANGES; r++) {
        if (port <= ranges[r].last && port + size > ranges[r].first)
            return &ranges[r];
    }
    return NULL;
}

static uint64_t merge(uint64_t rax, uint32_t value, unsigned size)
{
    switch (size) {
    case 1:
        return (rax & ~0xFFull) | (uint8_t)value;
    case 2:
        return (rax & ~0xFFFFull) | (uint16_t)value;
    default:
        return value;
    }
}

void exit_io(struct cpu *cpu, struct guest_registers *regs)
{
    struct vmcb *guest = cpu->guest;
    uint32_t info = (uint32_t)guest->exit_info1;
    uint16_t port = (uint16_t)(info >> IO_EXIT_PORT_SHIFT);
    unsigned size = (info >> IO_EXIT_SIZE_SHIFT) & IO_EXIT_SIZE_MASK; /* the bit is the number of bytes */
    const struct io_range *range = range_of(port, size);

    /* String instructions on these ports are refused rather than emulated. */
    if ((info & IO_EXIT_STRING) || !range) {
        inject_exception(cpu, regs, EXCEPTION_GP);
        return;
    }
    if (info & IO_EXIT_IN)
        guest->rax = merge(guest->rax, range->read(port, size), size);
    else
        range->write(port, size, (uint32_t)guest->rax);
    skip_instruction(guest, (unsigned)(guest->exit_info2 - guest->rip));
}
