/* SPDX-License-Identifier: MIT */
#include "host/iommu/soft_memory.h"

#include "host/base/memory.h"
#include "lib/string.h"

static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
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

/* Stage 2 lets only guest RAM through; a host that was told to leave stage 2 out meets every
 * address. An address that belongs neither to the guest nor to the host answers like an empty bus.
 */
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

static bool compare_exchange64(void *owner, uint64_t spa, uint64_t expected, uint64_t desired)
{
    (void)owner;
    if (!is_memory(spa, sizeof(uint64_t)))
        return false;
    return __atomic_compare_exchange_n((uint64_t *)(uintptr_t)spa, &expected, desired, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void copy_from(void *owner, void *to, uint64_t spa, size_t size)
{
    (void)owner;
    if (is_memory(spa, size))
        memcpy(to, (const void *)(uintptr_t)spa, size);
    else
        memset(to, 0xFF, size);
}

static void copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    (void)owner;
    if (is_memory(spa, size))
        memcpy((void *)(uintptr_t)spa, from, size);
}

static void fill(uint64_t spa, uint8_t byte, size_t size)
{
    if (is_memory(spa, size))
        memset((void *)(uintptr_t)spa, byte, size);
}

struct soft_memory soft_memory = {.stage2 = stage2,
                                  .compare_exchange64 = compare_exchange64,
                                  .copy_from = copy_from,
                                  .copy_to = copy_to,
                                  .fill = fill};
