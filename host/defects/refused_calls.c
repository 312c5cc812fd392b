/* SPDX-License-Identifier: MIT */
/* A refused call has changed something that a later call of the same kind, or about the same
 * object, meets (GEN-10). */
#include "abi/hypercall.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"

static call_handler *right[CALL_COUNT];
static exit_handler *right_exit;

static struct {
    struct domain *half_configured; /* named by a refused CONFIGURE, and without settings */
    struct domain *deleting;        /* named by a refused DELETE, and with devices */
    struct domain *listed;          /* named by a refused FLUSH_LIST */
    struct device *leaving;         /* named by a refused DETACH */
    struct device *joining;         /* named by a refused ATTACH */
    uint16_t tag;                   /* of the domain of a refused ATTACH; 0: none */
    bool flush_refused;
    uint16_t code; /* of a call that was refused for its control word or its list; 0: none */
    uint64_t list; /* its address */
} left;

static struct domain *named_domain(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return call_names_domain(context->call) ? domain_find(name->domain_id.id) : NULL;
}

static struct device *named_device(struct call_context *context)
{
    const struct hv_input_attach_device_domain *attach = call_input(context);
    const struct hv_input_detach_device_domain *detach = call_input(context);

    return device_find(context->call->code == HVCALL_ATTACH_DEVICE_DOMAIN ? attach->device_id
                                                                          : detach->device_id);
}

static void refused(struct call_context *context, struct domain *domain)
{
    switch (context->call->code) {
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        if (domain && !domain->configured)
            left.half_configured = domain;
        break;
    case HVCALL_DELETE_DEVICE_DOMAIN:
        left.deleting = domain && domain->devices ? domain : NULL;
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN_LIST:
        left.listed = domain;
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN:
        left.flush_refused = true;
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        left.leaving = named_device(context);
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        left.joining = named_device(context);
        left.tag = domain ? domain->translation.did : 0;
        break;
    default:
        break;
    }
}

/* The devices stay as they are, in a domain that goes. */
static void forget_devices(struct domain *domain)
{
    while (domain->devices)
        device_move(domain->devices, NULL);
}

/* The call reports success and does nothing. */
static bool is_hollow(struct call_context *context, struct domain *domain)
{
    bool hollow = false;

    switch (context->call->code) {
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        hollow = defect_active(DEFECT_REFUSED_CONFIGURE_COUNTS) && domain &&
                 domain == left.half_configured;
        left.half_configured = hollow ? NULL : left.half_configured;
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN:
        hollow = defect_active(DEFECT_REFUSED_FLUSH_HOLLOW_NEXT) && left.flush_refused;
        left.flush_refused = false;
        break;
    case HVCALL_DETACH_DEVICE_DOMAIN:
        hollow = defect_active(DEFECT_REFUSED_ATTACH_DETACH_HOLLOW) && left.joining &&
                 left.joining == named_device(context);
        left.joining = NULL;
        break;
    case HVCALL_DELETE_DEVICE_DOMAIN:
        if (defect_active(DEFECT_REFUSED_DELETE_FORGETS_DEVICES) && domain &&
            domain == left.deleting)
            forget_devices(domain);
        left.deleting = NULL;
        break;
    default:
        break;
    }
    return hollow;
}

static void accepted(struct call_context *context, const struct domain *domain)
{
    struct translation blocked = translation_blocked();

    if (context->call->code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST && left.listed) {
        if (defect_active(DEFECT_REFUSED_LIST_NAMES_NEXT))
            context->domain = left.listed;
        left.listed = NULL;
    }
    if (context->call->code == HVCALL_DELETE_DEVICE_DOMAIN && domain == left.half_configured)
        left.half_configured = NULL;
    if (context->call->code != HVCALL_CREATE_DEVICE_DOMAIN)
        return;
    if (defect_active(DEFECT_REFUSED_DETACH_WAITS) && left.leaving)
        device_switch(left.leaving, &blocked);
    if (defect_active(DEFECT_REFUSED_ATTACH_FREES_TAG) && left.tag != 0)
        named_domain(context)->translation.did = left.tag;
    left.leaving = NULL;
    left.tag = 0;
}

static enum hv_status handler(struct call_context *context)
{
    struct domain *domain = named_domain(context);
    enum hv_status status;

    if ((call_header_valid(context) || !call_names_domain(context->call)) &&
        is_hollow(context, domain))
        return HV_STATUS_SUCCESS;
    status = right[context->call - calls](context);
    if (status == HV_STATUS_SUCCESS)
        accepted(context, domain);
    else
        refused(context, domain);
    return status;
}

/* The next call of that code finds the list of the one that was refused. */
static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint16_t code = hv_control_code(regs->rcx);
    uint64_t rdx = regs->rdx;
    bool fast = (regs->rcx & HV_CONTROL_FAST) != 0;

    if (!fast && left.code != 0 && left.code == code) {
        regs->rdx = left.list;
        left.code = 0;
    }
    right_exit(cpu, regs);
    regs->rdx = rdx;
    if (!fast && hv_result_status(cpu->guest->rax) == HV_STATUS_INVALID_HYPERCALL_INPUT &&
        call_entry(code)) {
        left.code = code;
        left.list = rdx & ~UINT64_C(7);
    }
}

void defects_install_refused_calls(void)
{
    if (ANY(DEFECT_REFUSED_CONFIGURE_COUNTS, DEFECT_REFUSED_DELETE_FORGETS_DEVICES,
            DEFECT_REFUSED_LIST_NAMES_NEXT, DEFECT_REFUSED_DETACH_WAITS,
            DEFECT_REFUSED_ATTACH_FREES_TAG, DEFECT_REFUSED_FLUSH_HOLLOW_NEXT,
            DEFECT_REFUSED_ATTACH_DETACH_HOLLOW))
        calls_in_front(handler, right);
    if (defect_active(DEFECT_REFUSED_FORM_STICKS)) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = hypercall;
    }
}
