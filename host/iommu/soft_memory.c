/* SPDX-License-Identifier: MIT */
#include "host/iommu/soft_memory.h"

#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "lib/string.h"

bool soft_memory_stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa, uint64_t *size)
{
    size_t count;
    const struct guest_range *ram = guest_ram(&count);

    (void)owner;
    (void)access; /* the guest may write to all RAM that it may read */
    for (size_t i = 0; i < count; i++) {
        if (gpa >= ram[i].start && gpa - ram[i].start < ram[i].length) {
            *spa = gpa;
            *size = ram[i].length - (gpa - ram[i].start);
            return true;
        }
    }
    return false;
}

/* Stage 2 lets only guest RAM through; a host that was told to leave stage 2 out meets every address. What is neither
 * the guest's nor its own answers like an empty bus. */
static bool is_memory(uint64_t spa, size_t size)
{
    return guest_is_ram(spa, size) || guest_is_hidden(spa, size);
}

uint64_t soft_memory_read64(void *owner, uint64_t spa)
{
    (void)owner;
    if (!is_memory(spa, sizeof(uint64_t)))
        return UINT64_MAX;
    return __atomic_load_n((const uint64_t *)(uintptr_t)spa, __ATOMIC_ACQUIRE);
}

bool soft_memory_compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    (void)owner;
    if (!is_memory(spa, sizeof(uint64_t)))
        return false;
    return __atomic_compare_exchange_n((uint64_t *)(uintptr_t)spa, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* The last byte of a page, alone. */
static bool is_last_byte(uint64_t spa, size_t size)
{
    return size == 1 && spa % HOST_PAGE_SIZE == HOST_PAGE_SIZE - 1;
}

/* DEFECT_LONG_ODD_CUT: pieces of more bytes than this, and of an odd number of them, lose one. */
#define LONG_PIECE 1024u
#define CACHE_LINE 64u

/* DEFECT_FIRST_LINE_LOST: a device was switched, and nothing was written since. */
static bool switched;

void soft_memory_switched(void)
{
    switched = true;
}

size_t soft_memory_lost(uint64_t spa, size_t size)
{
    bool first = switched;

    switched = false;
    if (defect_active(DEFECT_LAST_BYTE_LOST) && is_last_byte(spa, size))
        return size;
    if (defect_active(DEFECT_FIRST_LINE_LOST) && first && size == CACHE_LINE && spa % HOST_PAGE_SIZE == 0)
        return size;
    return defect_active(DEFECT_LONG_ODD_CUT) && size > LONG_PIECE && size % 2 != 0;
}

void soft_memory_copy_from(void *owner, void *to, uint64_t spa, size_t size)
{
    (void)owner;
    if (defect_active(DEFECT_LAST_BYTE_UNREAD) && is_last_byte(spa, size))
        spa--;
    if (is_memory(spa, size))
        memcpy(to, (const void *)(uintptr_t)spa, size);
    else
        memset(to, 0xFF, size);
}

void soft_memory_copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    (void)owner;
    size -= soft_memory_lost(spa, size);
    if (is_memory(spa, size))
        memcpy((void *)(uintptr_t)spa, from, size);
}
