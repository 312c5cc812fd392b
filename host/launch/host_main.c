/* SPDX-License-Identifier: MIT */
/* First code of the host proper, in its copy of the image. The firmware is not called any more. */
#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/base/reference_time.h"
#include "host/cpu/descriptor_tables.h"
#include "host/cpu/host_paging.h"
#include "host/cpu/io.h"
#include "host/cpu/msr.h"
#include "host/cpu/nested_paging.h"
#include "host/cpu/processors.h"
#include "host/cpu/trampoline.h"
#include "host/cpu/vcpu.h"
#include "host/hypercalls/hypercalls.h"
#include "host/launch/host_options.h"
#include "host/launch/launch.h"
#include "host/launch/memory_map.h"
#include "host/platform/acpi.h"
#include "host/platform/image.h"
#include "host/vdev/vdev.h"

static void start_clock(void)
{
    uint16_t port = acpi_pm_timer_port();

    if (port == 0)
        host_panic("the machine has no ACPI power management timer");
    reference_time_init(port);
}

void host_main(struct launch_args *args)
{
    struct cpu *cpu;

    host_memory_init(args->pool, args->pool_length);
    memory_map_import(args);
    guest_protect(args->block, args->block_length, "reference host");
    if (args->low)
        guest_protect(args->low, TRAMPOLINE_BYTES, "start-up code of other processors");

    cpu = cpu_prepare(0);
    svm_enable(cpu);
    vcpu_capture(cpu);
    /* From here on nothing depends on memory that the guest will own, and an exception is logged. */
    cr3_write(host_paging_init());
    descriptor_tables_load(cpu);

    host_options_apply((char *)(uintptr_t)args->options, args->options_length);
    acpi_init(args->rsdp);
    processors_init(args->low);
    start_clock();
    hypercalls_init();

    hypercall_page_init();
    partition.msrpm = msr_permission_map();
    partition.iopm = io_permission_map();
    partition.nested_root = nested_paging_init();
    vcpu_configure(cpu, args->guest_rip, args->guest_rsp);
    cpu->running = true;
    vdev_start(nested_page_set);
    host_log(LOG_INFO, "image at 0x%lx, tsc %lu kHz, %lu us from the firmware to the guest\n",
             (uintptr_t)host_image_start, tsc_frequency() / 1000,
             (cpu_rdtsc() - args->entry_tsc) * 1000 / (tsc_frequency() / 1000));
    panic_leave_com1();
    cpu_run(cpu, (uintptr_t)cpu->guest, (uintptr_t)cpu->host_state, cpu->stack_top);
}
