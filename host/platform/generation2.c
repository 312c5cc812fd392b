/* SPDX-License-Identifier: MIT */
#include "host/platform/generation2.h"

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/platform/acpi.h"
#include "lib/bits.h"
#include "lib/hot.h"

#define PIC_PRIMARY_MASK   0x21u
#define PIC_SECONDARY_MASK 0xA1u
#define PIC_ALL            0xFFu
#define RESET_CONTROL      0xCF9u /* a byte among the configuration ports; the FADT names it */
#define RUNTIME_RANGES_MAX 32u

struct port_range {
    uint16_t first, last;
};

struct generation2 generation2;

static struct {
    bool bare;
    struct {
        uint64_t start, length;
    } runtime[RUNTIME_RANGES_MAX];
    unsigned runtime_count;
} state;

HOT_DATA uint64_t generation2_last_instruction;

/* The last two are filled in at launch; 1 to 0 is no port. */
static struct port_range ports[] = {
    {0x20, 0x21},   {0xA0, 0xA1}, {0x4D0, 0x4D1}, /* interrupt controllers */
    {0x40, 0x43},   {0x61, 0x61},                 /* timer and its gate */
    {0x60, 0x60},   {0x64, 0x64},                 /* keyboard controller */
    {0x70, 0x73},                                 /* real-time clock */
    {0xCF8, 0xCFF},                               /* configuration space */
    {1, 0},                                       /* ACPI timer */
    {1, 0},                                       /* COM1 */
};
#define ACPI_TIMER (ARRAY_SIZE(ports) - 2)
#define COM1       (ARRAY_SIZE(ports) - 1)

void generation2_init(uint64_t instruction)
{
    const uint16_t timer = acpi_pm_timer_port();

    if (state.runtime_count > RUNTIME_RANGES_MAX)
        host_panic("more than %u ranges of run-time code", RUNTIME_RANGES_MAX);
    generation2_last_instruction = instruction;
    ports[ACPI_TIMER] = (struct port_range){timer, (uint16_t)(timer + 3)};
    if (!generation2.com1)
        ports[COM1] = (struct port_range){0x3F8, 0x3FF};
}

void generation2_add_runtime_code(uint64_t start, uint64_t length)
{
    if (state.runtime_count < RUNTIME_RANGES_MAX) {
        state.runtime[state.runtime_count].start = start;
        state.runtime[state.runtime_count].length = length;
    }
    state.runtime_count++;
}

bool generation2_is_runtime_code(uint64_t gpa)
{
    for (unsigned i = 0; i < state.runtime_count; i++)
        if (gpa - state.runtime[i].start < state.runtime[i].length)
            return true;
    return false;
}

/* A guest that sees no interrupt controllers cannot mask them, either. */
static void mask_interrupt_controllers(void)
{
    cpu_out8(PIC_PRIMARY_MASK, PIC_ALL);
    cpu_out8(PIC_SECONDARY_MASK, PIC_ALL);
}

void generation2_begin(void)
{
    generation2_last_instruction = 0;
    state.bare = true;
    mask_interrupt_controllers();
    host_log(LOG_INFO, "boot services are over: the devices of a PC are gone\n");
}

bool generation2_is_bare(void)
{
    return state.bare;
}

bool generation2_is_port(uint16_t port, unsigned size)
{
    if (!generation2.on || (port == RESET_CONTROL && size == 1))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        if (port <= ports[i].last && port + size > ports[i].first)
            return true;
    return false;
}
