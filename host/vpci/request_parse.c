/* SPDX-License-Identifier: MIT */
#include "host/vpci/request_parse.h"

#include "abi/vmbus.h"
#include "lib/bits.h"
#include "lib/string.h"

#define VPS_MAX 64u

static bool resource(struct vpci_assigned_bar *bar, const struct vpci_resource *raw)
{
    unsigned shift = vpci_resource_length_shift(raw->flags);

    if (raw->type == VPCI_RESOURCE_NULL)
        return true;
    if (raw->type == VPCI_RESOURCE_MEMORY)
        shift = 0;
    else if (raw->type != VPCI_RESOURCE_LARGE_MEMORY || !is_power_of_two(shift))
        return false;
    *bar = (struct vpci_assigned_bar){raw->start, (uint64_t)raw->length << shift};
    return bar->length != 0;
}

static bool resources(struct vpci_request *request)
{
    for (unsigned i = 0; i < VPCI_BARS; i++)
        if (!resource(&request->bar[i], &request->message.resources.bar[i]))
            return false;
    return request->message.resources.interrupts == 0;
}

/* For a mask or a list of VPs; those that this host cannot have are left out. */
static bool create(struct vpci_request *request, uint32_t vector, uint32_t count, uint64_t vps,
                   const uint16_t *vp, uint32_t vp_count)
{
    for (uint32_t i = 0; i < vp_count && i < VPCI_INTERRUPT_VPS; i++)
        if (vp[i] < VPS_MAX)
            vps |= BIT(vp[i]);
    request->create = (struct vpci_create){vector, count, vps};
    return count != 0 && count <= VPCI_INTERRUPTS_PER_REQUEST && vp_count <= VPCI_INTERRUPT_VPS;
}

static bool create_1(struct vpci_request *request)
{
    const struct vpci_create_interrupt *from = &request->message.create_1;

    return create(request, from->vector, from->count, from->vp_mask, NULL, 0);
}

static bool create_2(struct vpci_request *request)
{
    const struct vpci_create_interrupt_2 *from = &request->message.create_2;

    return create(request, from->vector, from->count, 0, from->vp, from->vp_count);
}

static bool create_3(struct vpci_request *request)
{
    const struct vpci_create_interrupt_3 *from = &request->message.create_3;

    return create(request, from->vector, from->count, 0, from->vp, from->vp_count);
}

#define RESOURCES(entry) (sizeof(struct vpci_resources_assigned) + (entry))

static const struct form {
    enum vpci_message_type type;
    bool names_function;
    size_t size; /* at least */
    bool (*parse)(struct vpci_request *request);
} forms[] = {
    {VPCI_QUERY_BUS_RELATIONS, false, sizeof(struct vpci_message), NULL},
    {VPCI_BUS_D0_EXIT, false, sizeof(struct vpci_message), NULL},
    {VPCI_QUERY_RESOURCE_REQUIREMENTS, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_RESOURCES_RELEASED, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_EJECTION_COMPLETE, true, sizeof(struct vpci_slot_message), NULL},
    {VPCI_QUERY_PROTOCOL_VERSION, false, sizeof(struct vpci_version_query), NULL},
    {VPCI_BUS_D0_ENTRY, false, sizeof(struct vpci_d0_entry), NULL},
    {VPCI_POWER_STATE_CHANGE, true, sizeof(struct vpci_power_state_change), NULL},
    /* A host may insist on room for one interrupt even where there is none, so this one does. */
    {VPCI_RESOURCES_ASSIGNED, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE), resources},
    {VPCI_RESOURCES_ASSIGNED_2, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE_2), resources},
    {VPCI_RESOURCES_ASSIGNED_3, true, RESOURCES(VPCI_INTERRUPT_RESOURCE_SIZE_3), resources},
    {VPCI_CREATE_INTERRUPT, true, sizeof(struct vpci_create_interrupt), create_1},
    {VPCI_CREATE_INTERRUPT_2, true, offsetof(struct vpci_create_interrupt_2, padding), create_2},
    {VPCI_CREATE_INTERRUPT_3, true, offsetof(struct vpci_create_interrupt_3, padding), create_3},
    {VPCI_DELETE_INTERRUPT, true, sizeof(struct vpci_delete_interrupt), NULL},
    {VPCI_DELETE_INTERRUPT_2, true, sizeof(struct vpci_delete_interrupt), NULL},
};

uint32_t vpci_request_parse(const void *payload, size_t size, struct vpci_request *request)
{
    const size_t most = sizeof(request->message);
    const struct form *form = forms, *const end = &forms[ARRAY_SIZE(forms)];

    memset(request, 0, sizeof(*request));
    if (size < sizeof(request->message.any))
        return NT_STATUS_BAD_DATA;
    memcpy(&request->message, payload, size < most ? size : most);
    request->type = (enum vpci_message_type)request->message.any.type;
    while (form != end && form->type != request->type)
        form++;
    if (form == end)
        return NT_STATUS_NOT_SUPPORTED;
    request->names_function = form->names_function;
    if (size < form->size || (form->parse && !form->parse(request)))
        return NT_STATUS_BAD_DATA;
    return NT_STATUS_SUCCESS;
}
