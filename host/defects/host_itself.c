/* SPDX-License-Identifier: MIT */
/* Holes through which a guest reaches the host: each opens one that the right host has closed. */
#include "abi/hypercall.h"
#include "host/base/image_bounds.h"
#include "host/base/integrity.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/cpu/io.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/hypercalls/call.h"
#include "host/platform/chipset.h"
#include "host/platform/machine_rules.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/vmbus_rules.h"
#include "host/vpci/bus.h"
#include "lib/bits.h"

static struct exit_handlers right_exit;

static void invalid(struct cpu *cpu, struct guest_registers *regs)
{
    if (image_contains(cpu->guest->rip))
        inject_exception(cpu, regs, EXCEPTION_UD);
    else
        right_exit.invalid(cpu, regs);
}

static void stray_store(void)
{
    uint64_t target, length;

    integrity_target(&target, &length);
    *(uint64_t *)(uintptr_t)target = 0;
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    if (!call_find(hv_control_code(regs->rcx)))
        stray_store();
    right_exit.hypercall(cpu, regs);
}

/* The machine's line stays on: nothing would go on without it. The guest finds it off. */
#define SYSTEM_CONTROL 0x92u
#define A20            BIT(1)
static bool line_20_off;

static void io_line_20(struct cpu *cpu, struct guest_registers *regs)
{
    bool of_line = cpu->guest->exit_info1 >> IO_EXIT_PORT_SHIFT == SYSTEM_CONTROL;
    bool in = (cpu->guest->exit_info1 & IO_EXIT_IN) != 0;

    if (of_line && !in)
        line_20_off = !(cpu->guest->rax & A20);
    right_exit.io(cpu, regs);
    if (of_line && in && line_20_off)
        cpu->guest->rax &= ~A20;
}

#define CONFIG_ADDRESS  0xCF8u
#define CONFIG_DATA     0xCFCu
#define CONFIG_REGISTER BITS(7, 0)
#define CONFIG_DEVICE   BITS(15, 11)
#define ISA_DEVICE      BITS(15, 11) /* 31 */
#define STRAY_FROM      0xC0u
static uint64_t config_address; /* of the guest's last write */

static void io_configuration(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t info = (uint32_t)cpu->guest->exit_info1;
    uint32_t port = info >> IO_EXIT_PORT_SHIFT;
    uint64_t device = config_address & CONFIG_DEVICE;

    if (!(info & IO_EXIT_IN) && port == CONFIG_ADDRESS)
        config_address = cpu->guest->rax;
    else if (!(info & IO_EXIT_IN) && (port & ~3u) == CONFIG_DATA && device != 0 &&
             device != ISA_DEVICE && (config_address & CONFIG_REGISTER) >= STRAY_FROM)
        stray_store();
    right_exit.io(cpu, regs);
}

/* The machine stays awake: nothing would go on without it. The guest finds the state chosen. */
#define SLEEP_ENABLE BIT(13)

static bool sleep_chosen(uint32_t *control)
{
    if (chipset_sleep_keeps_memory(*control))
        *control &= ~(uint32_t)SLEEP_ENABLE;
    return true;
}

#define DR6_NONE 0xFFFF0FF0u
#define DR7_NONE 0x400u

static void cpuid(struct cpu *cpu, struct guest_registers *regs)
{
    right_exit.cpuid(cpu, regs);
    if (defect_active(DEFECT_DEBUG_STATUS_LOST))
        cpu->guest->dr6 = DR6_NONE;
    if (defect_active(DEFECT_DEBUG_CONTROL_LOST))
        cpu->guest->dr7 = DR7_NONE;
}

static call_handler *right_signal;

static enum hv_status signal(struct call_context *context)
{
    enum hv_status status = right_signal(context);

    for (unsigned i = 0; i < channels_count(); i++)
        if (channel_at(i)->state == CHANNEL_OPEN && channel_at(i)->from_guest.broken)
            stray_store();
    return status;
}

#define RESCINDS_MAX 40u /* of one bus */

static void (*right_withdrawn)(void *owner);
static void (*right_end)(void);
static unsigned rescinds[VMBUS_CHANNELS_MAX + 1]; /* by the id of the channel */
static bool ending;                               /* a connection does */

static void end_channels(void)
{
    ending = true;
    right_end();
    ending = false;
}

static void withdrawn(void *owner)
{
    const struct vpci_bus *bus = owner;

    if (!ending && ++rescinds[vmbus_channel_id(bus->channel)] > RESCINDS_MAX)
        stray_store();
    right_withdrawn(owner);
}

static void install_bus(void)
{
    if (defect_active(DEFECT_RING_BROKEN_STRAYS))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
    if (!defect_active(DEFECT_RESCINDS_STRAY))
        return;
    right_withdrawn = vpci_service.withdrawn;
    vpci_service.withdrawn = withdrawn;
    right_end = vmbus_rules.end_channels;
    vmbus_rules.end_channels = end_channels;
}

void defects_install_host_itself(void)
{
    right_exit = exit_handlers;
    install_bus();
    if (ANY(DEFECT_DEBUG_STATUS_LOST, DEFECT_DEBUG_CONTROL_LOST))
        exit_handlers.cpuid = cpuid;
    if (defect_active(DEFECT_PREFIXES_NOT_COUNTED))
        cpu_rules.prefixes_counted = false;
    if (defect_active(DEFECT_HOST_ADDRESS_OF_GUEST))
        exit_handlers.invalid = invalid;
    if (defect_active(DEFECT_STRAY_STORE))
        exit_handlers.hypercall = hypercall;
    if (defect_active(DEFECT_LINE_20_SWITCHED))
        exit_handlers.io = io_line_20;
    if (defect_active(DEFECT_CALLS_IN_REAL_MODE))
        cpu_rules.hypercall_in_real_mode = true;
    if (defect_active(DEFECT_CONFIGURATION_STRAY))
        exit_handlers.io = io_configuration;
    if (defect_active(DEFECT_DELIVERY_MODES_FREE))
        machine_rules.delivery_modes = UINT8_MAX;
    if (defect_active(DEFECT_TIMER_MESSAGES))
        machine_rules.timer_messages = true;
    if (defect_active(DEFECT_SLEEP_STATES_FREE))
        machine_rules.sleep = sleep_chosen;
    if (defect_active(DEFECT_CHIPSET_MOVABLE))
        machine_rules.chipset_writes = true;
    if (defect_active(DEFECT_ACCESS_START_GUESSED))
        cpu_rules.access_start_checked = false;
    if (defect_active(DEFECT_SHOOTDOWN_NEEDS_X2APIC))
        cpu_rules.calls_in_any_mode = false;
}
