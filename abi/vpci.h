/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_VPCI_H
#define PVT_ABI_VPCI_H

#include <stdint.h>

#include "assert.h"

/*
 * Virtual PCI: one VMBus channel is one bus. Requests of the guest and what the host sends by
 * itself are data packets of the rings, replies are completions. A receiver sees lengths rounded up
 * to 8 bytes. Logical ids of the functions follow from the instance GUID of the channel
 * (device_id.h).
 */

/* 44C4F61D-4444-4400-9D52-802E27EDE19F in memory order. */
#define VPCI_INTERFACE_GUID                                                                        \
    {                                                                                              \
        0x1D, 0xF6, 0xC4, 0x44, 0x44, 0x44, 0x00, 0x44, 0x9D, 0x52, 0x80, 0x2E, 0x27, 0xED, 0xE1,  \
            0x9F                                                                                   \
    }

#define VPCI_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define VPCI_VERSION_1_1           VPCI_VERSION(1, 1)
#define VPCI_VERSION_1_2           VPCI_VERSION(1, 2) /* second form of interrupts and resources */
#define VPCI_VERSION_1_3           VPCI_VERSION(1, 3) /* BUS_RELATIONS_2 */
#define VPCI_VERSION_1_4           VPCI_VERSION(1, 4) /* third form of interrupts and resources */

#define VPCI_MESSAGE(number) (UINT32_C(0x42490000) + (number))

enum vpci_message_type {
    VPCI_BUS_RELATIONS = VPCI_MESSAGE(0x00),
    VPCI_QUERY_BUS_RELATIONS = VPCI_MESSAGE(0x01),
    VPCI_POWER_STATE_CHANGE = VPCI_MESSAGE(0x04),
    VPCI_QUERY_RESOURCE_REQUIREMENTS = VPCI_MESSAGE(0x05),
    VPCI_BUS_D0_ENTRY = VPCI_MESSAGE(0x07),
    VPCI_BUS_D0_EXIT = VPCI_MESSAGE(0x08),
    VPCI_EJECT = VPCI_MESSAGE(0x0B),
    VPCI_EJECTION_COMPLETE = VPCI_MESSAGE(0x0F),
    VPCI_RESOURCES_ASSIGNED = VPCI_MESSAGE(0x10),
    VPCI_RESOURCES_RELEASED = VPCI_MESSAGE(0x11),
    VPCI_QUERY_PROTOCOL_VERSION = VPCI_MESSAGE(0x13),
    VPCI_CREATE_INTERRUPT = VPCI_MESSAGE(0x14),
    VPCI_DELETE_INTERRUPT = VPCI_MESSAGE(0x15),
    VPCI_RESOURCES_ASSIGNED_2 = VPCI_MESSAGE(0x16),
    VPCI_CREATE_INTERRUPT_2 = VPCI_MESSAGE(0x17),
    VPCI_DELETE_INTERRUPT_2 = VPCI_MESSAGE(0x18),
    VPCI_BUS_RELATIONS_2 = VPCI_MESSAGE(0x19),
    VPCI_RESOURCES_ASSIGNED_3 = VPCI_MESSAGE(0x1A),
    VPCI_CREATE_INTERRUPT_3 = VPCI_MESSAGE(0x1B),
};

/* Names a function of the bus. The order of the fields is not that of a PCI requester id. */
#define VPCI_SLOT_DEVICE_MASK    UINT32_C(0x0000001F)
#define VPCI_SLOT_FUNCTION_SHIFT 5
#define VPCI_SLOT_FUNCTION_MASK  UINT32_C(0x000000E0)

static inline uint32_t vpci_slot(uint32_t device, uint32_t function)
{
    return (device & VPCI_SLOT_DEVICE_MASK) |
           ((function << VPCI_SLOT_FUNCTION_SHIFT) & VPCI_SLOT_FUNCTION_MASK);
}

/* QUERY_BUS_RELATIONS (without completion), BUS_D0_EXIT. */
struct vpci_message {
    uint32_t type; /* enum vpci_message_type */
};
ABI_SIZE(struct vpci_message, 4);
ABI_OFFSET(struct vpci_message, type, 0);

