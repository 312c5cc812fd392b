/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"
#include "kernel/cpu.h"

/* UEFI 2.10, 7.4.6: the map key may change in between, then the map must be fetched again, and
 * nothing else may be called. */
#define TRIES 8

void boot_exit_services(const struct boot *boot, void *scratch, size_t scratch_size)
{
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    for (unsigned i = 0; i < TRIES; i++) {
        UINTN size = scratch_size, key, descriptor_size;
        UINT32 version;
        EFI_STATUS status =
            services->GetMemoryMap(&size, scratch, &key, &descriptor_size, &version);
        uint64_t start;

        if (status != EFI_SUCCESS)
            boot_fail(boot, "GetMemoryMap: status 0x%llx, %zu bytes needed",
                      (unsigned long long)status, (size_t)size);
        start = cpu_rdtsc();
        status = services->ExitBootServices(boot->image, key);
        boot->info->leave_tsc += cpu_rdtsc() - start;
        if (status == EFI_SUCCESS) {
            boot_memory_map(boot, scratch, size, descriptor_size);
            return;
        }
        if (status != EFI_INVALID_PARAMETER)
            boot_fail(boot, "ExitBootServices: status 0x%llx", (unsigned long long)status);
    }
    boot_fail(boot, "ExitBootServices: the memory map changed %u times in a row", (unsigned)TRIES);
}
