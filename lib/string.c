/* SPDX-License-Identifier: MIT */
#include "lib/string.h"

#include <stdint.h>

#include "lib/hot.h"

/* GCC recognizes a copy, fill or length loop and replaces it by a call to the function that it is
 * compiling. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* Eight bytes at any address, of any declared type. Under QEMU's TCG a plain 8-byte access costs as
 * much as a 1-byte one, and string instructions cost more than either, so the loops work on these
 * and only the tail on bytes. */
typedef struct {
    uint64_t value;
} __attribute__((packed, may_alias)) word;

static inline uint64_t load(const unsigned char *from)
{
    return ((const word *)from)->value;
}

static inline void store(unsigned char *to, uint64_t value)
{
    ((word *)to)->value = value;
}

HOT void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    for (; size >= 32; size -= 32, t += 32, f += 32) {
        uint64_t a = load(f), b = load(f + 8), c = load(f + 16), d = load(f + 24);

        store(t, a);
        store(t + 8, b);
        store(t + 16, c);
        store(t + 24, d);
    }
    for (; size >= 8; size -= 8, t += 8, f += 8)
        store(t, load(f));
    while (size-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    /* Upwards is right unless the target starts inside the source. Each word is read before it is
     * written, and words further up are untouched until then, so overlap by less than 8 bytes is
     * fine too. */
    if ((uintptr_t)t - (uintptr_t)f >= size) {
        for (; size >= 8; size -= 8, t += 8, f += 8)
            store(t, load(f));
        while (size-- > 0)
            *t++ = *f++;
        return to;
    }
    for (; size >= 8; size -= 8)
        store(t + size - 8, load(f + size - 8));
    while (size-- > 0)
        t[size] = f[size];
    return to;
}

HOT void *memset(void *to, int byte, size_t size)
{
    unsigned char *t = to;
    uint64_t pattern = (unsigned char)byte * 0x0101010101010101ull;

    for (; size >= 32; size -= 32, t += 32) {
        store(t, pattern);
        store(t + 8, pattern);
        store(t + 16, pattern);
        store(t + 24, pattern);
    }
    for (; size >= 8; size -= 8, t += 8)
        store(t, pattern);
    while (size-- > 0)
        *t++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;

    for (; size >= 8 && load(x) == load(y); size -= 8, x += 8, y += 8)
        ;
    for (; size > 0; size--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (; size > 0; size--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (*a == '\0')
            break;
    }
    return 0;
}

char *strchr(const char *text, int c)
{
    for (; *text != (char)c; text++)
        if (*text == '\0')
            return NULL;
    return (char *)(uintptr_t)text;
}
