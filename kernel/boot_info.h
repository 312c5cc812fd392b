/* SPDX-License-Identifier: MIT */
/* The information that the UEFI entry hands to the kernel. Everything here was copied out of
 * firmware memory that may be reused. */
#ifndef PVT_KERNEL_BOOT_INFO_H
#define PVT_KERNEL_BOOT_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_kind {
    MEMORY_FREE,       /* conventional and boot-services memory: ours after ExitBootServices */
    MEMORY_IMAGE_TEXT, /* our own image, executable */
    MEMORY_IMAGE_RODATA,
    MEMORY_IMAGE_DATA,
    MEMORY_RUNTIME_CODE, /* UEFI runtime services */
    MEMORY_RUNTIME_DATA,
    MEMORY_ACPI,     /* tables; readable */
    MEMORY_RESERVED, /* never touched */
    MEMORY_MMIO,
};

struct memory_region {
    uint64_t start, length; /* bytes, multiples of 4 KiB, sorted by start, not overlapping */
    enum memory_kind kind;
};

/* Bytes; length 0: none. */
struct mmio_range {
    uint64_t base, length;
};

/* Address space for device registers, as the firmware knows it; only until it is left. */
enum mmio_hint_source {
    MMIO_HINT_HOB,         /* hand-off blocks (UEFI PI 1.7, volume 3, 5) */
    MMIO_HINT_DXE_SERVICES /* memory space map of the global coherency domain (volume 2, 7.2) */
};
struct mmio_hint {
    enum mmio_hint_source source;
    struct mmio_range range;
};

#define BOOT_MMIO_HINTS_MAX 32
#define BOOT_REGIONS_MAX    256
#define BOOT_OPTIONS_MAX    262144

struct boot_info {
    uint64_t entry_tsc;        /* TSC at the first instruction of the image's own code */
    uint64_t leave_tsc;        /* TSC ticks that the firmware spent in ExitBootServices() */
    uint64_t rsdp;             /* physical address of the ACPI root pointer, 0 = none */
    uint64_t runtime_services; /* EFI_RUNTIME_SERVICES *, physical; 0 = none */
    bool runtime_split;        /* the firmware told its runtime code from its data */
    bool panicked_before;      /* an earlier boot ended in a panic before its first result */
    uint64_t arena_start, arena_length; /* zero-cost RAM for boot-lifetime pages; a region of kind
                                           MEMORY_IMAGE_DATA */
    size_t region_count;
    struct memory_region regions[BOOT_REGIONS_MAX];
    size_t mmio_hint_count;
    struct mmio_hint mmio_hints[BOOT_MMIO_HINTS_MAX];
    struct mmio_range frame_buffer; /* of the firmware's screen */
    size_t options_length;          /* bytes used in options[] */
    char options[BOOT_OPTIONS_MAX]; /* load options, else \pvtest.opt from the boot volume, else
                                       empty */
    char options_source[16];        /* "load options", "pvtest.opt" or "none" */
};

#endif
