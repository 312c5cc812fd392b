/* SPDX-License-Identifier: MIT */
/* Wrong answers: statuses, and the outputs of the calls that ask for something. */
#include "abi/device_id.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"
#include "abi/msr.h"
#include "host/cpu/exit.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/hypercalls/validate.h"
#include "lib/bits.h"

#define ODD_PAGE_SIZE   (UINT64_C(1) << 14)
#define PASID_BITS      20u
#define REMAINS         0x5AA5u
#define LIST_LONG       256u /* more elements than such a host expects */
#define DEVICES_WATCHED 32u

static call_handler *right_handler[CALL_COUNT];
static call_handler *right_capabilities, *right_property, *right_attach, *right_detach, *right_list;
static exit_handler *right_exit;
static struct synthetic_msr right_msr;

/* The answer that a call gives in place of the right one. */
static const struct answer {
    enum defect defect;
    uint16_t code;
    enum hv_status right, given;
} answers[] = {
    {DEFECT_CAP_REFUSED, HVCALL_GET_IOMMU_CAPABILITIES, HV_STATUS_SUCCESS,
     HV_STATUS_OPERATION_DENIED},
    {DEFECT_ATTACH_UNKNOWN_ACCEPTED, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_ID,
     HV_STATUS_SUCCESS},
    {DEFECT_ATTACH_SAME_REFUSED, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
     HV_STATUS_INVALID_PARAMETER},
    /* The only cause of this status are reserved bits and malformed names. */
    {DEFECT_ATTACH_RESERVED_HOLLOW, HVCALL_ATTACH_DEVICE_DOMAIN, HV_STATUS_INVALID_PARAMETER,
     HV_STATUS_SUCCESS},
    {DEFECT_DETACH_UNKNOWN_ACCEPTED, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_ID,
     HV_STATUS_SUCCESS},
    {DEFECT_FLUSH_UNKNOWN_ACCEPTED, HVCALL_FLUSH_DEVICE_DOMAIN, HV_STATUS_NOT_FOUND,
     HV_STATUS_SUCCESS},
};
#define ANSWERS ARRAY_SIZE(answers)

static enum hv_status answer(struct call_context *context)
{
    enum hv_status status = right_handler[context->call - calls](context);

    for (unsigned i = 0; i < ANSWERS; i++)
        if (defect_active(answers[i].defect) && answers[i].code == context->call->code &&
            answers[i].right == status)
            return answers[i].given;
    if (defect_active(DEFECT_FLUSH_RESERVED_HOLLOW) &&
        context->call->code == HVCALL_FLUSH_DEVICE_DOMAIN &&
        status == HV_STATUS_INVALID_PARAMETER && call_header_valid(context))
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_SECOND_REFUSED) && context->call->device_domain &&
        context->vp_index != 0)
        return HV_STATUS_ACCESS_DENIED;
    return status;
}

static void unknown_code(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t rip = cpu->guest->rip;

    right_exit(cpu, regs);
    if (cpu->guest->rip != rip &&
        hv_result_status(cpu->guest->rax) == HV_STATUS_INVALID_HYPERCALL_CODE)
        cpu->guest->rax = hv_result(HV_STATUS_INVALID_HYPERCALL_INPUT, 0);
}

static bool page_was_disabled;

static bool write_msr(struct cpu *cpu, uint32_t number, uint64_t value)
{
    if (number == HV_MSR_GUEST_OS_ID && value == 0)
        page_was_disabled = true;
    return right_msr.write(cpu, number, value);
}

static void falsify(struct hv_output_get_iommu_capabilities *caps)
{
    static unsigned asked;

    if (defect_active(DEFECT_CAP_NOT_PRESENT))
        caps->iommu_cap &= ~HV_IOMMU_CAP_PRESENT;
    if (defect_active(DEFECT_CAP_NO_S1))
        caps->iommu_cap &= ~HV_IOMMU_CAP_S1;
    if (defect_active(DEFECT_CAP_PASID_WIDTH_0))
        caps->iommu_cap |= HV_IOMMU_CAP_PASID;
    if (defect_active(DEFECT_PASID_TAKES_IOVA)) {
        caps->iommu_cap |= HV_IOMMU_CAP_PASID;
        caps->max_pasid_width = PASID_BITS;
    }
    if (defect_active(DEFECT_CAP_NO_4K))
        caps->pgsize_bitmap &= ~HV_IOMMU_PGSIZE_4K;
    if (defect_active(DEFECT_CAP_ODD_PAGE_SIZE))
        caps->pgsize_bitmap |= ODD_PAGE_SIZE;
    if (defect_active(DEFECT_CAP_WIDTH_64))
        caps->max_iova_width = 64;
    if (defect_active(DEFECT_CAP_CHANGES) && asked++ % 2 != 0)
        caps->max_iova_width--;
    if (page_was_disabled)
        caps->max_iova_width--;
    page_was_disabled = false;
    if (defect_active(DEFECT_OUTPUT_DIRTY))
        caps->reserved = REMAINS;
}

static enum hv_status capabilities(struct call_context *context)
{
    struct hv_input_get_iommu_capabilities *query = call_input(context);
    struct hv_output_get_iommu_capabilities *caps = call_output(context);
    bool narrower = defect_active(DEFECT_CAP_RESERVED_CHANGES) && query->reserved != 0;
    enum hv_status status;

