/* SPDX-License-Identifier: MIT */
#include "host/vmbus/gpadl.h"

#include <stddef.h>

#include "host/base/memory.h"
#include "lib/bits.h"
#include "lib/string.h"

#define PAGE_NUMBER_LIMIT (UINT64_MAX / PAGE_SIZE)

static struct gpadl *gpadls; /* GPADLS_MAX entries */

void gpadl_init(void)
{
    if (!gpadls)
        gpadls = host_pages((GPADLS_MAX * sizeof(*gpadls) + PAGE_SIZE - 1) / PAGE_SIZE);
}

void gpadl_drop_all(void)
{
    for (unsigned i = 0; i < GPADLS_MAX; i++)
        gpadls[i].id = 0;
}

static struct gpadl *entry_of(uint32_t id)
{
    for (unsigned i = 0; i < GPADLS_MAX; i++)
        if (gpadls[i].id == id)
            return &gpadls[i];
    return NULL;
}

static enum gpadl_result add(struct gpadl *gpadl, const struct vmbus_gpadl_pages *pages)
{
    for (uint32_t i = 0; i < pages->count && gpadl->count < gpadl->total; i++) {
        uint64_t number = pages->page[i];

        gpadl->page[gpadl->count++] = number;
        gpadl->valid = gpadl->valid && number < PAGE_NUMBER_LIMIT &&
                       guest_is_ram(number * PAGE_SIZE, PAGE_SIZE);
    }
    if (gpadl->count < gpadl->total)
        return GPADL_INCOMPLETE;
    if (gpadl->valid)
        return GPADL_COMPLETE;
    gpadl->id = 0;
    return GPADL_REFUSED;
}

enum gpadl_result gpadl_header(const struct vmbus_gpadl_pages *pages)
{
    struct gpadl *free = entry_of(0);

    if (pages->gpadl == 0 || entry_of(pages->gpadl) || !free || pages->total == 0 ||
        pages->total > GPADL_PAGES_MAX)
        return GPADL_REFUSED;
    free->id = pages->gpadl;
    free->channel_id = pages->channel_id;
    free->total = pages->total;
    free->count = 0;
    free->valid = true;
    return add(free, pages);
}

enum gpadl_result gpadl_body(const struct vmbus_gpadl_pages *pages, uint32_t *channel_id)
{
    struct gpadl *gpadl = pages->gpadl != 0 ? entry_of(pages->gpadl) : NULL;

    if (!gpadl || gpadl->count == gpadl->total)
        return GPADL_IGNORED;
    *channel_id = gpadl->channel_id;
    return add(gpadl, pages);
}

const struct gpadl *gpadl_find(uint32_t id)
{
    const struct gpadl *gpadl = id != 0 ? entry_of(id) : NULL;

    return gpadl && gpadl->count == gpadl->total ? gpadl : NULL;
}

bool gpadl_drop(uint32_t id)
{
    struct gpadl *gpadl = id != 0 ? entry_of(id) : NULL;

    if (!gpadl)
        return false;
    gpadl->id = 0;
    return true;
}
