/* SPDX-License-Identifier: MIT */
/* Programs for CPL 3 that several tests use (kernel/user_process.h says what a program may do).
 * Their unused arguments are 0. */
#ifndef PVT_TESTS_HARNESS_USER_PROGRAMS_H
#define PVT_TESTS_HARNESS_USER_PROGRAMS_H

#include <stdint.h>

#include "kernel/user_process.h"

/* Byte i of a pattern. */
static inline __attribute__((always_inline)) uint8_t user_pattern(uint64_t seed, uint64_t i)
{
    return (uint8_t)(seed + 7 * i + (i >> 8));
}

/* Stores the pattern of `seed` to [address, address + length). */
uint64_t program_fill(uint64_t address, uint64_t length, uint64_t seed, uint64_t unused);
/* How many bytes of [address, address + length) are not those of the pattern, each XORed with
 * `flip`. */
uint64_t program_count_wrong(uint64_t address, uint64_t length, uint64_t seed, uint64_t flip);
/* How many bytes of [address, address + length) are not `value`. */
uint64_t program_count_other(uint64_t address, uint64_t length, uint64_t value, uint64_t unused);
/* The byte at `address`. */
uint64_t program_load(uint64_t address, uint64_t unused1, uint64_t unused2, uint64_t unused3);
/* Stores a byte and returns it as memory has it then. */
uint64_t program_store(uint64_t address, uint64_t value, uint64_t unused1, uint64_t unused2);
/* System call USER_CALL_FIRST with the address, which is then expected to be mapped; then as
 * program_fill(). */
uint64_t program_ask_and_fill(uint64_t address, uint64_t length, uint64_t seed, uint64_t unused);

#endif
