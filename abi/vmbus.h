/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_VMBUS_H
#define PVT_ABI_VMBUS_H

#include <stdint.h>

#include "assert.h"

/*
 * Control messages of VMBus: payloads of messages of the synthetic interrupt controller, in both
 * directions. A sender may pad a message; the fields say how much of it counts. Rings are in
 * vmbus_ring.h.
 */

/* Connection ids for HVCALL_POST_MESSAGE. The second one exists on hosts that speak 5.0 or later.
 */
#define VMBUS_CONNECTION_MESSAGES   1u
#define VMBUS_CONNECTION_MESSAGES_5 4u

#define VMBUS_SINT             2u
#define VMBUS_MESSAGE_SIZE_MAX 240u

#define VMBUS_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define VMBUS_VERSION_3_0           VMBUS_VERSION(3, 0)
#define VMBUS_VERSION_4_0           VMBUS_VERSION(4, 0)
#define VMBUS_VERSION_4_1           VMBUS_VERSION(4, 1) /* MODIFY_CHANNEL, without an answer */
#define VMBUS_VERSION_5_0                                                                          \
    VMBUS_VERSION(5, 0) /* the host names the connection id of later messages */
#define VMBUS_VERSION_5_1 VMBUS_VERSION(5, 1) /* SINT and VTL in INITIATE_CONTACT */
#define VMBUS_VERSION_5_2 VMBUS_VERSION(5, 2)
#define VMBUS_VERSION_5_3 VMBUS_VERSION(5, 3) /* MODIFY_CHANNEL_RESPONSE */

enum vmbus_message_type {
    VMBUS_OFFER_CHANNEL = 1,
    VMBUS_RESCIND_CHANNEL_OFFER = 2,
    VMBUS_REQUEST_OFFERS = 3,
    VMBUS_ALL_OFFERS_DELIVERED = 4,
    VMBUS_OPEN_CHANNEL = 5,
    VMBUS_OPEN_CHANNEL_RESULT = 6,
    VMBUS_CLOSE_CHANNEL = 7,
    VMBUS_GPADL_HEADER = 8,
    VMBUS_GPADL_BODY = 9,
    VMBUS_GPADL_CREATED = 10,
    VMBUS_GPADL_TEARDOWN = 11,
    VMBUS_GPADL_TORNDOWN = 12,
    VMBUS_REL_ID_RELEASED = 13,
    VMBUS_INITIATE_CONTACT = 14,
    VMBUS_VERSION_RESPONSE = 15,
    VMBUS_UNLOAD = 16,
    VMBUS_UNLOAD_RESPONSE = 17,
    VMBUS_MODIFY_CHANNEL = 22,
    VMBUS_MODIFY_CHANNEL_RESPONSE = 24,
};

/* The whole of REQUEST_OFFERS, ALL_OFFERS_DELIVERED, UNLOAD and UNLOAD_RESPONSE. */
struct vmbus_message {
    uint32_t type; /* enum vmbus_message_type */
    uint32_t reserved;
};
ABI_SIZE(struct vmbus_message, 8);
ABI_OFFSET(struct vmbus_message, type, 0);
ABI_OFFSET(struct vmbus_message, reserved, 4);

struct vmbus_initiate_contact {
    struct vmbus_message header;
    uint32_t version;
    uint32_t target_vp; /* for messages of the host */
    uint8_t sint,
        vtl; /* from 5.1 on; before, this and what follows is an address that a host ignores */
    uint16_t reserved;
    uint32_t features;
    uint64_t monitor_parent_to_child, monitor_child_to_parent; /* GPAs of pages; 0: none */
};
ABI_SIZE(struct vmbus_initiate_contact, 40);
ABI_OFFSET(struct vmbus_initiate_contact, version, 8);
ABI_OFFSET(struct vmbus_initiate_contact, target_vp, 12);
ABI_OFFSET(struct vmbus_initiate_contact, sint, 16);
ABI_OFFSET(struct vmbus_initiate_contact, vtl, 17);
ABI_OFFSET(struct vmbus_initiate_contact, reserved, 18);
ABI_OFFSET(struct vmbus_initiate_contact, features, 20);
ABI_OFFSET(struct vmbus_initiate_contact, monitor_parent_to_child, 24);
ABI_OFFSET(struct vmbus_initiate_contact, monitor_child_to_parent, 32);

