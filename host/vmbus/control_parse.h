/* SPDX-License-Identifier: MIT */
/* Control messages of a guest, taken apart. No dependence on the rest of the host. */
#ifndef PVT_HOST_VMBUS_CONTROL_PARSE_H
#define PVT_HOST_VMBUS_CONTROL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vmbus.h"

/* Pages of a GPADL that one message carries. */
struct vmbus_gpadl_pages {
    uint32_t channel_id; /* headers only */
    uint32_t gpadl;
    uint32_t total; /* headers only: of the whole list; 0: the fields contradict each other */
    uint32_t count; /* in `page` */
    uint64_t page[VMBUS_GPADL_BODY_PAGES];
};

struct vmbus_request {
    enum vmbus_message_type type;
    union {
        struct vmbus_initiate_contact contact;
        struct vmbus_open_channel open;
        struct vmbus_channel_message channel; /* CLOSE_CHANNEL, REL_ID_RELEASED */
        struct vmbus_modify_channel modify;
        struct vmbus_gpadl_pages pages; /* GPADL_HEADER, GPADL_BODY */
        struct vmbus_gpadl_teardown teardown;
    };
};

/* False for a message that is too short for its type, and for types that only a host sends or that
 * are unknown. */
bool vmbus_control_parse(const void *payload, size_t size, struct vmbus_request *request);

#endif
