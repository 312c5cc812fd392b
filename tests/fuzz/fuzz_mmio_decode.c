/* SPDX-License-Identifier: MIT */
/* Instructions on emulated registers, of any bytes: what is decoded fits its bounds, and more bytes
 * change nothing. */
#include <stdlib.h>
#include <string.h>

#include "host/cpu/mmio_decode.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct mmio_instruction *i, size_t size)
{
    struct mmio_state state = {.rip = 0x1000};

    if (i->length == 0 || i->length > INSTRUCTION_MAX || i->length > size || i->reg > 15)
        abort();
    if (i->size != 1 && i->size != 2 && i->size != 4 && i->size != 8)
        abort();
    if (i->operand.base > 15 && i->operand.base < MMIO_NEXT_INSTRUCTION)
        abort();
    if (i->operand.index != MMIO_NO_REGISTER && i->operand.index > 15)
        abort();
    for (unsigned n = 0; n < 16; n++)
        state.registers[n] = UINT64_MAX - n;
    (void)mmio_address(i, &state);
    if (i->kind == MMIO_LOAD)
        (void)mmio_loaded(i, UINT64_MAX, 0x8081828384858687);
    else
        (void)mmio_stored(i, 0x8081828384858687);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mmio_instruction instruction, again;
    uint8_t *exact = malloc(size + 1); /* as long as it is said to be, for the sanitizer */

    if (!exact)
        return 0;
    memcpy(exact, data, size);
    if (mmio_decode(exact, size, &instruction)) {
        check(&instruction, size);
        if (!mmio_decode(exact, instruction.length, &again) ||
            memcmp(&instruction, &again, sizeof(again)) != 0)
            abort();
    }
    free(exact);
    return 0;
}