struct vpci_version_query {
    uint32_t type, version;
};
ABI_SIZE(struct vpci_version_query, 8);
ABI_OFFSET(struct vpci_version_query, type, 0);
ABI_OFFSET(struct vpci_version_query, version, 4);

struct vpci_version_reply {
    uint32_t status;
    uint32_t version; /* the highest of the host, not the one agreed on */
};
ABI_SIZE(struct vpci_version_reply, 8);
ABI_OFFSET(struct vpci_version_reply, status, 0);
ABI_OFFSET(struct vpci_version_reply, version, 4);

/* QUERY_RESOURCE_REQUIREMENTS, RESOURCES_RELEASED, EJECT, EJECTION_COMPLETE. */
struct vpci_slot_message {
    uint32_t type, slot;
};
ABI_SIZE(struct vpci_slot_message, 8);
ABI_OFFSET(struct vpci_slot_message, type, 0);
ABI_OFFSET(struct vpci_slot_message, slot, 4);

/* The reply to any request that has no other one. */
struct vpci_status_reply {
    uint32_t status; /* NT_STATUS_* of vmbus.h */
    uint32_t reserved;
};
ABI_SIZE(struct vpci_status_reply, 8);
ABI_OFFSET(struct vpci_status_reply, status, 0);
ABI_OFFSET(struct vpci_status_reply, reserved, 4);

struct vpci_relation {
    uint16_t vendor, device;
    uint8_t revision, interface, subclass, class_code;
    uint16_t subsystem_vendor, subsystem;
    uint32_t slot;
    uint32_t serial;
};
ABI_SIZE(struct vpci_relation, 20);
ABI_OFFSET(struct vpci_relation, vendor, 0);
ABI_OFFSET(struct vpci_relation, device, 2);
ABI_OFFSET(struct vpci_relation, revision, 4);
ABI_OFFSET(struct vpci_relation, interface, 5);
ABI_OFFSET(struct vpci_relation, subclass, 6);
ABI_OFFSET(struct vpci_relation, class_code, 7);
ABI_OFFSET(struct vpci_relation, subsystem_vendor, 8);
ABI_OFFSET(struct vpci_relation, subsystem, 10);
ABI_OFFSET(struct vpci_relation, slot, 12);
ABI_OFFSET(struct vpci_relation, serial, 16);

struct vpci_relation_2 {
    struct vpci_relation relation;
    uint32_t flags;
    uint16_t numa_node;
    uint16_t reserved;
};
ABI_SIZE(struct vpci_relation_2, 28);
ABI_OFFSET(struct vpci_relation_2, relation, 0);
ABI_OFFSET(struct vpci_relation_2, flags, 20);
ABI_OFFSET(struct vpci_relation_2, numa_node, 24);
ABI_OFFSET(struct vpci_relation_2, reserved, 26);

#define VPCI_RELATION_FLAG_NUMA_NODE (UINT32_C(1) << 0)

/* BUS_RELATIONS and BUS_RELATIONS_2: `count` entries follow. The list is complete; what it lacks is
 * gone. */
struct vpci_relations {
    uint32_t type, count;
};
ABI_SIZE(struct vpci_relations, 8);
ABI_OFFSET(struct vpci_relations, type, 0);
ABI_OFFSET(struct vpci_relations, count, 4);

struct vpci_d0_entry {
    uint32_t type, reserved;
    uint64_t window; /* GPA, VPCI_WINDOW_SIZE bytes */
};
ABI_SIZE(struct vpci_d0_entry, 16);
ABI_OFFSET(struct vpci_d0_entry, type, 0);
ABI_OFFSET(struct vpci_d0_entry, reserved, 4);
ABI_OFFSET(struct vpci_d0_entry, window, 8);

/* A 4-byte write of a slot word at the start selects the function whose configuration space the
 * second page shows. */
#define VPCI_WINDOW_SIZE   0x2000u
#define VPCI_WINDOW_CONFIG 0x1000u

#define VPCI_BARS 6u

struct vpci_requirements_reply {
    uint32_t status;
    uint32_t mask[VPCI_BARS]; /* a BAR after all ones were written, its type included */
};
ABI_SIZE(struct vpci_requirements_reply, 28);
ABI_OFFSET(struct vpci_requirements_reply, status, 0);
ABI_OFFSET(struct vpci_requirements_reply, mask, 4);

