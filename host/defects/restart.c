/* SPDX-License-Identifier: MIT */
/* A guest that switches the interface off and on again with live domains (CON-4): what it leaves
 * must not open up. */
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

static struct synthetic_msr right_msr;
static call_handler *right_create, *right_attach, *right_flush;
static unsigned restarts;
static bool restarted;            /* and no domain made since */
static unsigned forgotten_attach; /* restart after which an ATTACH was lost */

static void open_devices(bool (*chosen)(const struct device *device))
{
    for (unsigned i = 0; i < domain_table.devices; i++)
        if (chosen(&domain_table.device[i]))
            device_switch(&domain_table.device[i], &domain_table.default_translation);
}

static bool is_blocked(const struct device *device)
{
    return device->domain && device->translation.kind == TRANSLATION_BLOCKED;
}

static bool is_detached(const struct device *device)
{
    return !device->domain && device->translation.kind == TRANSLATION_BLOCKED;
}

static bool is_paging(const struct device *device)
{
    return device->domain && device->translation.kind == TRANSLATION_PAGING;
}

static bool write_msr(struct cpu *cpu, uint32_t number, uint64_t value)
{
    bool done = right_msr.write(cpu, number, value);

    if (number == HV_MSR_GUEST_OS_ID && value == 0) {
        restarts++;
        restarted = true;
        if (defect_active(DEFECT_RESTART_BLOCKED_OPENS))
            open_devices(is_blocked);
        if (defect_active(DEFECT_RESTART_DETACHED_OPENS))
            open_devices(is_detached);
    }
    if (number == HV_MSR_HYPERCALL && (value & HV_HYPERCALL_MSR_ENABLE) == 0 &&
        defect_active(DEFECT_PAGE_OFF_OPENS))
        open_devices(is_paging);
    return done;
}

/* The id is given again, and what it was stays in force. */
static enum hv_status create(struct call_context *context)
{
    const struct domain *domain = call_domain(context);

    restarted = false;
    if (defect_active(DEFECT_RESTART_CREATE_ADOPTS) && restarts > 0 && domain && domain->devices)
        return HV_STATUS_SUCCESS;
    return right_create(context);
}

static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    struct translation old = device ? device->translation : translation_blocked();
    enum hv_status status = right_attach(context);

    if (status == HV_STATUS_SUCCESS && forgotten_attach != restarts) {
        forgotten_attach = restarts;
        device_switch(device, &old);
    }
    return status;
}

static enum hv_status flush(struct call_context *context)
{
    return restarted && call_domain(context) ? HV_STATUS_SUCCESS : right_flush(context);
}

void defects_install_restart(void)
{
    if (!ANY(DEFECT_RESTART_BLOCKED_OPENS, DEFECT_RESTART_DETACHED_OPENS, DEFECT_PAGE_OFF_OPENS,
             DEFECT_RESTART_CREATE_ADOPTS, DEFECT_RESTART_ATTACH_HOLLOW,
             DEFECT_RESTART_FLUSH_HOLLOW))
        return;
    right_msr = synthetic_msr;
    synthetic_msr.write = write_msr;
    if (ANY(DEFECT_RESTART_CREATE_ADOPTS, DEFECT_RESTART_FLUSH_HOLLOW))
        right_create = call_in_front(HVCALL_CREATE_DEVICE_DOMAIN, create);
    if (defect_active(DEFECT_RESTART_ATTACH_HOLLOW))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    if (defect_active(DEFECT_RESTART_FLUSH_HOLLOW))
        right_flush = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN, flush);
}
