/* SPDX-License-Identifier: MIT */
#include "host/launch/firmware.h"

#include "host/base/memory.h"
#include "host/base/panic.h"
#include "lib/bits.h"
#include "lib/string.h"

#define LARGE_PAGE      (2ull << 20)
#define LOW_MEMORY_LAST 0x9FFFFull

static const EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;
static const EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
static const EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi_10_guid = ACPI_TABLE_GUID;

void firmware_init(struct firmware *firmware, EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status = table->BootServices->HandleProtocol(image, (EFI_GUID *)&loaded_image_guid,
                                                            (void **)&loaded);

    if (EFI_ERROR(status))
        host_panic("the firmware does not know the running image: status 0x%lx", status);
    *firmware =
        (struct firmware){.image = image, .boot_volume = loaded->DeviceHandle, .table = table};
}

bool firmware_has_smm(const struct firmware *firmware)
{
    static const EFI_GUID id = {
        0xC68ED8E2, 0x9DC6, 0x4CBD, {0x9D, 0x94, 0xDB, 0x65, 0xAC, 0xC5, 0xC3, 0x32}};
    void *protocol;

    return !EFI_ERROR(
        firmware->table->BootServices->LocateProtocol((EFI_GUID *)&id, NULL, &protocol));
}

uint64_t firmware_reserve(const struct firmware *firmware, uint64_t bytes)
{
    EFI_BOOT_SERVICES *services = firmware->table->BootServices;
    EFI_PHYSICAL_ADDRESS start = 0;
    /* More than needed, to find an aligned block in it. The rest stays reserved: a few MiB. */
    EFI_STATUS status = services->AllocatePages(AllocateAnyPages, EfiReservedMemoryType,
                                                (bytes + LARGE_PAGE) / PAGE_SIZE, &start);

    if (EFI_ERROR(status))
        host_panic("no %lu KiB of memory for the host: status 0x%lx", bytes / 1024, status);
    return (start + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
}

uint64_t firmware_reserve_low(const struct firmware *firmware, uint64_t bytes)
{
    EFI_PHYSICAL_ADDRESS start = LOW_MEMORY_LAST;
    EFI_STATUS status = firmware->table->BootServices->AllocatePages(
        AllocateMaxAddress, EfiReservedMemoryType, bytes / PAGE_SIZE, &start);

    return EFI_ERROR(status) ? 0 : start;
}

uint64_t firmware_allocate_tables(const struct firmware *firmware, uint64_t bytes)
{
    EFI_PHYSICAL_ADDRESS start = UINT32_MAX;
    EFI_STATUS status = firmware->table->BootServices->AllocatePages(
        AllocateMaxAddress, EfiACPIReclaimMemory, bytes / PAGE_SIZE, &start);

    return EFI_ERROR(status) ? 0 : start;
}

size_t firmware_read_file(const struct firmware *firmware, const CHAR16 *path, void *to,
                          size_t size)
{
    EFI_FILE_IO_INTERFACE *volume;
    EFI_FILE_HANDLE root, file;
    UINTN length = size;
    EFI_STATUS status = firmware->table->BootServices->HandleProtocol(
        firmware->boot_volume, (EFI_GUID *)&file_system_guid, (void **)&volume);

    if (!EFI_ERROR(status))
        status = volume->OpenVolume(volume, &root);
    if (EFI_ERROR(status))
        host_panic("the boot volume cannot be read: status 0x%lx", status);
    status = root->Open(root, &file, (CHAR16 *)path, EFI_FILE_MODE_READ, 0);
    if (status == EFI_NOT_FOUND) {
        root->Close(root);
        return 0;
    }
    if (!EFI_ERROR(status)) {
        status = file->Read(file, &length, to);
        file->Close(file);
    }
    root->Close(root);
    if (EFI_ERROR(status) || length == size)
        host_panic("refhost.opt cannot be read or is larger than %zu bytes: status 0x%lx", size - 1,
                   status);
    return length;
}

static bool same_guid(const EFI_GUID *a, const EFI_GUID *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t firmware_rsdp(const struct firmware *firmware)
{
    const EFI_SYSTEM_TABLE *table = firmware->table;
    uint64_t old = 0;

    for (UINTN i = 0; i < table->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *entry = &table->ConfigurationTable[i];

        if (same_guid(&entry->VendorGuid, &acpi_20_guid))
            return (uintptr_t)entry->VendorTable;
        if (same_guid(&entry->VendorGuid, &acpi_10_guid))
            old = (uintptr_t)entry->VendorTable;
    }
    return old;
}
