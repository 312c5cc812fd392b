/* SPDX-License-Identifier: MIT */
/* The part of a processor's state that every layer may ask for. */
#ifndef PVT_HOST_BASE_PROCESSOR_H
#define PVT_HOST_BASE_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

#define HOST_CPUS_MAX 8

/* First members of what GS points to (struct cpu, host/cpu/cpu.h). */
struct processor {
    void *self;
    uint32_t index; /* VP index */
};

/* Of the running processor. Valid on the host's own tables, from descriptor_tables_load() on. */
static inline uint32_t processor_index(void)
{
    uint32_t index;

    __asm__("movl %%gs:%c1, %0" : "=r"(index) : "i"(offsetof(struct processor, index)));
    return index;
}

#endif
