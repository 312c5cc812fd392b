/* SPDX-License-Identifier: MIT */
/* Other legal hosts on vPCI buses: in which state a function shows itself, and what it takes. */
#include <stddef.h>

#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/config_space.h"
#include "host/vmbus/channels.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"
#include "lib/bits.h"
#include "lib/string.h"

#define BAR_END (CONFIG_BAR0 + 4 * VPCI_BARS)

static void (*usual_received)(void *owner, const struct ring_packet *packet);
static void (*usual_closed)(void *owner);
static uint32_t (*usual_read)(struct vpci_function *function, unsigned offset, unsigned size);
static bool handling; /* a request; otherwise the guest uses its window */

/* Of a function that a request has named. */
static struct state {
    const struct vpci_function *function;
    const struct vpci_function_ops *usual;
    struct vpci_function_ops ops;
    bool assigned;             /* it has resources */
    bool bar_known[VPCI_BARS]; /* it was written */
} states[VMBUS_CHANNELS_MAX * 8];

static struct state *state_of(const struct vpci_function *function)
{
    unsigned n = 0;

    while (states[n].function && states[n].function != function && n + 1 < ARRAY_SIZE(states))
        n++;
    states[n].function = function;
    return &states[n];
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    struct state *s = state_of(function);

    if (!handling && !s->assigned && variant_active(VARIANT_VPCI_SHOWN_WHEN_ASSIGNED))
        return;
    if (offset >= CONFIG_BAR0 && offset < BAR_END)
        s->bar_known[(offset - CONFIG_BAR0) / 4] = true;
    s->usual->write(function, offset, size, value);
}

static void reset(struct vpci_function *function)
{
    state_of(function)->usual->reset(function);
    state_of(function)->assigned = false;
}

static void watch(struct vpci_function *function)
{
    struct state *s = state_of(function);

    if (s->usual)
        return;
    s->usual = function->ops;
    s->ops = *function->ops;
    s->ops.write = write;
    s->ops.reset = reset;
    function->ops = &s->ops;
}

static uint32_t read(struct vpci_function *function, unsigned offset, unsigned size)
{
    const struct state *s = state_of(function);
    uint32_t value;

    watch(function);
    value = usual_read(function, offset, size);
    if (!s->assigned && variant_active(VARIANT_VPCI_SHOWN_WHEN_ASSIGNED))
        return UINT32_MAX;
    if (offset >= CONFIG_BAR0 && offset < BAR_END && offset % 4 == 0 &&
        !s->bar_known[(offset - CONFIG_BAR0) / 4] && variant_active(VARIANT_VPCI_BAR_TYPES_LATE))
        value &= ~BAR_FLAGS;
    return value;
}

static bool is_refused(uint32_t type, uint32_t power, const struct vpci_function *function)
{
    if (type == VPCI_RESOURCES_RELEASED && function && !state_of(function)->assigned)
        return variant_active(VARIANT_VPCI_RELEASED_ONCE);
    return type == VPCI_POWER_STATE_CHANGE && power == VPCI_POWER_D3 &&
           variant_active(VARIANT_VPCI_NO_D3);
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_bus *bus = owner;
    const struct vpci_status_reply refusal = {.status = NT_STATUS_NOT_SUPPORTED};
    struct vpci_power_state_change r = {0};
    struct vpci_function *function;

    memcpy(&r, packet->payload, packet->size < sizeof(r) ? packet->size : sizeof(r));
    function = bus->version != 0 ? vpci_bus_function(bus, r.slot) : NULL;
    if (is_refused(r.type, r.state, function)) {
        if (packet->completion_requested)
            vmbus_send(bus->channel, VMBUS_PACKET_COMPLETION, packet->transaction, &refusal,
                       sizeof(refusal));
        return;
    }
    for (unsigned i = 0; i < bus->functions; i++)
        watch(&bus->function[i]);
    handling = true;
    if (function && (r.type == VPCI_RESOURCES_ASSIGNED || r.type == VPCI_RESOURCES_ASSIGNED_2 ||
                     r.type == VPCI_RESOURCES_ASSIGNED_3))
        state_of(function)->assigned = true;
    usual_received(owner, packet);
    handling = false;
}

static void closed(void *owner)
{
    const struct vpci_bus *bus = owner;

    handling = true;
    usual_closed(owner);
    handling = false;
    for (unsigned i = 0; i < bus->functions; i++)
        memset(state_of(&bus->function[i])->bar_known, 0, sizeof(states[0].bar_known));
}

void variants_install_function_states(void)
{
    if (!variant_active(VARIANT_VPCI_SHOWN_WHEN_ASSIGNED) &&
        !variant_active(VARIANT_VPCI_BAR_TYPES_LATE) &&
        !variant_active(VARIANT_VPCI_RELEASED_ONCE) && !variant_active(VARIANT_VPCI_NO_D3))
        return;
    usual_received = vpci_service.received;
    usual_closed = vpci_service.closed;
    usual_read = vpci_rules.config_read;
    vpci_service.received = received;
    vpci_service.closed = closed;
    vpci_rules.config_read = read;
}
