/* SPDX-License-Identifier: MIT */
#include "host/cpu/guest_walk.h"

#include <stddef.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "lib/bits.h"
#include "lib/hot.h"

#define ENTRY_PRESENT BIT(0)
#define ENTRY_LARGE   BIT(7)
#define ENTRY_ADDRESS BITS(51, 12)
#define ENTRY_BYTES   8u
#define LEVEL_BITS    9u

/* Tables of 32-bit paging without PAE have 1024 entries of 4 bytes; bits 20:13 of a large leaf are
 * address bits 39:32.
 */
#define LEGACY_ENTRY_BYTES 4u
#define LEGACY_LEVEL_BITS  10u
#define LEGACY_HIGH(entry) (((entry)&BITS(20, 13)) << 19)
#define LEGACY_LARGE       BITS(31, 22)

#define LINEAR_32     BITS(31, 0)
#define PAE_ROOT      BITS(31, 5) /* four entries, aligned to 32 bytes */
#define PAE_LEVELS    3u
#define LARGEST_LEAF  3u /* level of 1 GiB leaves; 1 is that of 4 KiB */
#define PAGE_BITS     12u
#define OFFSET(shift) ((UINT64_C(1) << (shift)) - 1)

static bool walk_legacy(const struct guest_paging *paging, uint64_t linear, uint64_t *gpa)
{
    uint64_t table = paging->cr3 & BITS(31, 12);
    uint32_t entry = 0;

    for (unsigned level = 2; level >= 1; level--) {
        unsigned shift = PAGE_BITS + LEGACY_LEVEL_BITS * (level - 1);
        uint64_t index = (linear >> shift) & OFFSET(LEGACY_LEVEL_BITS);

        if (!guest_load32(table + index * LEGACY_ENTRY_BYTES, &entry) || !(entry & ENTRY_PRESENT))
            return false;
        if (level == 2 && (entry & ENTRY_LARGE) && (paging->cr4 & CR4_PSE)) {
            *gpa = (entry & LEGACY_LARGE) | LEGACY_HIGH((uint64_t)entry) | (linear & OFFSET(shift));
            return true;
        }
        table = entry & BITS(31, 12);
    }
    *gpa = table | (linear & OFFSET(PAGE_BITS));
    return true;
}

HOT static bool walk(uint64_t table, unsigned levels, unsigned largest, uint64_t linear,
                     uint64_t *gpa)
{
    uint64_t entry;

    for (unsigned level = levels; level >= 1; level--) {
        unsigned shift = PAGE_BITS + LEVEL_BITS * (level - 1);
        uint64_t index = (linear >> shift) & OFFSET(LEVEL_BITS);

        if (!guest_load64(table + index * ENTRY_BYTES, &entry) || !(entry & ENTRY_PRESENT))
            return false;
        table = entry & ENTRY_ADDRESS;
        if (level == 1 || (level <= largest && (entry & ENTRY_LARGE))) {
            *gpa = (table & ~OFFSET(shift)) | (linear & OFFSET(shift));
            return true;
        }
    }
    return false;
}

HOT bool guest_walk(const struct guest_paging *paging, uint64_t linear, uint64_t *gpa)
{
    if (!(paging->cr0 & CR0_PG)) {
        *gpa = linear & LINEAR_32;
        return true;
    }
    if (paging->efer & EFER_LMA)
        return walk(paging->cr3 & ENTRY_ADDRESS, paging->cr4 & CR4_LA57 ? 5 : 4, LARGEST_LEAF,
                    linear, gpa);
    linear &= LINEAR_32;
    if (paging->cr4 & CR4_PAE)
        return walk(paging->cr3 & PAE_ROOT, PAE_LEVELS, PAE_LEVELS - 1, linear, gpa);
    return walk_legacy(paging, linear, gpa);
}
