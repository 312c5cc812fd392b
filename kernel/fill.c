/* SPDX-License-Identifier: MIT */
#include "kernel/fill.h"

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

const uint8_t *memory_find_other(const uint8_t *from, size_t length, uint8_t value)
{
    const uint8_t *at = from, *end = from + length;
    const uint64_t expected = value * EVERY_BYTE;
    while (at < end) {
        const word *w = (const word *)at;
        if ((uintptr_t)at % sizeof(word) == 0 && (size_t)(end - at) >= 4 * sizeof(word) &&
            ((w[0] ^ expected) | (w[1] ^ expected) | (w[2] ^ expected) | (w[3] ^ expected)) == 0) {
            at += 4 * sizeof(word);
            continue;
        }
        if (*at != value)
            return at;
        at++;
    }
    return NULL;
}
