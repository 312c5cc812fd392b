/* SPDX-License-Identifier: MIT */
/*
 * A machine like a generation 2 VM: the devices of a PC are gone as soon as the firmware's boot
 * services end. The firmware's run-time services, whose code is known from the memory map, keep
 * them.
 */
#ifndef PVT_HOST_PLATFORM_GENERATION2_H
#define PVT_HOST_PLATFORM_GENERATION2_H

#include <stdbool.h>
#include <stdint.h>

struct generation2 {
    bool on;
    bool com1; /* a generation 2 VM has serial ports on request */
};
/* Chosen before launch. */
extern struct generation2 generation2;

/* At launch, after the ACPI tables were read: `instruction` is the address of the VMMCALL that
 * tells of the end of boot services. */
void generation2_init(uint64_t instruction);
/* Code of run-time services, of the memory map at launch. */
void generation2_add_runtime_code(uint64_t start, uint64_t length);
bool generation2_is_runtime_code(uint64_t gpa);

/* Address of that VMMCALL; 0: boot services are over. Every hypercall looks at it. */
extern uint64_t generation2_last_instruction;
/* The devices are gone from now on. */
void generation2_begin(void);
/* True once, for the address of that VMMCALL. */
static inline bool generation2_boot_services_end(uint64_t instruction)
{
    bool end = generation2_last_instruction != 0 && instruction == generation2_last_instruction;

    if (end)
        generation2_begin();
    return end;
}
/* The devices of a PC are gone. */
bool generation2_is_bare(void);
/* The access is to a port of one of them. */
bool generation2_is_port(uint16_t port, unsigned size);

#endif
