/* SPDX-License-Identifier: MIT */
/* The guest's page tables, its code and its state, with any content: the input is control
 * registers, then RAM. */
#include <stdlib.h>
#include <string.h>

#include "host/base/memory.h"
#include "host/cpu/guest_state.h"
#include "host/cpu/guest_walk.h"
#include "host/cpu/insn_fetch.h"
#include "host/cpu/nested_paging.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t *ram;
static size_t ram_size;
static unsigned reads;

/* No walk reads more than once for each level; code of 15 bytes lies on two pages at most. */
#define READS_MAX (2 * (5 + 1))

const uint8_t *nested_overlay_at(uint64_t gpa)
{
    (void)gpa;
    return NULL;
}

bool guest_read(uint64_t gpa, void *to, size_t length)
{
    if (++reads > READS_MAX)
        abort();
    if (gpa >= ram_size || length > ram_size - gpa)
        return false;
    memcpy(to, ram + gpa, length);
    return true;
}

bool guest_load64(uint64_t gpa, uint64_t *value)
{
    return gpa % sizeof(*value) == 0 && guest_read(gpa, value, sizeof(*value));
}

bool guest_load32(uint64_t gpa, uint32_t *value)
{
    return gpa % sizeof(*value) == 0 && guest_read(gpa, value, sizeof(*value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t registers[7];
    struct vmcb *guest;
    uint8_t bytes[15];
    size_t count;
    uint64_t gpa;

    if (size < sizeof(registers))
        return 0;
    memcpy(registers, data, sizeof(registers));
    ram = data + sizeof(registers);
    ram_size = size - sizeof(registers);
    reads = 0;
    (void)guest_walk(&(struct guest_paging){registers[0], registers[1], registers[2], registers[3]},
                     registers[4], &gpa);

    guest = calloc(1, sizeof(*guest));
    if (!guest)
        return 0;
    guest->cr0 = registers[0];
    guest->cr3 = registers[1];
    guest->cr4 = registers[2];
    guest->efer = registers[3];
    guest->rip = registers[4];
    guest->cs.base = registers[5];
    guest->cs.attributes = (uint16_t)registers[6];
    reads = 0;
    count = insn_fetch(guest, bytes, sizeof(bytes));
    if (count > sizeof(bytes) || insn_prefixes(bytes, count, insn_is_64_bit(guest)) > count)
        abort();
    guest->efer = (guest->efer & 0x4D01) | 0x1000;
    guest->asid = 1;
    guest->intercept_misc2 = INTERCEPT_VMRUN;
    guest_state_repair(guest);
    if (guest_state_refused(guest))
        abort();
    free(guest);
    return 0;
}
