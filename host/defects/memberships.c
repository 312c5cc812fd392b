/* SPDX-License-Identifier: MIT */
/* Devices and domains that a call concerns although it does not name them. */
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

static call_handler *right_attach, *right_delete, *right_flush;
static struct synthetic_msr right_msr;

/* All devices of the old domain go with one. */
static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    const struct device *device = device_find(input->device_id);
    struct domain *old = device ? device->domain : NULL, *domain = call_domain(context);
    enum hv_status status = right_attach(context);

    while (status == HV_STATUS_SUCCESS && old && old->devices) {
        device_switch(old->devices, &domain->translation);
        device_move(old->devices, domain);
    }
    return status;
}

static void let_go(struct domain *domain)
{
    while (domain->devices) {
        if (defect_active(DEFECT_DELETE_ATTACHED_IDENTITY))
            device_switch(domain->devices, &domain_table.default_translation);
        device_move(domain->devices, NULL);
    }
}

static enum hv_status delete (struct call_context *context) {
    const struct hv_input_delete_device_domain *input = call_input(context);
    struct domain *domain = call_domain(context);
    enum hv_status status;

    if (domain && ANY(DEFECT_DELETE_ATTACHED_LIVE, DEFECT_DELETE_ATTACHED_IDENTITY)) let_go(domain);
    status = right_delete(context);
    if (status == HV_STATUS_SUCCESS && defect_active(DEFECT_DELETE_BLOCKS_PREVIOUS))
        block_domain(input->device_domain.domain_id.id - 1);
    return status;
}

/* Deletes a domain that has nothing to flush. */
static enum hv_status flush(struct call_context *context)
{
    struct domain *domain = call_domain(context);
    enum hv_status status = right_flush(context);

    if (status == HV_STATUS_SUCCESS && !domain_has_entries(domain))
        domain_delete(domain);
    return status;
}

static bool write_msr(struct cpu *cpu, uint32_t number, uint64_t value)
{
    bool done = right_msr.write(cpu, number, value);

    for (unsigned i = 0; number == HV_MSR_GUEST_OS_ID && value == 0 && i < domain_table.devices;
         i++)
        device_switch(&domain_table.device[i], &domain_table.default_translation);
    return done;
}

void defects_install_memberships(void)
{
    if (defect_active(DEFECT_ATTACH_MOVES_ALL))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    if (ANY(DEFECT_DELETE_ATTACHED_LIVE, DEFECT_DELETE_ATTACHED_IDENTITY,
            DEFECT_DELETE_BLOCKS_PREVIOUS))
        right_delete = call_in_front(HVCALL_DELETE_DEVICE_DOMAIN, delete);
    if (defect_active(DEFECT_FLUSH_SPECIAL_DELETES))
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush);
    if (defect_active(DEFECT_RESTART_PASSES)) {
        right_msr = synthetic_msr;
        synthetic_msr.write = write_msr;
    }
}
