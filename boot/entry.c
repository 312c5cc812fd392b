/* SPDX-License-Identifier: MIT */
/* UEFI entry. From here on everything is our own. */
#include "boot/boot.h"
#include "boot/efi_tables.h"
#include "boot/error_report.h"
#include "boot/relocate.h"
#include "boot/volume.h"
#include "kernel/cpu.h"
#include "kernel/fill.h"
#include "kernel/image.h"
#include "kernel/kernel.h"
#include "kernel/memory.h"
#include "kernel/power.h"
#include "lib/bits.h"

#define BOOT_INFO_SIZE ((sizeof(struct boot_info) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
/* Everything of boot lifetime: tables, stacks, driver rings. */
#define ARENA_SIZE      (8ull << 20)
#define MEMORY_MAP_SIZE (64ull << 10)

#define PIC_PRIMARY_MASK   0x21
#define PIC_SECONDARY_MASK 0xA1
#define PIC_ALL_MASKED     0xFF

static uint64_t take_pages(const struct boot *boot, uint64_t size)
{
    EFI_PHYSICAL_ADDRESS start;
    EFI_STATUS status = boot->system->BootServices->AllocatePages(AllocateAnyPages, EfiLoaderData,
                                                                  size / PAGE_SIZE, &start);
    if (status != EFI_SUCCESS)
        boot_fail(boot, "the firmware has no %llu KiB of memory, status 0x%llx",
                  (unsigned long long)size >> 10, (unsigned long long)status);
    return start;
}

static void find_image(struct boot *boot)
{
    static EFI_GUID id = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_STATUS status =
        boot->system->BootServices->HandleProtocol(boot->image, &id, (void **)&boot->loaded);
    if (status != EFI_SUCCESS)
        boot_fail(boot, "no loaded image protocol, status 0x%llx", (unsigned long long)status);
    /* The sections are mapped with different access, page by page. */
    if (image_base() % PAGE_SIZE)
        boot_fail(boot, "the image was loaded at 0x%llx, not at a page boundary",
                  (unsigned long long)image_base());
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    const uint64_t entry_tsc = cpu_rdtsc();
    struct boot boot = {.image = image, .system = system};
    void *info;
    struct volume volume;

    relocate_image();
    fill_bytes(image_bss_start, 0, (size_t)(image_data_end - image_bss_start));
    system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
    find_image(&boot);

    info = gpa_pointer(take_pages(&boot, BOOT_INFO_SIZE));
    fill_bytes(info, 0, BOOT_INFO_SIZE);
    boot.info = info;
    boot.info->entry_tsc = entry_tsc;
    boot.info->runtime_services = gpa_of(system->RuntimeServices);
    boot.info->arena_start = take_pages(&boot, ARENA_SIZE);
    boot.info->arena_length = ARENA_SIZE;
    boot_acpi(&boot);
    boot_mmio_hints(&boot);
    memory_arena_init(boot.info);
    power_init(boot.info);

    volume_open(&volume, &boot);
    boot.info->panicked_before = error_report_begin(&volume);
    boot_options(&boot);
    if (!suite_prepare(boot.info, &volume))
        power_off(boot.info->panicked_before ? POWER_ERROR : POWER_PASS);

    boot_exit_services(&boot, memory_boot_pages(MEMORY_MAP_SIZE / PAGE_SIZE), MEMORY_MAP_SIZE);
    cpu_interrupts_off();
    cpu_out8(PIC_PRIMARY_MASK, PIC_ALL_MASKED);
    cpu_out8(PIC_SECONDARY_MASK, PIC_ALL_MASKED);
    kernel_main(boot.info);
}
