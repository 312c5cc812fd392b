/* SPDX-License-Identifier: MIT */
/* Buses that are taken away from their guest, and what is left of their functions. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/vdev/config_space.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci_rules.h"

#define POWERS_MAX    64u
#define FUNCTION_BITS 7u
#define BUS_BIT       0x10u /* of a requester id: the second device after it */

static struct vpci_rules right_rules;
static call_handler *right_attach;

static void stay(uint64_t device_id)
{
    (void)device_id;
}

/* The tables of the domain stay in force. */
static void leave_without_switch(uint64_t device_id)
{
    struct device *device = device_find(device_id);

    if (device)
        device_move(device, NULL);
}

/* All devices of the domain leave it with the function. */
static void leave_with_others(uint64_t device_id)
{
    struct device *device = device_find(device_id);
    struct domain *domain = device ? device->domain : NULL;

    right_rules.leave_domain(device_id);
    while (domain && domain->devices)
        right_rules.leave_domain(domain->devices->id);
}

static void keep_power(struct vpci_function *function)
{
    (void)function;
}

static struct {
    uint64_t device_id;
    unsigned offs; /* how often it was switched off in a row while it was off */
} powers[POWERS_MAX];

/* Entry 0 is for all that find no room. */
static unsigned power_of(uint64_t device_id)
{
    for (unsigned i = 1; i < POWERS_MAX; i++) {
        if (powers[i].device_id == device_id || powers[i].device_id == 0) {
            powers[i].device_id = device_id;
            return i;
        }
    }
    return 0;
}

static void note_power_off(struct vpci_function *function)
{
    bool on = (function->ops->read(function, CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0;
    unsigned i = power_of(function->device_id);

    powers[i].offs = on ? 0 : powers[i].offs + 1;
    right_rules.power_off(function);
}

/* A bus that goes while it is in use is switched off twice: with its channel, and by itself. */
static void leave_if_used(uint64_t device_id)
{
    if (powers[power_of(device_id)].offs < 2)
        right_rules.leave_domain(device_id);
}

static void take_along(const struct device *device, bool same_bus)
{
    for (unsigned i = 0; i < domain_table.devices; i++) {
        struct device *other = &domain_table.device[i];
        unsigned difference = other->bdf ^ device->bdf;

        if (same_bus ? difference != 0 && difference <= FUNCTION_BITS : difference == BUS_BIT)
            device_switch(other, &device->translation);
    }
}

static enum hv_status attach(struct call_context *context)
{
    struct hv_input_attach_device_domain *input = call_input(context);
    struct device *device;
    enum hv_status status;

    if (defect_active(DEFECT_BUS_ID_HALF) && !device_find(input->device_id))
        input->device_id = (uint32_t)input->device_id;
    device = device_find(input->device_id);
    status = right_attach(context);
    if (status == HV_STATUS_SUCCESS && device && defect_active(DEFECT_BUS_TAKEN_FOR_DEVICE))
        take_along(device, true);
    if (status == HV_STATUS_SUCCESS && device && defect_active(DEFECT_BUS_BIT_IGNORED))
        take_along(device, false);
    return status;
}

void defects_install_buses(void)
{
    right_rules = vpci_rules;
    if (defect_active(DEFECT_BUS_RESCIND_KEEPS_DOMAIN))
        vpci_rules.leave_domain = stay;
    if (defect_active(DEFECT_BUS_RESCIND_KEEPS_TABLES))
        vpci_rules.leave_domain = leave_without_switch;
    if (defect_active(DEFECT_BUS_RESCIND_TAKES_OTHERS))
        vpci_rules.leave_domain = leave_with_others;
    if (defect_active(DEFECT_BUS_POWER_KEEPS_DMA))
        vpci_rules.power_off = keep_power;
    if (defect_active(DEFECT_BUS_OFF_KEEPS_DOMAIN)) {
        vpci_rules.power_off = note_power_off;
        vpci_rules.leave_domain = leave_if_used;
    }
    if (ANY(DEFECT_BUS_TAKEN_FOR_DEVICE, DEFECT_BUS_BIT_IGNORED, DEFECT_BUS_ID_HALF))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
}