    if (narrower)
        query->reserved = 0;
    status = right_capabilities(context);
    if (status != HV_STATUS_SUCCESS)
        return status;
    falsify(caps);
    caps->max_iova_width -= narrower;
    return HV_STATUS_SUCCESS;
}

/* The answer to a bad question is kept for the next one. */
static bool answer_sticks(const struct hv_input_get_logical_device_property *query)
{
    static bool sticks;
    bool stuck = sticks;

    sticks = (defect_active(DEFECT_PROPERTY_CODE_STICKS) &&
              query->code != HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU) ||
             (defect_active(DEFECT_PROPERTY_TYPE_STICKS) &&
              hv_device_id_logical(query->logical_device_id) != query->logical_device_id);
    return stuck;
}

static enum hv_status property(struct call_context *context)
{
    struct hv_output_get_logical_device_property *answered = call_output(context);
    bool stuck = answer_sticks(call_input(context));
    enum hv_status status = right_property(context);

    if (status == HV_STATUS_INVALID_DEVICE_ID && defect_active(DEFECT_PROPERTY_UNKNOWN_MANAGED)) {
        answered->device_iommu = HV_DEVICE_IOMMU_ENABLED;
        return HV_STATUS_SUCCESS;
    }
    if (status == HV_STATUS_SUCCESS && (stuck || defect_active(DEFECT_PROPERTY_CLEAR)))
        answered->device_iommu = 0;
    if (status == HV_STATUS_SUCCESS && defect_active(DEFECT_PROPERTY_DIRTY)) {
        answered->device_iommu |= HV_DEVICE_IOMMU_ENABLED << 1;
        answered->reserved = UINT64_MAX;
    }
    return status;
}

/* Devices that were detached once. */
static const struct device *detached[DEVICES_WATCHED];
static unsigned detached_count;

static enum hv_status detach(struct call_context *context)
{
    const struct hv_input_detach_device_domain *input = call_input(context);
    enum hv_status status = right_detach(context);

    if (status == HV_STATUS_SUCCESS && detached_count < DEVICES_WATCHED)
        detached[detached_count++] = device_find(input->device_id);
    return status;
}

static bool was_detached(const struct device *device)
{
    for (unsigned i = 0; i < detached_count; i++)
        if (detached[i] == device)
            return true;
    return false;
}

/* Refusals of an ATTACH that has to be carried out. */
static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    const struct device *device = device_find(input->device_id);
    const struct domain *domain = call_domain(context);

    if (!domain || !device || !domain->configured || device->domain == domain)
        return right_attach(context);
    if (defect_active(DEFECT_ATTACH_NEEDS_DETACH) && device->domain)
        return HV_STATUS_INVALID_DEVICE_STATE;
    if (defect_active(DEFECT_ATTACH_BLOCKING_FAILS) &&
        domain->translation.kind == TRANSLATION_BLOCKED)
        return HV_STATUS_OPERATION_FAILED;
    if (defect_active(DEFECT_DETACH_FINAL) && was_detached(device))
        return HV_STATUS_INVALID_DEVICE_STATE;
    return right_attach(context);
}

static enum hv_status list(struct call_context *context)
{
    enum hv_status status = right_list(context);

    if (status == HV_STATUS_SUCCESS && hv_control_rep_count(context->control) > LIST_LONG)
        return HV_STATUS_INSUFFICIENT_BUFFER;
    return status;
}

static void install_statuses(void)
{
    bool any = ANY(DEFECT_FLUSH_RESERVED_HOLLOW, DEFECT_SECOND_REFUSED);

    for (unsigned i = 0; i < ANSWERS; i++)
        any |= defect_active(answers[i].defect);
    if (any)
        calls_in_front(answer, right_handler);
    if (defect_active(DEFECT_UNKNOWN_CODE_STATUS)) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = unknown_code;
    }
    if (defect_active(DEFECT_LIST_LONG_REFUSED))
        right_list = call_in_front(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, list);
    if (ANY(DEFECT_ATTACH_NEEDS_DETACH, DEFECT_ATTACH_BLOCKING_FAILS, DEFECT_DETACH_FINAL)) {
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        right_detach = call_in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
    }
}

void defects_install_answers(void)
{
    install_statuses();
    if (ANY(DEFECT_CAP_NOT_PRESENT, DEFECT_CAP_NO_S1, DEFECT_CAP_PASID_WIDTH_0,
            DEFECT_PASID_TAKES_IOVA, DEFECT_CAP_NO_4K, DEFECT_CAP_ODD_PAGE_SIZE,
            DEFECT_CAP_WIDTH_64, DEFECT_CAP_CHANGES, DEFECT_CAP_CHANGES_WITH_PAGE,
            DEFECT_CAP_RESERVED_CHANGES, DEFECT_OUTPUT_DIRTY))
        right_capabilities = call_in_front(HVCALL_GET_IOMMU_CAPABILITIES, capabilities);
    if (defect_active(DEFECT_CAP_CHANGES_WITH_PAGE)) {
        right_msr = synthetic_msr;
        synthetic_msr.write = write_msr;
    }
    if (ANY(DEFECT_PROPERTY_CODE_STICKS, DEFECT_PROPERTY_TYPE_STICKS, DEFECT_PROPERTY_CLEAR,
            DEFECT_PROPERTY_DIRTY, DEFECT_PROPERTY_UNKNOWN_MANAGED))
        right_property = call_in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
}
