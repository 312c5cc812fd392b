/* SPDX-License-Identifier: MIT */
/* A sorted array of disjoint regions that is painted over: the last word on an address counts. */
#include "boot/regions.h"

#include "lib/bits.h"
#include "lib/string.h"

static uint64_t end_of(const struct memory_region *region)
{
    return region->start + region->length;
}

static bool insert(struct boot_info *info, size_t index, struct memory_region region)
{
    if (info->region_count == BOOT_REGIONS_MAX)
        return false;
    memmove(&info->regions[index + 1], &info->regions[index],
            (info->region_count - index) * sizeof(region));
    info->regions[index] = region;
    info->region_count++;
    return true;
}

static void remove_at(struct boot_info *info, size_t index)
{
    info->region_count--;
    memmove(&info->regions[index], &info->regions[index + 1],
            (info->region_count - index) * sizeof(info->regions[0]));
}

/* Removes [start, end) from what is there; *index is where a new region with that start belongs. */
static bool cut(struct boot_info *info, uint64_t start, uint64_t end, size_t *index)
{
    size_t i = 0;
    while (i < info->region_count && end_of(&info->regions[i]) <= start)
        i++;
    if (i < info->region_count && info->regions[i].start < start) {
        struct memory_region *left = &info->regions[i];
        struct memory_region right = {
            .start = start, .length = end_of(left) - start, .kind = left->kind};
        left->length = start - left->start;
        i++;
        if (!insert(info, i, right))
            return false;
    }
    *index = i;
    while (i < info->region_count && end_of(&info->regions[i]) <= end)
        remove_at(info, i);
    if (i < info->region_count && info->regions[i].start < end) {
        info->regions[i].length = end_of(&info->regions[i]) - end;
        info->regions[i].start = end;
    }
    return true;
}

static void join_with_next(struct boot_info *info, size_t index)
{
    struct memory_region *a = &info->regions[index], *b = a + 1;

    if (index + 1 >= info->region_count)
        return;
    if (a->kind == b->kind && end_of(a) == b->start) {
        a->length += b->length;
        remove_at(info, index + 1);
    }
}

bool regions_paint(struct boot_info *info, uint64_t start, uint64_t end, enum memory_kind kind)
{
    size_t index;

    start &= ~(PAGE_SIZE - 1);
    end = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    if (start >= end)
        return true;
    if (!cut(info, start, end, &index) ||
        !insert(info, index,
                (struct memory_region){.start = start, .length = end - start, .kind = kind}))
        return false;
    join_with_next(info, index);
    if (index > 0)
        join_with_next(info, index - 1);
    return true;
}
