/* SPDX-License-Identifier: MIT */
/*
 * Stands in front of ExitBootServices(), so that the host learns of its success. This already runs
 * in the guest. The image is in memory of boot services, which is the guest's after its next
 * instructions; nothing is called there later.
 */
#include <efi.h>

#include "host/launch/firmware.h"
#include "host/launch/launch.h"

static EFI_EXIT_BOOT_SERVICES usual;

static EFI_STATUS EFIAPI exit_boot_services(EFI_HANDLE image, UINTN key)
{
    EFI_STATUS status = usual(image, key);

    if (!EFI_ERROR(status))
        boot_services_end();
    return status;
}

void firmware_watch_boot_services(const struct firmware *firmware)
{
    EFI_BOOT_SERVICES *services = firmware->table->BootServices;
    UINT32 sum;

    usual = services->ExitBootServices;
    services->ExitBootServices = exit_boot_services;
    services->Hdr.CRC32 = 0;
    if (!EFI_ERROR(services->CalculateCrc32(&services->Hdr, services->Hdr.HeaderSize, &sum)))
        services->Hdr.CRC32 = sum;
}
