/* SPDX-License-Identifier: MIT */
/* Port I/O: a table of the ranges that do not go straight to the machine. */
#include "host/cpu/io.h"

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/cpu/exit.h"
#include "host/cpu/guest_walk.h"
#include "host/cpu/inject.h"
#include "host/cpu/insn_fetch.h"
#include "host/platform/chipset.h"
#include "host/platform/generation2.h"
#include "host/platform/machine_rules.h"
#include "host/vdev/config_trap.h"
#include "lib/bits.h"

#define SYSTEM_CONTROL       0x92u /* of PS/2 */
#define SYSTEM_CONTROL_A20   (1u << 1)
#define KEYBOARD_DATA        0x60u
#define KEYBOARD_COMMAND     0x64u
#define KEYBOARD_OUTPUT_PORT 0xD1u /* the next data are its value */
#define KEYBOARD_A20_OFF     0xDDu
#define KEYBOARD_OUTPUT_A20  (1u << 1)
/* QEMU's ACPI registers for processors and functions that come and go on a q35. */
#define PROCESSOR_CONTROL 0xCDCu
#define PROCESSOR_EJECT   0x18u
#define FUNCTION_EJECT    0xCC8u

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

/* Of a port that is 8 bits wide: anything else would reach its neighbors as well. */
static uint32_t byte_read(uint16_t port, unsigned size)
{
    return size == 1 ? cpu_in8(port) : 0xFFFFFFFF;
}

/* Address line 20 is masked after nested translation, for the host as well. */
static void system_control_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1 && port == SYSTEM_CONTROL)
        cpu_out8(port, (uint8_t)(value | SYSTEM_CONTROL_A20));
}

/* The keyboard controller has the same line: by a command, and in its output port, which the data
 * after another command are for. */
static bool output_port_next;

static void keyboard_command_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size != 1 || port != KEYBOARD_COMMAND || (uint8_t)value == KEYBOARD_A20_OFF)
        return;
    output_port_next = (uint8_t)value == KEYBOARD_OUTPUT_PORT;
    cpu_out8(port, (uint8_t)value);
}

static void keyboard_data_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size != 1 || port != KEYBOARD_DATA)
        return;
    if (output_port_next)
        value |= KEYBOARD_OUTPUT_A20;
    output_port_next = false;
    cpu_out8(port, (uint8_t)value);
}

/* A processor that is taken out of the machine is the host's, too. */
static void processor_control_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1 && port == PROCESSOR_CONTROL)
        cpu_out8(port, (uint8_t)(value & ~PROCESSOR_EJECT));
}

static uint16_t power_control; /* port; 0: unknown */

/* The whole register or one byte of it. Processors that sleep wake up in the firmware, without the
 * host, and memory is what the guest has left there. */
static void power_control_write(uint16_t port, unsigned size, uint32_t value)
{
    uint32_t control = value;

    if (port < power_control || port + size > power_control + 2u)
        return;
    if (size == 1)
        control = port == power_control ? (cpu_in16(power_control) & 0xFF00u) | (uint8_t)value
                                        : (cpu_in16(power_control) & 0xFFu) | (uint8_t)value << 8;
    if (machine_rules.sleep(&control))
        cpu_out16(power_control, (uint16_t)control);
}

static struct io_range ranges[] = {
    /* SMI command and status: an SMI in guest mode breaks QEMU's SVM emulation. */
    {0xB2, 0xB3, absent_read, absent_write},
    /* Debug console: the host's log. */
    {0xE9, 0xE9, absent_read, absent_write},
    /* fw_cfg: its DMA goes around both the nested tables and VT-d. */
    {0x510, 0x51B, absent_read, absent_write},
    /* PCI configuration: emulated functions are answered for. */
    {0xCF8, 0xCFF, config_port_read, config_port_write},
    /* ISA DMA controllers: bus masters that no IOMMU sees. */
    {0x00, 0x0F, absent_read, absent_write},
    {0xC0, 0xDF, absent_read, absent_write},
    {SYSTEM_CONTROL, SYSTEM_CONTROL, byte_read, system_control_write},
    {KEYBOARD_DATA, KEYBOARD_DATA, byte_read, keyboard_data_write},
    {KEYBOARD_COMMAND, KEYBOARD_COMMAND, byte_read, keyboard_command_write},
    {PROCESSOR_CONTROL, PROCESSOR_CONTROL, byte_read, processor_control_write},
    {FUNCTION_EJECT, FUNCTION_EJECT + 3, absent_read, absent_write},
    /* Which events of the chipset raise an SMI, and sleep; on a machine where that is known. */
    {0, 0, absent_read, absent_write},
    {0, 0, port_read, power_control_write},
};
#define RANGES        ARRAY_SIZE(ranges)
#define SMI_ENABLE    (&ranges[RANGES - 2])
#define POWER_CONTROL (&ranges[RANGES - 1])

uint64_t io_permission_map(void)
{
    uint8_t *map = host_pages(IOPM_PAGES);
    uint16_t smi_enable = chipset_smi_enable_port();

    for (uint32_t port = 0; port <= UINT16_MAX; port++)
        if (generation2_is_port((uint16_t)port, 1))
            map[port / 8] |= (uint8_t)(1u << port % 8);

    if (smi_enable != 0) {
        SMI_ENABLE->first = smi_enable;
        SMI_ENABLE->last = (uint16_t)(smi_enable + 3);
    }
    power_control = chipset_power_control_port();
    if (power_control != 0) {
        POWER_CONTROL->first = power_control;
        POWER_CONTROL->last = (uint16_t)(power_control + 1);
    }

    for (unsigned r = 0; r < RANGES; r++)
        for (uint32_t port = ranges[r].first; port <= ranges[r].last; port++)
            map[port / 8] |= (uint8_t)(1u << port % 8);
    return (uintptr_t)map;
}

/* An access that only partly lies in a range is answered by it as a whole. */
static const struct io_range *range_of(uint32_t port, unsigned size)
{
    for (unsigned r = 0; r < RANGES; r++)
        if (port <= ranges[r].last && port + size > ranges[r].first)
            return &ranges[r];
    return NULL;
}

static bool is_runtime_service(const struct vmcb *guest)
{
    const struct guest_paging paging = {guest->cr0, guest->cr3, guest->cr4, guest->efer};
    uint64_t gpa;

    return insn_is_64_bit(guest) && guest_walk(&paging, guest->rip, &gpa) &&
           generation2_is_runtime_code(gpa);
}

/* The range that answers; NULL: none, the port should not trap. */
static const struct io_range *answering(const struct vmcb *guest, uint16_t port, unsigned size)
{
    static const struct io_range nothing = {0, UINT16_MAX, absent_read, absent_write};
    static const struct io_range machine = {0, UINT16_MAX, port_read, port_write};
    const struct io_range *range = range_of(port, size);
    bool of_pc = generation2_is_port(port, size);

    if (of_pc && generation2_is_bare() && !is_runtime_service(guest))
        return &nothing;
    return of_pc && !range ? &machine : range;
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
    unsigned size =
        (info >> IO_EXIT_SIZE_SHIFT) & IO_EXIT_SIZE_MASK; /* the bit is the number of bytes */
    const struct io_range *range = answering(guest, port, size);

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
