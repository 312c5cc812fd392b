/* SPDX-License-Identifier: MIT */
/*
 * How the loader (the image that the firmware started, later the first code of the guest) hands
 * over to the host (the copy in reserved memory). enter.S reads the structure by offset.
 */
#ifndef PVT_HOST_LAUNCH_LAUNCH_H
#define PVT_HOST_LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_OPTIONS_MAX 4096u
/* Nested tables of a 1 TiB space in 2 MiB pieces take 4 MiB, the host's own tables 4 KiB per GiB;
 * the rest is for domains, the caches of the software IOMMU and the memory of the virtual functions
 * (1.1 MiB each). */
#define HOST_POOL_BYTES   (40u << 20)
#define HOST_TABLES_BYTES 4096u
#define HOST_STAGE_BYTES  (64u << 10) /* stack until the processor's own is ready */

struct launch_args {
    uint64_t guest_rip, guest_rsp; /* filled by enter.S: where the guest goes on */
    uint64_t stage_stack_top;
    uint64_t host_entry; /* host_main() of the copy */
    uint64_t entry_tsc;
    uint64_t block, block_length; /* reserved memory: image, stack, pool */
    uint64_t pool, pool_length;
    uint64_t low; /* TRAMPOLINE_BYTES below 1 MiB; 0 = none */
    uint64_t rsdp;
    uint64_t
        tables; /* HOST_TABLES_BYTES of the guest's memory, for ACPI tables of the host; 0: none */
    uint64_t memory_map, memory_map_length, descriptor_size;
    uint64_t options, options_length;
    uint64_t end_instruction; /* of boot_services_end() */
    bool watch_boot_services; /* set by the host: call boot_services_end() */
};
_Static_assert(offsetof(struct launch_args, guest_rip) == 0 &&
                   offsetof(struct launch_args, guest_rsp) == 8 &&
                   offsetof(struct launch_args, stage_stack_top) == 16 &&
                   offsetof(struct launch_args, host_entry) == 24,
               "enter.S");

/* Returns as the guest, with interrupts as they were. */
void enter_host(struct launch_args *args);

/* Tells the host that boot services are over (host/platform/generation2.h); one VMMCALL. */
void boot_services_end(void);

/* In the copy: takes over the machine and runs the guest. Interrupts are off. */
void host_main(struct launch_args *args) __attribute__((noreturn));

#endif
