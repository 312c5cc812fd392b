/* SPDX-License-Identifier: MIT */
/* Backtraces by frame pointers miss the caller of a function that has no frame, such as memcpy().
 */
#ifndef PVT_LIB_RETURN_ADDRESS_H
#define PVT_LIB_RETURN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define CALL_BYTES      5 /* of a direct call: opcode, 32-bit distance */
#define CALL_OPCODE     0xE8
#define FRAMELESS_BYTES 512u /* code of a function without a frame; larger ones have one */

/*
 * Does `address` follow a direct call of the function in which `rip` is? `before` are the
 * CALL_BYTES in front of it. When it is on top of the stack, that function has made no frame, and
 * `address` is where it returns to. The end of a function is not known here, so that a call of its
 * neighbor is taken for one of it.
 */
static inline bool return_address_of(const uint8_t *before, uint64_t address, uint64_t rip)
{
    uint32_t distance = before[1] | (uint32_t)before[2] << 8 | (uint32_t)before[3] << 16 |
                        (uint32_t)before[4] << 24;
    uint64_t target = address + (uint64_t)(int64_t)(int32_t)distance;

    return before[0] == CALL_OPCODE && rip - target < FRAMELESS_BYTES;
}

#endif
