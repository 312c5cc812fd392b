/* SPDX-License-Identifier: MIT */
/* Whole-page fills: the hot path of every test, and slow byte by byte under emulation. */
#ifndef PVT_KERNEL_FILL_H
#define PVT_KERNEL_FILL_H

#include <stddef.h>
#include <stdint.h>

/* `size` is a multiple of 64 bytes, `to` 16-byte aligned. */
void fill_bytes(void *to, uint8_t byte, size_t size);

#endif