struct vmbus_version_response {
    struct vmbus_message header;
    uint8_t supported;
    uint8_t state; /* VMBUS_CONNECTION_STATE_* */
    uint16_t reserved;
    uint32_t connection_id; /* from 5.0 on: of later messages; before: the version */
};
ABI_SIZE(struct vmbus_version_response, 16);
ABI_OFFSET(struct vmbus_version_response, supported, 8);
ABI_OFFSET(struct vmbus_version_response, state, 9);
ABI_OFFSET(struct vmbus_version_response, reserved, 10);
ABI_OFFSET(struct vmbus_version_response, connection_id, 12);

#define VMBUS_CONNECTION_STATE_OK            0u
#define VMBUS_CONNECTION_STATE_LOW_RESOURCES 1u
#define VMBUS_CONNECTION_STATE_FAILED        2u

struct vmbus_offer_channel {
    struct vmbus_message header;
    uint8_t interface_guid[16], instance_guid[16]; /* in memory order */
    uint8_t reserved[16];
    uint16_t flags; /* VMBUS_OFFER_FLAG_* */
    uint16_t mmio_mib;
    uint8_t user_defined[120];
    uint16_t subchannel;
    uint16_t mmio_mib_optional;
    uint32_t channel_id; /* 1 to 2047; also the number of the channel's event flag */
    uint8_t monitor_id, monitor_allocated;
    uint16_t dedicated_interrupt;
    uint32_t connection_id; /* for HVCALL_SIGNAL_EVENT */
};
ABI_SIZE(struct vmbus_offer_channel, 196);
ABI_OFFSET(struct vmbus_offer_channel, interface_guid, 8);
ABI_OFFSET(struct vmbus_offer_channel, instance_guid, 24);
ABI_OFFSET(struct vmbus_offer_channel, reserved, 40);
ABI_OFFSET(struct vmbus_offer_channel, flags, 56);
ABI_OFFSET(struct vmbus_offer_channel, mmio_mib, 58);
ABI_OFFSET(struct vmbus_offer_channel, user_defined, 60);
ABI_OFFSET(struct vmbus_offer_channel, subchannel, 180);
ABI_OFFSET(struct vmbus_offer_channel, mmio_mib_optional, 182);
ABI_OFFSET(struct vmbus_offer_channel, channel_id, 184);
ABI_OFFSET(struct vmbus_offer_channel, monitor_id, 188);
ABI_OFFSET(struct vmbus_offer_channel, monitor_allocated, 189);
ABI_OFFSET(struct vmbus_offer_channel, dedicated_interrupt, 190);
ABI_OFFSET(struct vmbus_offer_channel, connection_id, 192);

#define VMBUS_OFFER_FLAG_ENUMERATE_INTERFACE 0x0001u
#define VMBUS_OFFER_NO_MONITOR               0xFFu
#define VMBUS_OFFER_DEDICATED_INTERRUPT      0x0001u

#define VMBUS_CHANNEL_ID_LAST 2047u

/* CLOSE_CHANNEL, RESCIND_CHANNEL_OFFER and REL_ID_RELEASED. */
struct vmbus_channel_message {
    struct vmbus_message header;
    uint32_t channel_id;
};
ABI_SIZE(struct vmbus_channel_message, 12);
ABI_OFFSET(struct vmbus_channel_message, channel_id, 8);

struct vmbus_open_channel {
    struct vmbus_message header;
    uint32_t channel_id;
    uint32_t open_id; /* any: comes back in the result */
    uint32_t gpadl;
    uint32_t target_vp;       /* for interrupts of the channel; VMBUS_NO_VP: none */
    uint32_t downstream_page; /* of the GPADL, at which the ring from host to guest starts */
    uint8_t user_data[120];
};
ABI_SIZE(struct vmbus_open_channel, 148);
ABI_OFFSET(struct vmbus_open_channel, channel_id, 8);
ABI_OFFSET(struct vmbus_open_channel, open_id, 12);
ABI_OFFSET(struct vmbus_open_channel, gpadl, 16);
ABI_OFFSET(struct vmbus_open_channel, target_vp, 20);
ABI_OFFSET(struct vmbus_open_channel, downstream_page, 24);
ABI_OFFSET(struct vmbus_open_channel, user_data, 28);

#define VMBUS_NO_VP UINT32_MAX

