/* SPDX-License-Identifier: MIT */
#include "host/launch/memory_map.h"

#include <efi.h>
#include <stdbool.h>

#include "host/base/memory.h"
#include "host/platform/generation2.h"
#include "lib/bits.h"
#include "lib/string.h"

static bool is_guest_ram(uint32_t type)
{
    switch (type) {
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiRuntimeServicesCode:
    case EfiRuntimeServicesData:
    case EfiConventionalMemory:
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return true;
    default: /* reserved memory holds the host itself */
        return false;
    }
}

void memory_map_import(const struct launch_args *args)
{
    for (uint64_t at = 0; at + args->descriptor_size <= args->memory_map_length;
         at += args->descriptor_size) {
        EFI_MEMORY_DESCRIPTOR entry;

        memcpy(&entry, (const void *)(uintptr_t)(args->memory_map + at), sizeof(entry));
        if (is_guest_ram(entry.Type))
            guest_ram_add(entry.PhysicalStart, entry.NumberOfPages * PAGE_SIZE);
        if (entry.Type == EfiRuntimeServicesCode)
            generation2_add_runtime_code(entry.PhysicalStart, entry.NumberOfPages * PAGE_SIZE);
    }
}
