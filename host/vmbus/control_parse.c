/* SPDX-License-Identifier: MIT */
#include "host/vmbus/control_parse.h"

#include "lib/bits.h"
#include "lib/string.h"

#define RANGE_BYTES 8u /* of a page list, before its pages */

static bool take(void *to, size_t needed, const void *payload, size_t size)
{
    if (size < needed)
        return false;
    memcpy(to, payload, needed);
    return true;
}

/* As many pages as the message holds; senders pad their messages, so that the caller cuts what it
 * does not expect. */
static void take_pages(struct vmbus_gpadl_pages *pages, size_t at, uint32_t limit,
                       const void *payload, size_t size)
{
    size_t held = (size - at) / sizeof(uint64_t);

    pages->count = held < limit ? (uint32_t)held : limit;
    memcpy(pages->page, (const uint8_t *)payload + at, pages->count * sizeof(uint64_t));
}

static uint32_t pages_in_all(const struct vmbus_gpadl_header *header)
{
    uint32_t pages = header->range_bytes / sizeof(uint64_t) - 1;

    if (header->ranges != 1 || header->range_bytes <= RANGE_BYTES ||
        header->range_bytes % sizeof(uint64_t) != 0 || header->byte_offset != 0 ||
        (header->byte_count + UINT64_C(0) + PAGE_SIZE - 1) / PAGE_SIZE != pages)
        return 0;
    return pages;
}

static bool gpadl_header(struct vmbus_gpadl_pages *pages, const void *payload, size_t size)
{
    struct vmbus_gpadl_header header;
    size_t at = offsetof(struct vmbus_gpadl_header, page);

    if (!take(&header, at, payload, size))
        return false;
    pages->channel_id = header.channel_id;
    pages->gpadl = header.gpadl;
    pages->total = pages_in_all(&header);
    take_pages(pages, at, VMBUS_GPADL_HEADER_PAGES, payload, size);
    if (pages->count > pages->total)
        pages->count = pages->total;
    return true;
}

static bool gpadl_body(struct vmbus_gpadl_pages *pages, const void *payload, size_t size)
{
    struct vmbus_gpadl_body body;
    size_t at = offsetof(struct vmbus_gpadl_body, page);

    if (!take(&body, at, payload, size))
        return false;
    pages->gpadl = body.gpadl;
    take_pages(pages, at, VMBUS_GPADL_BODY_PAGES, payload, size);
    return true;
}

bool vmbus_control_parse(const void *payload, size_t size, struct vmbus_request *request)
{
    struct vmbus_message header;

    memset(request, 0, sizeof(*request));
    if (size > VMBUS_MESSAGE_SIZE_MAX || !take(&header, sizeof(header), payload, size))
        return false;
    request->type = (enum vmbus_message_type)header.type;
    switch (header.type) {
    case VMBUS_REQUEST_OFFERS:
    case VMBUS_UNLOAD:
        return true;
    case VMBUS_INITIATE_CONTACT:
        return take(&request->contact, sizeof(request->contact), payload, size);
    case VMBUS_OPEN_CHANNEL:
        return take(&request->open, sizeof(request->open), payload, size);
    case VMBUS_CLOSE_CHANNEL:
    case VMBUS_REL_ID_RELEASED:
        return take(&request->channel, sizeof(request->channel), payload, size);
    case VMBUS_MODIFY_CHANNEL:
        return take(&request->modify, sizeof(request->modify), payload, size);
    case VMBUS_GPADL_HEADER:
        return gpadl_header(&request->pages, payload, size);
    case VMBUS_GPADL_BODY:
        return gpadl_body(&request->pages, payload, size);
    case VMBUS_GPADL_TEARDOWN:
        return take(&request->teardown, sizeof(request->teardown), payload, size);
    default:
        return false;
    }
}
