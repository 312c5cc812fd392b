/* SPDX-License-Identifier: MIT */
/* The firmware's memory map (UEFI 2.10, 7.2.3), with our own image split by section. */
#include "boot/boot.h"
#include "boot/efi_tables.h"
#include "boot/regions.h"
#include "kernel/image.h"
#include "kernel/paging.h"
#include "lib/bits.h"

#define MEMORY_ATTRIBUTES_TABLE_ID                                                                 \
    {                                                                                              \
        0xdcfa911d, 0x26eb, 0x469f,                                                                \
        {                                                                                          \
            0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20                                         \
        }                                                                                          \
    }

/* UEFI 2.10, 4.6.4: which parts of the runtime drivers are code and which are data. */
struct memory_attributes_table {
    uint32_t version, entries, descriptor_size, flags;
};

#define ATTRIBUTE_NO_EXECUTE 0x4000ull

static enum memory_kind kind_of(const EFI_MEMORY_DESCRIPTOR *d)
{
    switch (d->Type) {
    case EfiConventionalMemory:
    case EfiBootServicesCode:
    case EfiBootServicesData:
        return MEMORY_FREE;
    case EfiRuntimeServicesCode:
        return MEMORY_RUNTIME_CODE;
    case EfiRuntimeServicesData:
        return MEMORY_RUNTIME_DATA;
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return MEMORY_ACPI;
    case EfiMemoryMappedIO:
    case EfiMemoryMappedIOPortSpace:
        return MEMORY_MMIO;
    default:
        /* Loader memory too: it belongs to the program that started this image, whose own parts are
         * painted over it below. The firmware may keep run-time data in memory of any type. */
        return d->Attribute & EFI_MEMORY_RUNTIME ? MEMORY_RUNTIME_DATA : MEMORY_RESERVED;
    }
}

/* Of a region that goes beyond what the kernel can map, the part below. */
static void paint(const struct boot *boot, uint64_t start, uint64_t end, enum memory_kind kind)
{
    if (end > PAGING_GPA_LIMIT)
        end = PAGING_GPA_LIMIT;
    if (start < end && !regions_paint(boot->info, start, end, kind))
        boot_fail(boot, "the memory map has more than %u regions", (unsigned)BOOT_REGIONS_MAX);
}

static const EFI_MEMORY_DESCRIPTOR *descriptor_at(const void *first, size_t index, size_t size)
{
    return (const EFI_MEMORY_DESCRIPTOR *)((const uint8_t *)first + index * size);
}

static uint64_t descriptor_end(const EFI_MEMORY_DESCRIPTOR *d)
{
    return d->PhysicalStart + d->NumberOfPages * PAGE_SIZE;
}

static void paint_runtime_drivers(const struct boot *boot)
{
    static const EFI_GUID id = MEMORY_ATTRIBUTES_TABLE_ID;
    const struct memory_attributes_table *table = boot_configuration_table(boot, &id);
    if (!table || table->descriptor_size < sizeof(EFI_MEMORY_DESCRIPTOR))
        return;
    boot->info->runtime_split = true;
    for (uint32_t i = 0; i < table->entries; i++) {
        const EFI_MEMORY_DESCRIPTOR *d = descriptor_at(table + 1, i, table->descriptor_size);
        if (d->Type == EfiRuntimeServicesCode)
            paint(boot, d->PhysicalStart, descriptor_end(d),
                  d->Attribute & ATTRIBUTE_NO_EXECUTE ? MEMORY_RUNTIME_DATA : MEMORY_RUNTIME_CODE);
    }
}

static void paint_image(const struct boot *boot)
{
    uint64_t base = (uint64_t)boot->loaded->ImageBase;
    paint(boot, base, base + boot->loaded->ImageSize, MEMORY_IMAGE_RODATA);
    paint(boot, (uint64_t)image_text_start, (uint64_t)image_text_end, MEMORY_IMAGE_TEXT);
    paint(boot, (uint64_t)image_data_start, (uint64_t)image_data_end, MEMORY_IMAGE_DATA);
    paint(boot, (uint64_t)boot->info, (uint64_t)(boot->info + 1), MEMORY_IMAGE_DATA);
    paint(boot, boot->info->arena_start, boot->info->arena_start + boot->info->arena_length,
          MEMORY_IMAGE_DATA);
}

void boot_memory_map(const struct boot *boot, const void *map, size_t size, size_t descriptor_size)
{
    boot->info->region_count = 0;
    for (size_t i = 0; i < size / descriptor_size; i++) {
        const EFI_MEMORY_DESCRIPTOR *d = descriptor_at(map, i, descriptor_size);
        paint(boot, d->PhysicalStart, descriptor_end(d), kind_of(d));
    }
    paint_runtime_drivers(boot);
    paint_image(boot);
    /* Page 0 is never mapped. */
    paint(boot, 0, PAGE_SIZE, MEMORY_RESERVED);
}
