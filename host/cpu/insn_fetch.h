/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_INSN_FETCH_H
#define PVT_HOST_CPU_INSN_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/instructions.h"
#include "host/cpu/vmcb.h"

/* The guest executes 64-bit code: long mode, and a code segment with L. */
static inline bool insn_is_64_bit(const struct vmcb *guest)
{
    return (guest->efer & EFER_LMA) && (guest->cs.attributes & SEGMENT_LONG);
}

/* Copies up to `size` bytes of code from the guest's RIP on, through the guest's own tables, in
 * every mode; returns how many could be read. In guest RAM only. */
size_t insn_fetch(const struct vmcb *guest, uint8_t *bytes, size_t size);
/* Number of prefixes at the start of the instruction, 0 to 14. `code64`: REX counts. */
unsigned insn_prefixes(const uint8_t *bytes, size_t count, bool code64);

#endif
