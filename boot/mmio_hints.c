/* SPDX-License-Identifier: MIT */
/*
 * Address space for device registers that only the firmware can name: its hand-off blocks and its
 * memory space map go with boot services, and no memory map shows such space. For machines whose
 * ACPI tables need an interpreter.
 */
#include "boot/boot.h"
#include "boot/efi_tables.h"

/* UEFI PI 1.7, volume 3, 5.2 and 5.5. */
struct hob {
    UINT16 type, length;
    UINT32 reserved;
};
struct hob_resource {
    struct hob head;
    EFI_GUID owner;
    UINT32 type, attributes;
    UINT64 start, length;
};
#define HOB_RESOURCE      3
#define HOB_END           0xFFFF
#define HOB_RESOURCE_MMIO 1
#define HOBS_MAX          4096

/* Volume 2, 7.2.4: what precedes the one service that is called. */
struct memory_space {
    EFI_PHYSICAL_ADDRESS base;
    UINT64 length, capabilities, attributes;
    UINT32 type; /* 3: memory-mapped I/O */
    EFI_HANDLE image, device;
};
#define MEMORY_SPACE_MMIO 3
struct dxe_services {
    EFI_TABLE_HEADER header;
    void *add, *allocate, *free, *remove, *get_one, *set_attributes;
    EFI_STATUS(EFIAPI *get_memory_space_map)(UINTN *count, struct memory_space **map);
};

static void add(struct boot_info *info, enum mmio_hint_source source, uint64_t base,
                uint64_t length)
{
    if (length != 0 && info->mmio_hint_count < BOOT_MMIO_HINTS_MAX)
        info->mmio_hints[info->mmio_hint_count++] =
            (struct mmio_hint){.source = source, .range = {.base = base, .length = length}};
}

static void from_hobs(const struct boot *boot)
{
    static const EFI_GUID id = {
        0x7739F24C, 0x93D7, 0x11D4, {0x9A, 0x3A, 0x00, 0x90, 0x27, 0x3F, 0xC1, 0x4D}};
    const UINT8 *at = boot_configuration_table(boot, &id);
    for (unsigned i = 0; at && i < HOBS_MAX; i++) {
        const struct hob *hob = (const struct hob *)at;
        const struct hob_resource *resource;

        if (hob->type == HOB_END || hob->length < sizeof(*hob))
            break;
        resource = (const struct hob_resource *)at;
        if (hob->type == HOB_RESOURCE && hob->length >= sizeof(*resource) &&
            resource->type == HOB_RESOURCE_MMIO)
            add(boot->info, MMIO_HINT_HOB, resource->start, resource->length);
        at += hob->length;
    }
}

static void from_dxe_services(const struct boot *boot)
{
    static const EFI_GUID id = {
        0x05AD34BA, 0x6F02, 0x4214, {0x95, 0x2E, 0x4D, 0xA0, 0x39, 0x8E, 0x2B, 0xB9}};
    const struct dxe_services *services = boot_configuration_table(boot, &id);
    struct memory_space *map;
    UINTN count;
    if (!services || services->get_memory_space_map(&count, &map) != EFI_SUCCESS)
        return;
    for (UINTN i = 0; i < count; i++)
        if (map[i].type == MEMORY_SPACE_MMIO)
            add(boot->info, MMIO_HINT_DXE_SERVICES, map[i].base, map[i].length);
    boot->system->BootServices->FreePool(map);
}

static void find_frame_buffer(const struct boot *boot)
{
    static EFI_GUID id = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *screen;
    if (boot->system->BootServices->LocateProtocol(&id, NULL, (void **)&screen) == EFI_SUCCESS &&
        screen->Mode)
        boot->info->frame_buffer = (struct mmio_range){.base = screen->Mode->FrameBufferBase,
                                                       .length = screen->Mode->FrameBufferSize};
}

void boot_mmio_hints(const struct boot *boot)
{
    from_hobs(boot);
    from_dxe_services(boot);
    find_frame_buffer(boot);
}
