/* SPDX-License-Identifier: MIT */
/* An input of libFuzzer, taken apart from its beginning. */
#ifndef PVT_TESTS_FUZZ_INPUT_H
#define PVT_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
    const uint8_t *data;
    size_t size; /* bytes that are left */
};

/* Up to `size` bytes; returns how many there were. */
static inline size_t take_bytes(struct input *in, void *to, size_t size)
{
    if (size > in->size)
        size = in->size;
    memcpy(to, in->data, size);
    in->data += size;
    in->size -= size;
    return size;
}

/* A number of up to `bytes` (1..8) bytes; those that are missing are 0. */
static inline uint64_t take(struct input *in, unsigned bytes)
{
    uint64_t value = 0;

    take_bytes(in, &value, bytes);
    return value;
}

#endif
