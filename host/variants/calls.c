/* SPDX-License-Identifier: MIT */
/* Other legal hosts in the form of calls, their statuses, and the answers to questions. */
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"
#include "abi/oracle.h"
#include "host/base/reference_time.h"
#include "host/domains/private.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/rules.h"
#include "host/hypercalls/validate.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "lib/bits.h"

#define LARGE_SIZE                                                                                 \
    64u /* of a later host's capabilities, of which a caller of today gets the beginning */
#define PASID_BITS 20u
#define ANY_CALL   0u

static call_handler *usual_handler[CALL_COUNT];
static call_handler *usual_capabilities, *usual_property, *usual_fault;

/* Statuses of refusals for which the ABI names none, or several; and of calls that need not be
 * refused. */
static const struct answer {
    enum variant variant;
    uint16_t code;
    enum hv_status usual, other;
} answers[] = {
    {VARIANT_FOREIGN_DENIED, ANY_CALL, HV_STATUS_INVALID_PARTITION_ID, HV_STATUS_ACCESS_DENIED},
    {VARIANT_UNKNOWN_DOMAIN_PARAMETER, ANY_CALL, HV_STATUS_NOT_FOUND, HV_STATUS_INVALID_PARAMETER},
    {VARIANT_UNKNOWN_DEVICE_NOT_FOUND, ANY_CALL, HV_STATUS_INVALID_DEVICE_ID, HV_STATUS_NOT_FOUND},
    {VARIANT_EXISTING_ID_PARAMETER, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_KEY_ALREADY_EXISTS,
     HV_STATUS_INVALID_PARAMETER},
    {VARIANT_FEW_DOMAINS, HVCALL_CREATE_DEVICE_DOMAIN, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS,
     HV_STATUS_INSUFFICIENT_MEMORY},
    {VARIANT_DELETE_ATTACHED_STATE, HVCALL_DELETE_DEVICE_DOMAIN, HV_STATUS_OBJECT_IN_USE,
     HV_STATUS_INVALID_DEVICE_STATE},
    {VARIANT_FIVE_LEVEL_PARAMETER, HVCALL_CONFIGURE_DEVICE_DOMAIN, HV_STATUS_FEATURE_UNAVAILABLE,
     HV_STATUS_INVALID_PARAMETER},
    {VARIANT_DETACH_AGAIN_SUCCESS, HVCALL_DETACH_DEVICE_DOMAIN, HV_STATUS_INVALID_DEVICE_STATE,
     HV_STATUS_SUCCESS},
    {VARIANT_PROPERTY_PARAMETER, HVCALL_GET_LOGICAL_DEVICE_PROPERTY, HV_STATUS_UNKNOWN_PROPERTY,
     HV_STATUS_INVALID_PARAMETER},
    {VARIANT_PROPERTY_PARAMETER, HVCALL_GET_LOGICAL_DEVICE_PROPERTY, HV_STATUS_INVALID_DEVICE_ID,
     HV_STATUS_INVALID_PARAMETER},
};
#define ANSWERS ARRAY_SIZE(answers)

/* Of all published statuses those that say no more than that a call was refused. */
static enum hv_status other_refusal(void)
{
    static const enum hv_status list[] = {HV_STATUS_ACCESS_DENIED,
                                          HV_STATUS_OPERATION_DENIED,
                                          HV_STATUS_INVALID_PARAMETER,
                                          HV_STATUS_OPERATION_FAILED,
                                          HV_STATUS_OBJECT_IN_USE,
                                          HV_STATUS_INVALID_DEVICE_STATE,
                                          HV_STATUS_NOT_FOUND,
                                          HV_STATUS_INVALID_ALIGNMENT,
                                          HV_STATUS_INVALID_PARTITION_STATE,
                                          HV_STATUS_FEATURE_UNAVAILABLE,
                                          HV_STATUS_INVALID_DEVICE_ID,
                                          HV_STATUS_KEY_ALREADY_EXISTS,
                                          HV_STATUS_INACTIVE,
                                          HV_STATUS_NO_DATA,
                                          HV_STATUS_UNKNOWN_PROPERTY};
    static unsigned next;

    return list[next++ % ARRAY_SIZE(list)];
}

static bool is_plain_refusal(enum hv_status status)
{
    return status != HV_STATUS_SUCCESS && status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN &&
           status != HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS &&
           status != HV_STATUS_INSUFFICIENT_MEMORY;
}

static enum hv_status answer(struct call_context *context)
{
    enum hv_status status = usual_handler[context->call - calls](context);