/* OPEN_CHANNEL_RESULT and GPADL_CREATED. */
struct vmbus_result {
    struct vmbus_message header;
    uint32_t channel_id;
    uint32_t id;     /* open_id; of the GPADL */
    uint32_t status; /* NTSTATUS; 0: done */
};
ABI_SIZE(struct vmbus_result, 20);
ABI_OFFSET(struct vmbus_result, channel_id, 8);
ABI_OFFSET(struct vmbus_result, id, 12);
ABI_OFFSET(struct vmbus_result, status, 16);

struct vmbus_modify_channel {
    struct vmbus_message header;
    uint32_t channel_id, target_vp;
};
ABI_SIZE(struct vmbus_modify_channel, 16);
ABI_OFFSET(struct vmbus_modify_channel, channel_id, 8);
ABI_OFFSET(struct vmbus_modify_channel, target_vp, 12);

struct vmbus_modify_channel_response {
    struct vmbus_message header;
    uint32_t channel_id, status;
};
ABI_SIZE(struct vmbus_modify_channel_response, 16);
ABI_OFFSET(struct vmbus_modify_channel_response, channel_id, 8);
ABI_OFFSET(struct vmbus_modify_channel_response, status, 12);

/* A list of guest pages. Pages that do not fit into the header follow in bodies. The guest chooses
 * the id, not 0. */
#define VMBUS_GPADL_HEADER_PAGES 26u
#define VMBUS_GPADL_BODY_PAGES   28u

struct vmbus_gpadl_header {
    struct vmbus_message header;
    uint32_t channel_id;
    uint32_t gpadl;
    uint16_t range_bytes; /* 8 + 8 * number of pages */
    uint16_t ranges;      /* 1 */
    uint32_t byte_count;
    uint32_t byte_offset; /* in the first page */
    uint64_t page[VMBUS_GPADL_HEADER_PAGES];
} __attribute__((packed));
ABI_SIZE(struct vmbus_gpadl_header, 236);
ABI_OFFSET(struct vmbus_gpadl_header, channel_id, 8);
ABI_OFFSET(struct vmbus_gpadl_header, gpadl, 12);
ABI_OFFSET(struct vmbus_gpadl_header, range_bytes, 16);
ABI_OFFSET(struct vmbus_gpadl_header, ranges, 18);
ABI_OFFSET(struct vmbus_gpadl_header, byte_count, 20);
ABI_OFFSET(struct vmbus_gpadl_header, byte_offset, 24);
ABI_OFFSET(struct vmbus_gpadl_header, page, 28);

struct vmbus_gpadl_body {
    struct vmbus_message header;
    uint32_t message_number; /* ignored */
    uint32_t gpadl;
    uint64_t page[VMBUS_GPADL_BODY_PAGES];
};
ABI_SIZE(struct vmbus_gpadl_body, 240);
ABI_OFFSET(struct vmbus_gpadl_body, message_number, 8);
ABI_OFFSET(struct vmbus_gpadl_body, gpadl, 12);
ABI_OFFSET(struct vmbus_gpadl_body, page, 16);

struct vmbus_gpadl_teardown {
    struct vmbus_message header;
    uint32_t channel_id, gpadl;
};
ABI_SIZE(struct vmbus_gpadl_teardown, 16);
ABI_OFFSET(struct vmbus_gpadl_teardown, channel_id, 8);
ABI_OFFSET(struct vmbus_gpadl_teardown, gpadl, 12);

struct vmbus_gpadl_torndown {
    struct vmbus_message header;
    uint32_t gpadl;
};
ABI_SIZE(struct vmbus_gpadl_torndown, 12);
ABI_OFFSET(struct vmbus_gpadl_torndown, gpadl, 8);

/* Statuses of Windows (NTSTATUS) that messages of VMBus and vPCI carry; bit 31 is set in a failure.
 */
#define NT_STATUS_SUCCESS                UINT32_C(0x00000000)
#define NT_STATUS_UNSUCCESSFUL           UINT32_C(0xC0000001)
#define NT_STATUS_INVALID_PARAMETER      UINT32_C(0xC000000D)
#define NT_STATUS_CONFLICTING_ADDRESSES  UINT32_C(0xC0000018)
#define NT_STATUS_REVISION_MISMATCH      UINT32_C(0xC0000059)
#define NT_STATUS_INSUFFICIENT_RESOURCES UINT32_C(0xC000009A)
#define NT_STATUS_NOT_SUPPORTED          UINT32_C(0xC00000BB)
#define NT_STATUS_BAD_DATA               UINT32_C(0xC000090B)

#endif
