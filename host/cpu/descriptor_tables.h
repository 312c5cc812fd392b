/* SPDX-License-Identifier: MIT */
/* The host's own GDT, IDT and TSS: the guest reuses the firmware's memory. */
#ifndef PVT_HOST_CPU_DESCRIPTOR_TABLES_H
#define PVT_HOST_CPU_DESCRIPTOR_TABLES_H

#include <stdint.h>

#include "host/cpu/cpu.h"

struct descriptor_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

enum host_selector { SELECTOR_CODE = 0x08, SELECTOR_DATA = 0x10, SELECTOR_TSS = 0x18 };

/* Loads the tables, the segments and GS (= cpu) of this processor. */
void descriptor_tables_load(struct cpu *cpu);

#endif
