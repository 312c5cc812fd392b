/* SPDX-License-Identifier: MIT */
/* The guest's walk from RIP to its code (APM volume 2, 5.3). The processor has just executed the instruction, so
 * permissions are not checked again. Tables and code may have changed since; their present contents count. */
#include "host/cpu/insn_fetch.h"

#include <stdbool.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"

#define ENTRY_PRESENT  (1ull << 0)
#define ENTRY_LARGE    (1ull << 7)
#define ENTRY_ADDRESS  0x000FFFFFFFFFF000ull
#define LARGEST_LEAF   3u /* level of 1 GiB leaves; 1 is that of 4 KiB */
#define CR4_LA57       (1ull << 12)
#define LEVEL_SHIFT(l) (12u + 9u * ((l)-1))
#define ENTRIES        512u

static bool translate(const struct vmcb *guest, uint64_t linear, uint64_t *gpa)
{
    uint64_t entry = guest->cr3;

    for (unsigned level = guest->cr4 & CR4_LA57 ? 5 : 4; level >= 1; level--) {
        uint64_t index = (linear >> LEVEL_SHIFT(level)) % ENTRIES, offset = (1ull << LEVEL_SHIFT(level)) - 1;

        if (!guest_read((entry & ENTRY_ADDRESS) + index * sizeof(entry), &entry, sizeof(entry)) ||
            !(entry & ENTRY_PRESENT))
            return false;
        if (level == 1 || (level <= LARGEST_LEAF && (entry & ENTRY_LARGE))) {
            *gpa = (entry & ENTRY_ADDRESS & ~offset) | (linear & offset);
            return true;
        }
    }
    return false;
}

size_t insn_fetch(const struct vmcb *guest, uint8_t *bytes, size_t size)
{
    size_t done = 0;

    if (!(guest->efer & EFER_LMA) || !(guest->cs.attributes & SEGMENT_LONG) || !(guest->cr0 & CR0_PG))
        return 0;
    while (done < size) {
        uint64_t linear = guest->rip + done, gpa;
        size_t part = HOST_PAGE_SIZE - linear % HOST_PAGE_SIZE;

        if (part > size - done)
            part = size - done;
        if (!translate(guest, linear, &gpa) || !guest_read(gpa, bytes + done, part))
            break;
        done += part;
    }
    return done;
}