struct vpci_resource {
    uint8_t type, share;
    uint16_t flags;
    uint64_t start;
    uint32_t length; /* of LARGE_MEMORY: shifted right by what the flags say */
    uint32_t reserved;
} __attribute__((packed));
ABI_SIZE(struct vpci_resource, 20);
ABI_OFFSET(struct vpci_resource, type, 0);
ABI_OFFSET(struct vpci_resource, share, 1);
ABI_OFFSET(struct vpci_resource, flags, 2);
ABI_OFFSET(struct vpci_resource, start, 4);
ABI_OFFSET(struct vpci_resource, length, 12);
ABI_OFFSET(struct vpci_resource, reserved, 16);

#define VPCI_RESOURCE_NULL         0u
#define VPCI_RESOURCE_MEMORY       3u
#define VPCI_RESOURCE_LARGE_MEMORY 7u
#define VPCI_RESOURCE_LENGTH_40    0x0200u /* << 8 */
#define VPCI_RESOURCE_LENGTH_48    0x0400u /* << 16 */
#define VPCI_RESOURCE_LENGTH_64    0x0800u /* << 32 */

/* By how much the length of LARGE_MEMORY was shifted: 8, 16 or 32, when one of these flags is set.
 */
static inline unsigned vpci_resource_length_shift(uint16_t flags)
{
    return flags >> 6 & (8u | 16u | 32u);
}

/* RESOURCES_ASSIGNED in its three forms, which differ in the size of the `interrupts` entries that
 * follow. A 64-bit BAR is described at its lower index. */
struct vpci_resources_assigned {
    uint32_t type, slot;
    struct vpci_resource bar[VPCI_BARS];
    uint32_t interrupts;
    uint32_t reserved;
};
ABI_SIZE(struct vpci_resources_assigned, 136);
ABI_OFFSET(struct vpci_resources_assigned, type, 0);
ABI_OFFSET(struct vpci_resources_assigned, slot, 4);
ABI_OFFSET(struct vpci_resources_assigned, bar, 8);
ABI_OFFSET(struct vpci_resources_assigned, interrupts, 128);
ABI_OFFSET(struct vpci_resources_assigned, reserved, 132);

#define VPCI_INTERRUPT_RESOURCE_SIZE   16u
#define VPCI_INTERRUPT_RESOURCE_SIZE_2 72u
#define VPCI_INTERRUPT_RESOURCE_SIZE_3 80u

/* The reply repeats the request from the slot on. */
struct vpci_resources_reply {
    uint32_t status, slot;
    struct vpci_resource bar[VPCI_BARS];
    uint32_t interrupts;
    uint32_t reserved;
};
ABI_SIZE(struct vpci_resources_reply, 136);
ABI_OFFSET(struct vpci_resources_reply, status, 0);
ABI_OFFSET(struct vpci_resources_reply, slot, 4);
ABI_OFFSET(struct vpci_resources_reply, bar, 8);
ABI_OFFSET(struct vpci_resources_reply, interrupts, 128);
ABI_OFFSET(struct vpci_resources_reply, reserved, 132);

struct vpci_power_state_change {
    uint32_t type, slot;
    uint32_t state; /* VPCI_POWER_* */
};
ABI_SIZE(struct vpci_power_state_change, 12);
ABI_OFFSET(struct vpci_power_state_change, type, 0);
ABI_OFFSET(struct vpci_power_state_change, slot, 4);
ABI_OFFSET(struct vpci_power_state_change, state, 8);

#define VPCI_POWER_D0 1u
#define VPCI_POWER_D3 4u

/* Interrupts: the guest names vectors and processors, the host returns the message that the device
 * is to send. */
#define VPCI_INTERRUPTS_PER_REQUEST 32u
#define VPCI_INTERRUPT_VPS          32u