    for (unsigned i = 0; i < ANSWERS; i++)
        if (variant_active(answers[i].variant) && answers[i].usual == status &&
            (answers[i].code == ANY_CALL || answers[i].code == context->call->code))
            return answers[i].other;
    return variant_active(VARIANT_OTHER_STATUSES) && is_plain_refusal(status) ? other_refusal()
                                                                              : status;
}

static element_handler *usual_element;

static enum hv_status answer_element(struct call_context *context, uint64_t element)
{
    enum hv_status status = usual_element(context, element);

    return is_plain_refusal(status) ? other_refusal() : status;
}

#define SLOWER_TICKS 500u /* of 100 ns */

static call_handler *quick_handler[CALL_COUNT], *late_handler[CALL_COUNT];

static enum hv_status slower(struct call_context *context)
{
    const uint64_t start = reference_time();

    while (reference_time() - start < SLOWER_TICKS)
        __builtin_ia32_pause();
    return quick_handler[context->call - calls](context);
}

/* The other statuses are those of the checks that follow. */
static enum hv_status domain_first(struct call_context *context)
{
    const struct hv_input_device_domain *name = call_input(context);

    return domain_find(name->domain_id.id) ? late_handler[context->call - calls](context)
                                           : HV_STATUS_NOT_FOUND;
}

static bool uses_domain(uint16_t code)
{
    return code == HVCALL_ATTACH_DEVICE_DOMAIN || code == HVCALL_DELETE_DEVICE_DOMAIN ||
           code == HVCALL_CONFIGURE_DEVICE_DOMAIN || code == HVCALL_FLUSH_DEVICE_DOMAIN ||
           code == HVCALL_FLUSH_DEVICE_DOMAIN_LIST;
}

static void stand_in_front(unsigned i, call_handler *kept[CALL_COUNT], call_handler *handler)
{
    /* cppcheck-suppress AssignmentAddressToInteger ; both are pointers to functions */
    kept[i] = calls[i].handler;
    calls[i].handler = handler;
}

static void install_ways(void)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (variant_active(VARIANT_DOMAIN_FIRST) && uses_domain(calls[i].code))
            stand_in_front(i, late_handler, domain_first);
        if (variant_active(VARIANT_SLOWER_CALLS) && calls[i].device_domain)
            stand_in_front(i, quick_handler, slower);
    }
}

static void install_answers(void)
{
    struct call *list = call_entry(HVCALL_FLUSH_DEVICE_DOMAIN_LIST);
    bool any = variant_active(VARIANT_OTHER_STATUSES);

    if (any) {
        usual_element = list->element;
        list->element = answer_element;
    }
    for (unsigned i = 0; i < ANSWERS; i++)
        any |= variant_active(answers[i].variant);
    for (unsigned i = 0; any && i < CALL_COUNT; i++) {
        if (!calls[i].device_domain)
            continue;
        /* cppcheck-suppress AssignmentAddressToInteger ; both are pointers to functions */
        usual_handler[i] = calls[i].handler;
        calls[i].handler = answer;
    }
}

static enum hv_status capabilities(struct call_context *context)
{
    struct hv_output_get_iommu_capabilities *caps = call_output(context);
    enum hv_status status = usual_capabilities(context);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (variant_active(VARIANT_CAP_4K_ONLY) || variant_active(VARIANT_SIZES_REFUSED))
        caps->pgsize_bitmap = HV_IOMMU_PGSIZE_4K;
    if (variant_active(VARIANT_CAP_NO_2M))
        caps->pgsize_bitmap &= ~HV_IOMMU_PGSIZE_2M;
    if (variant_active(VARIANT_CAP_NO_1G))
        caps->pgsize_bitmap &= ~HV_IOMMU_PGSIZE_1G;
    if (variant_active(VARIANT_CAP_NO_ATS))
        caps->iommu_cap &= ~HV_IOMMU_CAP_ATS;
    if (variant_active(VARIANT_CAP_SIZE_0))
        caps->size = 0;
    if (variant_active(VARIANT_CAP_SIZE_LARGE))
        caps->size = LARGE_SIZE;
    if (variant_active(VARIANT_CAP_ALL_FEATURES)) {
        caps->iommu_cap |=
            HV_IOMMU_CAP_S2 | HV_IOMMU_CAP_PASID | HV_IOMMU_CAP_ATS | HV_IOMMU_CAP_PRI;
        caps->max_pasid_width = PASID_BITS;
    }
    return HV_STATUS_SUCCESS;
}

