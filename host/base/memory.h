/* SPDX-License-Identifier: MIT */
/*
 * Memory of the reference host and its view of the guest's. Guest-physical address ==
 * system-physical address; the host's own pages, the VT-d registers and other protected ranges are
 * no guest memory.
 */
#ifndef PVT_HOST_BASE_MEMORY_H
#define PVT_HOST_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

/* Zeroed pages from the host's pool (reserved before launch, hidden from the guest); never freed;
 * halts with a log line when empty. */
void *host_pages(size_t pages);
/* As many of them as `bytes` need. */
static inline void *host_pages_for(size_t bytes)
{
    return host_pages((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* The range that host_pages() has not given out, page-aligned, in bytes. */
void host_pages_unused(uint64_t *start, uint64_t *length);

struct guest_range {
    uint64_t start, length; /* bytes */
};
/* RAM that the guest may use, sorted; for the identity table and for checks. */
const struct guest_range *guest_ram(size_t *count);
/* All of [gpa, gpa + length) is guest RAM. False when empty or wrapping. */
bool guest_is_ram(uint64_t gpa, uint64_t length);
/* Some of [start, start + length) is protected (guest_protect): the nested tables leave it out. */
bool guest_is_hidden(uint64_t start, uint64_t length);
/* All of it is, by one call of guest_protect(). */
bool guest_is_hidden_as_one(uint64_t start, uint64_t length);
/* Above every address the processor can emit: 1 << physical address bits. */
uint64_t guest_gpa_limit(void);

/* Copies of parameters: one pass, so that a page changed by another processor cannot be seen twice.
 * False when not guest RAM. */
bool guest_read(uint64_t gpa, void *to, size_t length);
bool guest_write(uint64_t gpa, const void *from, size_t length);

/* An entry of a table, in one access. Aligned to 8 bytes. */
bool guest_load64(uint64_t gpa, uint64_t *value);

/* Words that the guest changes at the same time: one access each, in order with all others. Aligned
 * to 4 bytes. */
bool guest_load32(uint64_t gpa, uint32_t *value);
bool guest_store32(uint64_t gpa, uint32_t value);
bool guest_or32(uint64_t gpa, uint32_t bits);

/* Takes a range out of the guest's reach (nested tables and guest_is_ram); before launch only. */
void guest_protect(uint64_t start, uint64_t length, const char *what);

/* For the launch, in this order: the pool (page-aligned), then the RAM that the firmware reports,
 * in any order. */
void host_memory_init(uint64_t pool, uint64_t length);
void guest_ram_add(uint64_t start, uint64_t length);

#endif
