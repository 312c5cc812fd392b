/* SPDX-License-Identifier: MIT */
#include "host/vmbus/gpadl.h"

#include "host/base/memory.h"

static struct gpadl *gpadls; /* GPADLS_MAX entries */

void gpadl_init(void)
{
    if (!gpadls)
        gpadls = host_pages_for(GPADLS_MAX * sizeof(*gpadls));
}

void gpadl_drop_all(void)
{
    for (unsigned i = 0; i < GPADLS_MAX; i++)
        gpadls[i].id = 0;
}

/* With id 0, one that is not in use. */
static struct gpadl *entry_of(uint32_t id)
{
    for (unsigned i = 0; i < GPADLS_MAX; i++)
        if (gpadls[i].id == id)
            return &gpadls[i];
    return NULL;
}

static struct gpadl *list_of(uint32_t id)
{
    return id != 0 ? entry_of(id) : NULL;
}

static uint32_t add(struct gpadl *gpadl, const struct vmbus_gpadl_pages *pages)
{
    for (uint32_t i = 0; i < pages->count && gpadl->count < gpadl->total; i++) {
        uint64_t number = pages->page[i];

        gpadl->page[gpadl->count++] = number;
        gpadl->valid = gpadl->valid && number < UINT64_MAX / PAGE_SIZE &&
                       guest_is_ram(number * PAGE_SIZE, PAGE_SIZE);
    }
    if (gpadl->count < gpadl->total)
        return GPADL_NO_ANSWER;
    if (gpadl->valid)
        return NT_STATUS_SUCCESS;
    gpadl->id = 0;
    return NT_STATUS_UNSUCCESSFUL;
}

uint32_t gpadl_header(uint32_t id, uint32_t channel_id, const struct vmbus_gpadl_pages *pages)
{
    struct gpadl *free = entry_of(0);

    if (id == 0 || entry_of(id) || !free || pages->total == 0 || pages->total > GPADL_PAGES_MAX)
        return NT_STATUS_UNSUCCESSFUL;
    *free =
        (struct gpadl){.id = id, .channel_id = channel_id, .total = pages->total, .valid = true};
    return add(free, pages);
}

uint32_t gpadl_body(uint32_t id, uint32_t *channel_id, const struct vmbus_gpadl_pages *pages)
{
    struct gpadl *gpadl = list_of(id);

    if (!gpadl || gpadl->count == gpadl->total)
        return GPADL_NO_ANSWER;
    *channel_id = gpadl->channel_id;
    return add(gpadl, pages);
}

const struct gpadl *gpadl_find(uint32_t id)
{
    const struct gpadl *gpadl = list_of(id);

    return gpadl && gpadl->count == gpadl->total ? gpadl : NULL;
}

bool gpadl_drop(uint32_t id)
{
    struct gpadl *gpadl = list_of(id);

    if (gpadl)
        gpadl->id = 0;
    return gpadl;
}
