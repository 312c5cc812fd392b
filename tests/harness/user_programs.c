/* SPDX-License-Identifier: MIT */
#include "tests/harness/user_programs.h"

#include <stddef.h>

static inline __attribute__((always_inline)) volatile uint8_t *bytes_at(uint64_t address)
{
    return (volatile uint8_t *)(uintptr_t)address;
}

USER_PROGRAM uint64_t program_fill(uint64_t address, uint64_t length, uint64_t seed,
                                   uint64_t unused)
{
    (void)unused;
    for (uint64_t i = 0; i < length; i++)
        bytes_at(address)[i] = user_pattern(seed, i);
    return 0;
}

USER_PROGRAM uint64_t program_count_wrong(uint64_t address, uint64_t length, uint64_t seed,
                                          uint64_t flip)
{
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < length; i++)
        wrong += bytes_at(address)[i] != (uint8_t)(user_pattern(seed, i) ^ flip);
    return wrong;
}

USER_PROGRAM uint64_t program_count_other(uint64_t address, uint64_t length, uint64_t value,
                                          uint64_t unused)
{
    uint64_t other = 0;

    (void)unused;
    for (uint64_t i = 0; i < length; i++)
        other += bytes_at(address)[i] != value;
    return other;
}

USER_PROGRAM uint64_t program_load(uint64_t address, uint64_t unused1, uint64_t unused2,
                                   uint64_t unused3)
{
    (void)unused1;
    (void)unused2;
    (void)unused3;
    return *bytes_at(address);
}

USER_PROGRAM uint64_t program_store(uint64_t address, uint64_t value, uint64_t unused1,
                                    uint64_t unused2)
{
    (void)unused1;
    (void)unused2;
    *bytes_at(address) = (uint8_t)value;
    return *bytes_at(address);
}

USER_PROGRAM uint64_t program_ask_and_fill(uint64_t address, uint64_t length, uint64_t seed,
                                           uint64_t unused)
{
    (void)unused;
    (void)user_call_kernel(USER_CALL_FIRST, address, length);
    for (uint64_t i = 0; i < length; i++)
        bytes_at(address)[i] = user_pattern(seed, i);
    return 0;
}
