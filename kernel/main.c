/* SPDX-License-Identifier: MIT */
/* Order of the bring-up. Until paging_init() the firmware's tables are live, until run() its stack.
 */
#include "kernel/acpi.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/kernel.h"
#include "kernel/lapic.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/percpu.h"
#include "kernel/power.h"
#include "kernel/time.h"
#include "kernel/time_internal.h"
#include "kernel/trap.h"

static const struct boot_info *handed_over;

const struct boot_info *kernel_boot_info(void)
{
    return handed_over;
}

static void __attribute__((noreturn)) run(void *argument)
{
    const struct boot_info *info = argument;
    acpi_init(info->rsdp);
    power_init(info);
    time_set_start(info->entry_tsc);
    time_init();
    lapic_init();
    power_off((enum power_code)suite_main(info));
}

void kernel_main(const struct boot_info *info)
{
    handed_over = info;
    console_init();
    memory_init(info);
    paging_init(info);
    trap_init();
    context_call_on_stack(run, (void *)info, (void *)cpu_this()->stacks[STACK_MAIN].top);
}
