/* SPDX-License-Identifier: MIT */
/* Control messages, for the files of drivers/vmbus only. */
#ifndef PVT_DRIVERS_VMBUS_MESSAGES_H
#define PVT_DRIVERS_VMBUS_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vmbus.h"
#include "drivers/vmbus/vmbus.h"
#include "kernel/time.h"

#define VMBUS_REPLY_US time_for_answer_us(10000000u)

/* A control message of the host, with the payload that SynIC delivered; unused bytes are zero. */
union vmbus_control {
    struct vmbus_message header;
    struct vmbus_version_response version;
    struct vmbus_offer_channel offer;
    struct vmbus_channel_message channel;
    struct vmbus_result created;
    struct vmbus_gpadl_torndown torndown;
    struct vmbus_result opened;
    struct vmbus_modify_channel_response modified;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

extern struct vmbus_state vmbus;

/* Posts a message; tries again for a while when the host has no room for it. */
bool vmbus_post(const void *message, size_t size);
/* In a loop that waits for the host: some hosts go on when they are entered. */
void vmbus_give_way(void);
/* The next message of that type which `matches` accepts (NULL: any). Offers and rescinds that come
 * in between are kept, all else is dropped. */
bool vmbus_wait(uint32_t type, bool (*matches)(const union vmbus_control *message, uint32_t value),
                uint32_t value, union vmbus_control *message, uint64_t timeout_us);
/* Offers of an earlier connection are void. */
void vmbus_forget_offers(void);

#endif