static enum hv_status property(struct call_context *context)
{
    const struct hv_output_get_logical_device_property *answered = call_output(context);
    enum hv_status status = usual_property(context);

    if (status == HV_STATUS_SUCCESS && answered->device_iommu == 0)
        return HV_STATUS_INVALID_DEVICE_STATE;
    return status;
}

static enum hv_status fault(struct call_context *context)
{
    struct oracle_fault *record = call_output(context);
    enum hv_status status = usual_fault(context);

    *record = (struct oracle_fault){0};
    return status;
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

static void install_questions(void)
{
    if (variant_active(VARIANT_CAP_4K_ONLY) || variant_active(VARIANT_SIZES_REFUSED) ||
        variant_active(VARIANT_CAP_NO_2M) || variant_active(VARIANT_CAP_NO_1G) ||
        variant_active(VARIANT_CAP_SIZE_0) || variant_active(VARIANT_CAP_SIZE_LARGE) ||
        variant_active(VARIANT_CAP_ALL_FEATURES) || variant_active(VARIANT_CAP_NO_ATS))
        usual_capabilities = in_front(HVCALL_GET_IOMMU_CAPABILITIES, capabilities);
    if (variant_active(VARIANT_PROPERTY_UNMANAGED_REFUSED))
        usual_property = in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
    if (variant_active(VARIANT_NO_FAULT_RECORDS))
        usual_fault = in_front(HVCALL_ORACLE_FAULT, fault);
}

#define IGNORED_BITS (~(HV_RESULT_STATUS_MASK | HV_RESULT_REPS_MASK))

/* Callers ignore them (reference 2.1). Others each time. */
static void fill_ignored_bits(const struct call_context *context,
                              const struct hypercall_frame *frame)
{
    static uint64_t bits;
    struct hypercall_frame *changed = (void *)(uintptr_t)frame;

    (void)context;
    bits += UINT64_C(0x9E3779B97F4A7C15);
    if (!frame->again)
        changed->rax |= bits & IGNORED_BITS;
}

static void install_offers(void)
{
    if (variant_active(VARIANT_OWN_PARTITION_ID)) {
        call_entry(HVCALL_GET_PARTITION_ID)->offered = true;
        call_rules.partition_number = OWN_PARTITION_ID;
    }
    if (variant_active(VARIANT_NO_ORACLE)) {
        call_entry(HVCALL_ORACLE_FAULT)->offered = false;
        call_entry(HVCALL_ORACLE_COUNTERS)->offered = false;
        call_entry(HVCALL_ORACLE_INFO)->offered = false;
    }
    for (unsigned i = 0; i < CALL_COUNT; i++)
        if (variant_active(VARIANT_NO_PVIOMMU) && calls[i].device_domain)
            calls[i].offered = false;
}

static void install_form(void)
{
    if (variant_active(VARIANT_RESULT_BITS))
        call_observer = fill_ignored_bits;
    if (variant_active(VARIANT_NESTED_IGNORED))
        call_rules.control_reserved &= ~HV_CONTROL_NESTED;
    if (variant_active(VARIANT_FAST_REFUSED))
        call_rules.fast_input_max = 0;
    if (variant_active(VARIANT_FAST_XMM))
        call_rules.fast_input_max = call_rules.fast_input_max_other = HV_FAST_XMM_INPUT_MAX;
    if (variant_active(VARIANT_LIST_ONE_BY_ONE))
        call_rules.rep_batch = 1;
    if (variant_active(VARIANT_LIST_AT_ONCE))
        call_rules.rep_batch = HV_REP_MAX;
    if (variant_active(VARIANT_PAGE_CROSSING_3))
        call_rules.list.beyond = HV_STATUS_INVALID_HYPERCALL_INPUT;
    if (variant_active(VARIANT_OUTSIDE_SPACE_3))
        call_rules.list.outside = HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* The input is read before the output is written, so nothing depends on them lying apart. */
    if (variant_active(VARIANT_OVERLAP_ACCEPTED))
        call_rules.list.overlap = HV_STATUS_SUCCESS;
    if (variant_active(VARIANT_RESERVED_IGNORED))
        call_rules.reserved_bits = 0;
    if (variant_active(VARIANT_OTHER_TYPE_PARAMETER))
        call_rules.domain_type[HV_DEVICE_DOMAIN_TYPE_S2] =
            call_rules.domain_type[HV_DEVICE_DOMAIN_TYPE_SOC] = HV_STATUS_INVALID_PARAMETER;
}

void variants_install_calls(void)
{
    install_form();
    install_offers();
    install_questions();
    install_answers();
    install_ways();
}
