/* SPDX-License-Identifier: MIT */
/* Holes through which a guest reaches the host: each opens one that the right host has closed. */
#include "abi/hypercall.h"
#include "host/base/image_bounds.h"
#include "host/base/integrity.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/hypercalls/call.h"
#include "host/platform/machine_rules.h"

static struct exit_handlers right_exit;

static void invalid(struct cpu *cpu, struct guest_registers *regs)
{
    if (image_contains(cpu->guest->rip))
        inject_exception(cpu, regs, EXCEPTION_UD);
    else
        right_exit.invalid(cpu, regs);
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t target, length;

    if (!call_find(hv_control_code(regs->rcx))) {
        integrity_target(&target, &length);
        *(uint64_t *)(uintptr_t)target = 0;
    }
    right_exit.hypercall(cpu, regs);
}

void defects_install_host_itself(void)
{
    right_exit = exit_handlers;
    if (defect_active(DEFECT_PREFIXES_NOT_COUNTED))
        cpu_rules.prefixes_counted = false;
    if (defect_active(DEFECT_HOST_ADDRESS_OF_GUEST))
        exit_handlers.invalid = invalid;
    if (defect_active(DEFECT_STRAY_STORE))
        exit_handlers.hypercall = hypercall;
    if (defect_active(DEFECT_DELIVERY_MODES_FREE))
        machine_rules.delivery_modes = UINT8_MAX;
    if (defect_active(DEFECT_TIMER_MESSAGES))
        machine_rules.timer_messages = true;
    if (defect_active(DEFECT_CHIPSET_MOVABLE))
        machine_rules.chipset_writes = true;
    if (defect_active(DEFECT_ACCESS_START_GUESSED))
        cpu_rules.access_start_checked = false;
    if (defect_active(DEFECT_SHOOTDOWN_NEEDS_X2APIC))
        cpu_rules.calls_in_any_mode = false;
}
