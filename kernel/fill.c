/* SPDX-License-Identifier: MIT */
#include "kernel/fill.h"

#include <stdbool.h>

#include "kernel/cpu.h"
#include "kernel/memory.h"

#define EVERY_BYTE 0x0101010101010101ull

typedef uint64_t vector __attribute__((vector_size(16), may_alias));
typedef uint64_t word __attribute__((may_alias));

void fill_bytes(void *to, uint8_t byte, size_t size)
{
    const vector value = {byte * EVERY_BYTE, byte * EVERY_BYTE};
    for (vector *at = to, *end = (vector *)((uint8_t *)to + size); at < end; at += 4) {
        at[0] = value;
        at[1] = value;
        at[2] = value;
        at[3] = value;
        /* Keeps the compiler from turning the loop into a call to memset(). */
        cpu_compiler_barrier();
    }
}

#define BLOCK_WORDS 16 /* one branch for so many: branches cost most under emulation */

static bool block_is(const word *w, uint64_t expected)
{
    uint64_t differing = 0;

#pragma GCC unroll 16
    for (unsigned i = 0; i < BLOCK_WORDS; i++)
        differing |= w[i] ^ expected;
    return differing == 0;
}

const uint8_t *memory_find_other(const uint8_t *from, size_t length, uint8_t value)
{
    const uint8_t *at = from, *end = from + length;
    const uint64_t expected = value * EVERY_BYTE;

    while (at < end) {
        if ((uintptr_t)at % sizeof(word) == 0 && (size_t)(end - at) >= BLOCK_WORDS * sizeof(word) &&
            block_is((const word *)at, expected)) {
            at += BLOCK_WORDS * sizeof(word);
            continue;
        }
        if (*at != value)
            return at;
        at++;
    }
    return NULL;
}
