/* SPDX-License-Identifier: MIT */
/* Bits, masks and alignment of 64-bit values; pages; elements of arrays. */
#ifndef PVT_LIB_BITS_H
#define PVT_LIB_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ull << PAGE_SHIFT)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define BIT(n) (1ull << (n))
/* Bits high..low, both included: BITS(51, 12) is the address field of a page table entry. */
#define BITS(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

static inline bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* `alignment` is a power of two in all three. */
static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

/* Wraps to 0 when no aligned value at or above `value` fits into 64 bits. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + (alignment - 1)) & ~(alignment - 1);
}

/* Position of the highest set bit; value must not be 0. */
static inline unsigned log2_floor(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/* Position of the lowest set bit; value must not be 0. */
static inline unsigned lowest_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

/* Smallest n with (1 << n) >= value; 0 for 0 and 1, 64 for values above 1 << 63. */
static inline unsigned log2_ceil(uint64_t value)
{
    return value <= 1 ? 0 : log2_floor(value - 1) + 1;
}

#endif
