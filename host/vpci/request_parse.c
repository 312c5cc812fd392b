/* SPDX-License-Identifier: MIT */
#include "host/vpci/request_parse.h"

#include "lib/bits.h"
#include "lib/string.h"

#define VPS_MAX 64u

/* Any request; what it lacks is zero. */
union message {
    struct vpci_message any;
    struct vpci_slot_message slot;
    struct vpci_version_query version;
    struct vpci_d0_entry d0_entry;
    struct vpci_power_state_change power;
    struct vpci_resources_assigned resources;
    struct vpci_create_interrupt create;
    struct vpci_create_interrupt_2 create_2;
    struct vpci_create_interrupt_3 create_3;
    struct vpci_delete_interrupt deleted;
};

static bool version(struct vpci_request *request, const union message *message)
{
    request->version = message->version.version;
    return true;
}

static bool d0_entry(struct vpci_request *request, const union message *message)
{
    request->window = message->d0_entry.window;
    return true;
}

static bool power(struct vpci_request *request, const union message *message)
{
    request->power_state = message->power.state;
    return true;
}

/* Bits that the length of a large resource was shifted right by. */
static bool length_shift(uint16_t flags, unsigned *shift)
{
    switch (flags & (VPCI_RESOURCE_LENGTH_40 | VPCI_RESOURCE_LENGTH_48 | VPCI_RESOURCE_LENGTH_64)) {
    case VPCI_RESOURCE_LENGTH_40:
        *shift = 8;
        return true;
    case VPCI_RESOURCE_LENGTH_48:
        *shift = 16;
        return true;
    case VPCI_RESOURCE_LENGTH_64:
        *shift = 32;
        return true;
    default:
        return false;
    }
}

static bool resource(struct vpci_assigned_bar *bar, const struct vpci_resource *raw)
{
    unsigned shift = 0;

    if (raw->type == VPCI_RESOURCE_NULL)
        return true;
    if (raw->type != VPCI_RESOURCE_MEMORY &&
        (raw->type != VPCI_RESOURCE_LARGE_MEMORY || !length_shift(raw->flags, &shift)))
        return false;
    bar->start = raw->start;
    bar->length = (uint64_t)raw->length << shift;
    return bar->length != 0;
}

static bool resources(struct vpci_request *request, const union message *message)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        request->resources.raw[i] = message->resources.bar[i];
        if (!resource(&request->resources.bar[i], &message->resources.bar[i]))
            return false;
    }
    return message->resources.interrupts == 0;
}

static bool create(struct vpci_request *request, uint32_t vector, uint32_t count, uint64_t vps)
{
    request->create.vector = vector;
    request->create.count = count;
    request->create.vps = vps;
    return count != 0 && count <= VPCI_INTERRUPTS_PER_REQUEST;
}

static bool create_1(struct vpci_request *request, const union message *message)
{
    const struct vpci_create_interrupt *from = &message->create;

    return create(request, from->vector, from->count, from->vp_mask);
}

/* The same with a list of VPs; those that this host cannot have are left out. */
static bool create_for_list(struct vpci_request *request, uint32_t vector, uint32_t count,
                            const uint16_t *vp, uint32_t vp_count)
{
    uint64_t vps = 0;

    for (uint32_t i = 0; i < vp_count && i < VPCI_INTERRUPT_VPS; i++)
        if (vp[i] < VPS_MAX)
            vps |= UINT64_C(1) << vp[i];
    return create(request, vector, count, vps) && vp_count <= VPCI_INTERRUPT_VPS;
}

static bool create_2(struct vpci_request *request, const union message *message)
{
    const struct vpci_create_interrupt_2 *from = &message->create_2;

    return create_for_list(request, from->vector, from->count, from->vp, from->vp_count);
}

static bool create_3(struct vpci_request *request, const union message *message)
{
    const struct vpci_create_interrupt_3 *from = &message->create_3;

    return create_for_list(request, from->vector, from->count, from->vp, from->vp_count);
}

static bool deleted(struct vpci_request *request, const union message *message)
{
    request->interrupt = message->deleted.interrupt;
    return true;
}

#define RESOURCES(entry) (sizeof(struct vpci_resources_assigned) + (entry))

static const struct form {
    enum vpci_message_type type;
    bool slot;   /* the second word names a function */
    size_t size; /* at least */
    bool (*take)(struct vpci_request *request, const union message *message); /* NULL: no more */
} forms[] = {
    {VPCI_QUERY_BUS_RELATIONS, false, sizeof(struct vpci_message), NULL},
    {VPCI_BUS_D0_EXIT, false, sizeof(struct vpci_message), NULL},
    {VPCI_QUERY_RESOURCE_REQUIREMENTS, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_RESOURCES_RELEASED, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_EJECTION_COMPLETE, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_QUERY_PROTOCOL_VERSION, false, sizeof(struct vpci_version_query), version},
    {VPCI_BUS_D0_ENTRY, false, sizeof(struct vpci_d0_entry), d0_entry},
    {VPCI_POWER_STATE_CHANGE, true, sizeof(struct vpci_power_state_change), power},
    /* A host may insist on room for one interrupt even where there is none, so this one does. */
    {VPCI_RESOURCES_ASSIGNED, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE), resources},
    {VPCI_RESOURCES_ASSIGNED_2, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE_2), resources},
    {VPCI_RESOURCES_ASSIGNED_3, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE_3), resources},
    {VPCI_CREATE_INTERRUPT, true, sizeof(struct vpci_create_interrupt), create_1},
    {VPCI_CREATE_INTERRUPT_2, true, offsetof(struct vpci_create_interrupt_2, padding), create_2},
    {VPCI_CREATE_INTERRUPT_3, true, offsetof(struct vpci_create_interrupt_3, padding), create_3},
    {VPCI_DELETE_INTERRUPT, true, sizeof(struct vpci_delete_interrupt), deleted},
    {VPCI_DELETE_INTERRUPT_2, true, sizeof(struct vpci_delete_interrupt), deleted},
};

enum vpci_parse vpci_request_parse(const void *payload, size_t size, struct vpci_request *request)
{
    union message message = {0};
    const struct form *form = forms, *const end = &forms[ARRAY_SIZE(forms)];

    memset(request, 0, sizeof(*request));
    if (size < sizeof(message.any))
        return VPCI_MALFORMED;
    memcpy(&message, payload, size < sizeof(message) ? size : sizeof(message));
    request->type = (enum vpci_message_type)message.any.type;
    while (form != end && form->type != request->type)
        form++;
    if (form == end)
        return VPCI_UNKNOWN;
    if (size < form->size)
        return VPCI_MALFORMED;
    request->names_function = form->slot;
    if (form->slot)
        request->slot = message.slot.slot;
    return !form->take || form->take(request, &message) ? VPCI_PARSED : VPCI_MALFORMED;
}
