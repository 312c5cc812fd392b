/* SPDX-License-Identifier: MIT */
/* Entry of the image that the firmware started: prepares the launch, and goes on as the first code
 * of the guest. */
#include <efi.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/cpu/trampoline.h"
#include "host/launch/firmware.h"
#include "host/launch/launch.h"
#include "host/launch/machine_options.h"
#include "host/platform/image.h"
#include "lib/bits.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

#define MEMORY_MAP_MAX (64u << 10)
#define ALIGN_PAGE(n)  (((n) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

/* Reserved block: image, memory map, options, stage stack, pool. All of it is the host's from the
 * launch on. */
static void prepare(const struct firmware *firmware, struct launch_args *args)
{
    uint64_t image_bytes = ALIGN_PAGE(image_size());

    args->block_length =
        image_bytes + MEMORY_MAP_MAX + HOST_OPTIONS_MAX + HOST_STAGE_BYTES + HOST_POOL_BYTES;
    args->block_length = (args->block_length + (2u << 20) - 1) & ~((2ull << 20) - 1);
    args->block = firmware_reserve(firmware, args->block_length);
    args->memory_map = args->block + image_bytes;
    args->options = args->memory_map + MEMORY_MAP_MAX;
    args->stage_stack_top = args->options + HOST_OPTIONS_MAX + HOST_STAGE_BYTES;
    args->pool = args->stage_stack_top;
    args->pool_length = args->block + args->block_length - args->pool;
    args->options_length = machine_host_options((char *)(uintptr_t)args->options, HOST_OPTIONS_MAX);
    if (args->options_length == 0)
        args->options_length = firmware_read_file(
            firmware, L"\\refhost.opt", (void *)(uintptr_t)args->options, HOST_OPTIONS_MAX);
    args->low = firmware_reserve_low(firmware, TRAMPOLINE_BYTES);
    args->tables = firmware_allocate_tables(firmware, HOST_TABLES_BYTES);
    args->rsdp = firmware_rsdp(firmware);
}

/* Last call of the firmware before the launch. */
static void get_memory_map(const struct firmware *firmware, struct launch_args *args)
{
    UINTN length = MEMORY_MAP_MAX, key, descriptor_size;
    UINT32 version;
    EFI_STATUS status = firmware->table->BootServices->GetMemoryMap(
        &length, (EFI_MEMORY_DESCRIPTOR *)(uintptr_t)args->memory_map, &key, &descriptor_size,
        &version);

    if (EFI_ERROR(status))
        host_panic("the firmware gives no memory map: status 0x%lx", status);
    args->memory_map_length = length;
    args->descriptor_size = descriptor_size;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
    struct launch_args args = {0};
    struct firmware firmware;
    CHAR16 *guest_options;
    size_t guest_options_bytes = 0;

    image_clear_bss();
    firmware_init(&firmware, image, table);
    /* Under SVM the machine goes off when a runtime service of the guest enters SMM (QEMU 10.0.2).
     */
    if (firmware_has_smm(&firmware))
        host_stop("this firmware needs System Management Mode (SMM), which the host does not "
                  "serve: take a build of "
                  "OVMF without it (OVMF_CODE.fd), and start QEMU with -machine smm=off");
    machine_hold(&firmware);
    args.entry_tsc = cpu_rdtsc();
    prepare(&firmware, &args);
    if (!image_copy((uint8_t *)(uintptr_t)args.block))
        host_panic("the host's image has a relocation of an unknown type");
    args.host_entry =
        image_in_copy((const uint8_t *)(uintptr_t)args.block, (const void *)(uintptr_t)host_main);
    args.end_instruction = (uintptr_t)boot_services_end;
    guest_options = machine_guest_options(&firmware, &guest_options_bytes);
    get_memory_map(&firmware, &args);
    enter_host(&args);
    if (args.watch_boot_services)
        firmware_watch_boot_services(&firmware);
    firmware_start_image(&firmware, L"\\pvtest.efi", guest_options, guest_options_bytes);
}
