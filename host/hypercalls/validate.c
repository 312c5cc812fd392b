/* SPDX-License-Identifier: MIT */
/* Form of a call (Reference 2.1 to 2.3), and the fields in front that several calls share
 * (Reference 3.2). */
#include "host/hypercalls/validate.h"

#include "abi/hypercall.h"
#include "host/base/memory.h"
#include "host/hypercalls/rules.h"
#include "lib/bits.h"
#include "lib/hot.h"

/* RDX and R8 carry 16 bytes of input and no output: DETACH is the one call of the pvIOMMU that
 * fits. */
HOT static bool fast_form_exists(const struct call *call, uint64_t control)
{
    uint32_t size = call->input_size + hv_control_rep_count(control) * call->element_size;
    uint32_t limit =
        call->device_domain ? call_rules.fast_input_max : call_rules.fast_input_max_other;

    return call->output_size == 0 && size <= limit;
}

HOT static bool reps_valid(const struct call *call, uint64_t control)
{
    if (call->class == CALL_SIMPLE)
        return (control & call_rules.control_reserved_simple) == 0;
    return hv_control_rep_start(control) < hv_control_rep_count(control);
}

HOT enum hv_status validate_control(const struct call *call, uint64_t control)
{
    uint64_t reserved = call_rules.control_reserved;

    if (call->variable_header)
        reserved &= ~HV_CONTROL_VAR_HEADER_MASK;
    if ((control & reserved) != 0 || !reps_valid(call, control))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if ((control & HV_CONTROL_FAST) != 0 && !fast_form_exists(call, control))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

HOT enum hv_status validate_list(const struct parameter_list *list, uint32_t alignment)
{
    if (list->size == 0)
        return HV_STATUS_SUCCESS;
    if (!is_aligned(list->gpa, alignment))
        return HV_STATUS_INVALID_ALIGNMENT;
    if (list->gpa % HV_PAGE_SIZE + list->size > call_rules.list.end)
        return call_rules.list.beyond;
    if (list->gpa >= guest_gpa_limit())
        return call_rules.list.outside;
    /* A real hypervisor would ask the parent partition to fill the hole; there is no parent. */
    if (!guest_is_ram(list->gpa, list->size))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

HOT enum hv_status validate_overlap(const struct parameter_list *input,
                                    const struct parameter_list *output)
{
    if (input->size == 0 || output->size == 0)
        return HV_STATUS_SUCCESS;
    if (input->gpa < output->gpa + output->size && output->gpa < input->gpa + input->size)
        return call_rules.list.overlap;
    return HV_STATUS_SUCCESS;
}

enum hv_status check_partition(uint64_t partition_id)
{
    uint64_t difference = partition_id ^ HV_PARTITION_ID_SELF;

    if ((difference & call_rules.partition_bits) == 0 ||
        partition_id == call_rules.partition_number)
        return HV_STATUS_SUCCESS;
    return HV_STATUS_INVALID_PARTITION_ID;
}

bool reserved_valid(uint64_t field, uint64_t reserved)
{
    return (field & reserved & call_rules.reserved_bits) == 0;
}

/* VTL 0 is the only one: either unnamed or named. */
static bool vtl_valid(uint8_t vtl)
{
    return (vtl & call_rules.vtl_bits) == 0 && reserved_valid(vtl, HV_INPUT_VTL_RESERVED);
}

/* A guest may name the reserved ids only where the host gives them a meaning. */
static bool id_valid(uint32_t id)
{
    bool reserved = id == HV_DEVICE_DOMAIN_ID_DEFAULT || id == HV_DEVICE_DOMAIN_ID_NULL;

    return !reserved || call_rules.reserved_ids;
}

enum hv_status check_device_domain(const struct hv_input_device_domain *name)
{
    enum hv_status status = check_partition(name->partition_id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!vtl_valid(name->owner_vtl.value) ||
        !reserved_valid(name->domain_id.type, HV_DEVICE_DOMAIN_TYPE_RESERVED))
        return HV_STATUS_INVALID_PARAMETER;
    status = call_rules.domain_type[name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK];
    if (status == HV_STATUS_SUCCESS && !id_valid(name->domain_id.id))
        return HV_STATUS_INVALID_PARAMETER;
    return status;
}
