/* SPDX-License-Identifier: MIT */
#include "host/iommu/domain_id.h"

#include <stdbool.h>
#include <stddef.h>

#include "host/base/memory.h"

#define TAGS_MAX 65536u

static struct {
    bool *used; /* one byte for each tag */
    uint32_t limit, next;
} tags;

void tags_init(uint32_t limit)
{
    tags.limit = limit < TAGS_MAX ? limit : TAGS_MAX;
    tags.next = TAG_FIRST;
    tags.used = host_pages((TAGS_MAX * sizeof(bool) + HOST_PAGE_SIZE - 1) / HOST_PAGE_SIZE);
}

uint16_t tag_take(void)
{
    for (uint32_t tried = TAG_FIRST; tried < tags.limit; tried++) {
        uint32_t tag = tags.next;

        tags.next = tag + 1 < tags.limit ? tag + 1 : TAG_FIRST;
        if (!tags.used[tag]) {
            tags.used[tag] = true;
            return (uint16_t)tag;
        }
    }
    return TAG_NONE;
}

void tag_give(uint16_t tag)
{
    tags.used[tag] = false;
}
