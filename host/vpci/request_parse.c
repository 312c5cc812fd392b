/* SPDX-License-Identifier: MIT */
#include "host/vpci/request_parse.h"

#include "lib/string.h"

#define VPS_MAX 64u

static bool take(void *to, size_t needed, const void *payload, size_t size)
{
    if (size < needed)
        return false;
    memcpy(to, payload, needed);
    return true;
}

static bool slot(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_slot_message message;

    if (!take(&message, sizeof(message), payload, size))
        return false;
    request->slot = message.slot;
    return true;
}

static bool version(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_version_query query;

    if (!take(&query, sizeof(query), payload, size))
        return false;
    request->version = query.version;
    return true;
}

static bool d0_entry(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_d0_entry entry;

    if (!take(&entry, sizeof(entry), payload, size))
        return false;
    request->window = entry.window;
    return true;
}

static bool power(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_power_state_change change;

    if (!take(&change, sizeof(change), payload, size))
        return false;
    request->slot = change.slot;
    request->power_state = change.state;
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

/* A host may insist on room for one interrupt even where there is none, so this one does. `entry`
 * is the size of one.
 */
static bool resources(struct vpci_request *request, size_t entry, const void *payload, size_t size)
{
    struct vpci_resources_assigned assigned;

    if (!take(&assigned, sizeof(assigned), payload, size) || assigned.interrupts != 0 ||
        size < sizeof(assigned) + entry)
        return false;
    request->slot = assigned.slot;
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        request->resources.raw[i] = assigned.bar[i];
        if (!resource(&request->resources.bar[i], &assigned.bar[i]))
            return false;
    }
    return true;
}

static bool created(struct vpci_request *request, uint32_t vector, uint32_t count, uint64_t vps)
{
    request->create.vector = vector;
    request->create.count = count;
    request->create.vps = vps;
    return count != 0 && count <= VPCI_INTERRUPTS_PER_REQUEST;
}

static bool create_1(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_create_interrupt create;

    if (!take(&create, sizeof(create), payload, size))
        return false;
    request->slot = create.slot;
    return created(request, create.vector, create.count, create.vp_mask);
}

/* Fills *vps; VPs that this host cannot have are left out. */
static bool vp_list(const uint16_t *vp, uint32_t count, uint64_t *vps)
{
    *vps = 0;
    for (uint32_t i = 0; i < count && i < VPCI_INTERRUPT_VPS; i++)
        if (vp[i] < VPS_MAX)
            *vps |= UINT64_C(1) << vp[i];
    return count <= VPCI_INTERRUPT_VPS;
}

static bool create_2(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_create_interrupt_2 create = {0};
    uint64_t vps;

    if (!take(&create, offsetof(struct vpci_create_interrupt_2, padding), payload, size))
        return false;
    request->slot = create.slot;
    return vp_list(create.vp, create.vp_count, &vps) &&
           created(request, create.vector, create.count, vps);
}

static bool create_3(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_create_interrupt_3 create = {0};
    uint64_t vps;

    if (!take(&create, offsetof(struct vpci_create_interrupt_3, padding), payload, size))
        return false;
    request->slot = create.slot;
    return vp_list(create.vp, create.vp_count, &vps) &&
           created(request, create.vector, create.count, vps);
}

static bool deleted(struct vpci_request *request, const void *payload, size_t size)
{
    struct vpci_delete_interrupt message;

    if (!take(&message, sizeof(message), payload, size))
        return false;
    request->slot = message.slot;
    request->interrupt = message.interrupt;
    return true;
}

static enum vpci_parse outcome(bool parsed)
{
    return parsed ? VPCI_PARSED : VPCI_MALFORMED;
}

enum vpci_parse vpci_request_parse(const void *payload, size_t size, struct vpci_request *request)
{
    struct vpci_message message;

    memset(request, 0, sizeof(*request));
    if (!take(&message, sizeof(message), payload, size))
        return VPCI_MALFORMED;
    request->type = (enum vpci_message_type)message.type;
    switch (message.type) {
    case VPCI_QUERY_BUS_RELATIONS:
    case VPCI_BUS_D0_EXIT:
        return VPCI_PARSED;
    case VPCI_QUERY_RESOURCE_REQUIREMENTS:
    case VPCI_RESOURCES_RELEASED:
    case VPCI_EJECTION_COMPLETE:
        return outcome(slot(request, payload, size));
    case VPCI_QUERY_PROTOCOL_VERSION:
        return outcome(version(request, payload, size));
    case VPCI_BUS_D0_ENTRY:
        return outcome(d0_entry(request, payload, size));
    case VPCI_POWER_STATE_CHANGE:
        return outcome(power(request, payload, size));
    case VPCI_RESOURCES_ASSIGNED:
        return outcome(resources(request, VPCI_INTERRUPT_RESOURCE_SIZE, payload, size));
    case VPCI_RESOURCES_ASSIGNED_2:
        return outcome(resources(request, VPCI_INTERRUPT_RESOURCE_SIZE_2, payload, size));
    case VPCI_RESOURCES_ASSIGNED_3:
        return outcome(resources(request, VPCI_INTERRUPT_RESOURCE_SIZE_3, payload, size));
    case VPCI_CREATE_INTERRUPT:
        return outcome(create_1(request, payload, size));
    case VPCI_CREATE_INTERRUPT_2:
        return outcome(create_2(request, payload, size));
    case VPCI_CREATE_INTERRUPT_3:
        return outcome(create_3(request, payload, size));
    case VPCI_DELETE_INTERRUPT:
    case VPCI_DELETE_INTERRUPT_2:
        return outcome(deleted(request, payload, size));
    default:
        return VPCI_UNKNOWN;
    }
}
