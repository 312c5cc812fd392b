/* SPDX-License-Identifier: MIT */
/* Buses that are taken away from their guest, and what is left of their functions. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci_rules.h"

static struct vpci_rules right_rules;

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
}