struct vpci_create_interrupt {
    uint32_t type, slot;
    uint8_t vector, delivery_mode;
    uint16_t count; /* of neighboring vectors */
    uint32_t reserved;
    uint64_t vp_mask;
};
ABI_SIZE(struct vpci_create_interrupt, 24);
ABI_OFFSET(struct vpci_create_interrupt, type, 0);
ABI_OFFSET(struct vpci_create_interrupt, slot, 4);
ABI_OFFSET(struct vpci_create_interrupt, vector, 8);
ABI_OFFSET(struct vpci_create_interrupt, delivery_mode, 9);
ABI_OFFSET(struct vpci_create_interrupt, count, 10);
ABI_OFFSET(struct vpci_create_interrupt, reserved, 12);
ABI_OFFSET(struct vpci_create_interrupt, vp_mask, 16);

/* A sender may leave out the padding at the end. */
struct vpci_create_interrupt_2 {
    uint32_t type, slot;
    uint8_t vector, delivery_mode;
    uint16_t count;
    uint16_t vp_count;
    uint16_t vp[VPCI_INTERRUPT_VPS];
    uint16_t padding;
};
ABI_SIZE(struct vpci_create_interrupt_2, 80);
ABI_OFFSET(struct vpci_create_interrupt_2, type, 0);
ABI_OFFSET(struct vpci_create_interrupt_2, slot, 4);
ABI_OFFSET(struct vpci_create_interrupt_2, vector, 8);
ABI_OFFSET(struct vpci_create_interrupt_2, delivery_mode, 9);
ABI_OFFSET(struct vpci_create_interrupt_2, count, 10);
ABI_OFFSET(struct vpci_create_interrupt_2, vp_count, 12);
ABI_OFFSET(struct vpci_create_interrupt_2, vp, 14);
ABI_OFFSET(struct vpci_create_interrupt_2, padding, 78);

struct vpci_create_interrupt_3 {
    uint32_t type, slot;
    uint32_t vector;
    uint8_t delivery_mode, reserved;
    uint16_t count;
    uint16_t vp_count;
    uint16_t vp[VPCI_INTERRUPT_VPS];
    uint16_t padding;
};
ABI_SIZE(struct vpci_create_interrupt_3, 84);
ABI_OFFSET(struct vpci_create_interrupt_3, type, 0);
ABI_OFFSET(struct vpci_create_interrupt_3, slot, 4);
ABI_OFFSET(struct vpci_create_interrupt_3, vector, 8);
ABI_OFFSET(struct vpci_create_interrupt_3, delivery_mode, 12);
ABI_OFFSET(struct vpci_create_interrupt_3, reserved, 13);
ABI_OFFSET(struct vpci_create_interrupt_3, count, 14);
ABI_OFFSET(struct vpci_create_interrupt_3, vp_count, 16);
ABI_OFFSET(struct vpci_create_interrupt_3, vp, 18);
ABI_OFFSET(struct vpci_create_interrupt_3, padding, 82);

struct vpci_interrupt {
    uint16_t reserved, count;
    uint32_t data;
    uint64_t address;
};
ABI_SIZE(struct vpci_interrupt, 16);
ABI_OFFSET(struct vpci_interrupt, reserved, 0);
ABI_OFFSET(struct vpci_interrupt, count, 2);
ABI_OFFSET(struct vpci_interrupt, data, 4);
ABI_OFFSET(struct vpci_interrupt, address, 8);

struct vpci_create_interrupt_reply {
    uint32_t status, reserved;
    struct vpci_interrupt interrupt;
};
ABI_SIZE(struct vpci_create_interrupt_reply, 24);
ABI_OFFSET(struct vpci_create_interrupt_reply, status, 0);
ABI_OFFSET(struct vpci_create_interrupt_reply, reserved, 4);
ABI_OFFSET(struct vpci_create_interrupt_reply, interrupt, 8);

/* DELETE_INTERRUPT in both forms. */
struct vpci_delete_interrupt {
    uint32_t type, slot;
    struct vpci_interrupt interrupt;
};
ABI_SIZE(struct vpci_delete_interrupt, 24);
ABI_OFFSET(struct vpci_delete_interrupt, type, 0);
ABI_OFFSET(struct vpci_delete_interrupt, slot, 4);
ABI_OFFSET(struct vpci_delete_interrupt, interrupt, 8);

#endif
