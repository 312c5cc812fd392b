/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_INSN_FETCH_H
#define PVT_HOST_CPU_INSN_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "host/cpu/vmcb.h"

/* Copies up to `size` bytes of code from the guest's RIP on, through the guest's own tables; returns how many could be
 * read. 64-bit code in guest RAM only: 0 for any other. Leaves accessed bits alone. */
size_t insn_fetch(const struct vmcb *guest, uint8_t *bytes, size_t size);

#endif
