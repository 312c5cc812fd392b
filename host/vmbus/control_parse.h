/* SPDX-License-Identifier: MIT */
/* Control messages of a guest, taken apart. No dependence on the rest of the host. */
#ifndef PVT_HOST_VMBUS_CONTROL_PARSE_H
#define PVT_HOST_VMBUS_CONTROL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vmbus.h"

struct vmbus_request {
    enum vmbus_message_type type;
    /* The message; 0 after its end. */
    union {
        struct vmbus_message header;
        struct vmbus_channel_message channel; /* all that name a channel begin with it */
        struct vmbus_initiate_contact contact;
        struct vmbus_open_channel open;
        struct vmbus_modify_channel modify;
        struct vmbus_gpadl_header gpadl_header;
        struct vmbus_gpadl_body gpadl_body;
        struct vmbus_gpadl_teardown teardown;
    };
    /* GPADL_HEADER, GPADL_BODY: pages that the message carries. */
    struct vmbus_gpadl_pages {
        uint32_t total; /* headers only: of the whole list; 0: the fields contradict each other */
        uint32_t count; /* in `page` */
        uint64_t page[VMBUS_GPADL_BODY_PAGES];
    } pages;
};

/* False for a message that is too short for its type, and for types that only a host sends or that
 * are unknown. */
bool vmbus_control_parse(const void *payload, size_t size, struct vmbus_request *request);

#endif
