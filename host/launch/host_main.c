/* SPDX-License-Identifier: MIT */
/* First code of the host proper, in its copy of the image. The firmware is not called any more. */
#include "host/base/instructions.h"
#include "host/base/integrity.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/base/reference_time.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/descriptor_tables.h"
#include "host/cpu/entry_cost.h"
#include "host/cpu/host_paging.h"
#include "host/cpu/io.h"
#include "host/cpu/local_apic_page.h"
#include "host/cpu/msr.h"
#include "host/cpu/nested_paging.h"
#include "host/cpu/processors.h"
#include "host/cpu/trampoline.h"
#include "host/cpu/vcpu.h"
#include "host/defects/install.h"
#include "host/hints/hints.h"
#include "host/hypercalls/hypercalls.h"
#include "host/launch/host_options.h"
#include "host/launch/launch.h"
#include "host/launch/memory_map.h"
#include "host/platform/acpi.h"
#include "host/platform/acpi_generation2.h"
#include "host/platform/acpi_vmbus.h"
#include "host/platform/generation2.h"
#include "host/platform/guarded_registers.h"
#include "host/platform/image.h"
#include "host/variants/install.h"
#include "host/vdev/msi.h"
#include "host/vdev/vdev.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus.h"
#include "host/vpci/vpci.h"
#include "lib/bits.h"

static void start_clock(void)
{
    uint16_t port = acpi_pm_timer_port();

    if (port == 0)
        host_panic("the machine has no ACPI power management timer");
    reference_time_init(port);
}

/* Without the description a guest may find VMBus nevertheless; most look for it. */
static void describe_vmbus(const struct launch_args *args)
{
    const struct vpci_ranges *ranges = vpci_ranges();
    struct acpi_vmbus_ranges described = {(uint32_t)ranges->low.start, (uint32_t)ranges->low.length,
                                          ranges->high.start, ranges->high.length};

    if (args->tables != 0)
        acpi_vmbus_table((void *)(uintptr_t)args->tables, &described);
    if (args->tables == 0 ||
        !acpi_add_table(args->rsdp, args->tables, args->tables + HOST_TABLES_BYTES))
        host_log(LOG_ERROR, "VMBus is not described by ACPI: no room for the tables\n");
}

static void start_vmbus(const struct launch_args *args)
{
    static const struct vpci_hooks hooks = {.map_page = nested_page_set, .reach = host_paging_add};

    const unsigned count = processors_count();

    synic_init(msi_send_vector);
    for (unsigned i = 0; i < count; i++)
        synic_add_vp(cpu_by_index(cpu_rules.vps_count_down ? count - 1 - i : i)->apic_id);
    vpci_create(&hooks);
    if (vmbus_present() && !generation2.on)
        describe_vmbus(args);
}

static void start_generation2(struct launch_args *args)
{
    const struct vpci_ranges *ranges = vpci_ranges();
    const struct acpi_vmbus_ranges described = {(uint32_t)ranges->low.start,
                                                (uint32_t)ranges->low.length, ranges->high.start,
                                                ranges->high.length};

    generation2_init(args->end_instruction);
    args->watch_boot_services = true;
    if (args->tables == 0)
        host_stop("machine=gen2: the firmware has no memory for its tables");
    acpi_generation2(args->rsdp, args->tables, &described, processors_count());
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
    /* From here on nothing depends on memory that the guest will own, and an exception is logged.
     */
    cr3_write(host_paging_init());
    descriptor_tables_load(cpu);

    host_options_apply((char *)(uintptr_t)args->options, args->options_length);
    variants_install();
    defects_install();
    hints_install();
    acpi_init(args->rsdp);
    processors_init(args->low);
    start_clock();
    hypercalls_init();
    if (vdev_off_bus)
        start_vmbus(args);
    if (generation2.on)
        start_generation2(args);

    guarded_registers_init();
    local_apic_page_init();
    hypercall_page_init();
    partition.msrpm = msr_permission_map();
    partition.iopm = io_permission_map();
    partition.nested_root = nested_paging_init();
    guarded_registers_show(nested_show_read_only);
    /* Guests look for an MP table in the last KiB below 640 KiB. */
    if (args->low)
        nested_show_zeros(args->low, TRAMPOLINE_BYTES);
    vcpu_configure(cpu, args->guest_rip, args->guest_rsp);
    cpu->running = true;
    vdev_start(nested_page_set);
    entry_cost_tell(cpu);
    integrity_add_constant((const void *)(uintptr_t)partition.msrpm, MSRPM_PAGES * PAGE_SIZE);
    integrity_add_constant((const void *)(uintptr_t)partition.iopm, IOPM_PAGES * PAGE_SIZE);
    integrity_seal();
    host_log(LOG_INFO, "image at 0x%lx, tsc %lu kHz, %lu us from the firmware to the guest\n",
             (uintptr_t)host_image_start, tsc_frequency() / 1000,
             (cpu_rdtsc() - args->entry_tsc) * 1000 / (tsc_frequency() / 1000));
    panic_leave_com1();
    cpu_run(cpu, (uintptr_t)cpu->guest, (uintptr_t)cpu->host_state, cpu->stack_top);
}
