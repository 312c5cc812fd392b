/* SPDX-License-Identifier: MIT */
#include "host/vmbus/control_parse.h"

#include "lib/bits.h"
#include "lib/string.h"

#define RANGE_BYTES 8u /* of a page list, before its pages */

/* Messages that a guest sends, and their bytes at least. */
static const size_t least_size[] = {
    [VMBUS_REQUEST_OFFERS] = sizeof(struct vmbus_message),
    [VMBUS_OPEN_CHANNEL] = sizeof(struct vmbus_open_channel),
    [VMBUS_CLOSE_CHANNEL] = sizeof(struct vmbus_channel_message),
    [VMBUS_GPADL_HEADER] = offsetof(struct vmbus_gpadl_header, page),
    [VMBUS_GPADL_BODY] = offsetof(struct vmbus_gpadl_body, page),
    [VMBUS_GPADL_TEARDOWN] = sizeof(struct vmbus_gpadl_teardown),
    [VMBUS_REL_ID_RELEASED] = sizeof(struct vmbus_channel_message),
    [VMBUS_INITIATE_CONTACT] = sizeof(struct vmbus_initiate_contact),
    [VMBUS_UNLOAD] = sizeof(struct vmbus_message),
    [VMBUS_MODIFY_CHANNEL] = sizeof(struct vmbus_modify_channel),
};

static uint32_t pages_in_all(const struct vmbus_gpadl_header *header)
{
    uint64_t pages = (header->byte_count + PAGE_SIZE - 1) / PAGE_SIZE;

    return header->ranges == 1 && header->byte_offset == 0 &&
                   header->range_bytes == RANGE_BYTES + pages * sizeof(uint64_t)
               ? (uint32_t)pages
               : 0;
}

bool vmbus_control_parse(const void *payload, size_t size, struct vmbus_request *request)
{
    struct vmbus_gpadl_pages *pages = &request->pages;
    size_t least;

    memset(request, 0, sizeof(*request));
    if (size < sizeof(request->header) || size > VMBUS_MESSAGE_SIZE_MAX)
        return false;
    memcpy(&request->gpadl_body, payload, size); /* the longest message */
    request->type = (enum vmbus_message_type)request->header.type;
    least = request->header.type < ARRAY_SIZE(least_size) ? least_size[request->header.type] : 0;
    if (least == 0 || size < least)
        return false;
    if (request->type != VMBUS_GPADL_HEADER && request->type != VMBUS_GPADL_BODY)
        return true;
    pages->count = (uint32_t)((size - least) / sizeof(uint64_t));
    memcpy(pages->page, (const uint8_t *)payload + least, pages->count * sizeof(uint64_t));
    if (request->type == VMBUS_GPADL_HEADER)
        pages->total = pages_in_all(&request->gpadl_header);
    /* Senders pad their messages. After a header, the list has its own count. */
    if (request->type == VMBUS_GPADL_HEADER && pages->count > pages->total)
        pages->count = pages->total;
    return true;
}
