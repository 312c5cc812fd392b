/* SPDX-License-Identifier: MIT */
/* The way of a processor from its start-up IPI into the host. */
#ifndef PVT_HOST_CPU_TRAMPOLINE_H
#define PVT_HOST_CPU_TRAMPOLINE_H

#include <stdint.h>

/* Bytes below 1 MiB that it needs, page-aligned: code with parameters, and a copy of the host's top
 * page table, which a processor in real mode cannot name when it is above 4 GiB. */
#define TRAMPOLINE_BYTES 8192u

/* Once; to be called on the host's own tables. `low` is the address of TRAMPOLINE_BYTES bytes below
 * 1 MiB. */
void trampoline_init(uint64_t low);
/* The next processor that starts calls entry(argument) on this stack, with the control registers of
 * the caller. */
void trampoline_aim(void (*entry)(void *argument), void *argument, uint8_t *stack_top);
/* The vector of the start-up IPI: the page number of the code. */
uint8_t trampoline_vector(void);

#endif
