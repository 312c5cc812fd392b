/* SPDX-License-Identifier: MIT */
/* The three calls of docs/oracle.md. */
#include "abi/oracle.h"
#include "host/base/counters.h"
#include "host/defects/defects.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/state.h"
#include "host/platform/pci_functions.h"
#include "host/variants/variants.h"
#include "lib/fmt.h"

enum hv_status call_oracle_fault(struct call_context *context)
{
    const struct oracle_fault_input *query = call_input(context);
    struct oracle_fault *fault = call_output(context);

    if ((query->flags & ORACLE_FAULT_FLAGS_RESERVED) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (query->device_id != ORACLE_FAULT_ANY_DEVICE && !pci_function_find(query->device_id))
        return HV_STATUS_INVALID_DEVICE_ID;
    hypercalls_backend()->take_fault(query->device_id, (query->flags & ORACLE_FAULT_CLEAR) != 0,
                                     fault);
    return HV_STATUS_SUCCESS;
}

enum hv_status call_oracle_counters(struct call_context *context)
{
    const struct oracle_counters_input *query = call_input(context);

    if (query->flags != 0)
        return HV_STATUS_INVALID_PARAMETER;
    cpu_counters_sum(call_output(context));
    return HV_STATUS_SUCCESS;
}

enum hv_status call_oracle_info(struct call_context *context)
{
    struct oracle_info *info = call_output(context);

    fmt_snprintf(info->backend, sizeof(info->backend), "%s", hypercalls_backend()->name);
    fmt_snprintf(info->host_version, sizeof(info->host_version), "%s", PVT_VERSION);
    defect_active_names(info->defect, sizeof(info->defect));
    variant_active_names(info->variant, sizeof(info->variant));
    return HV_STATUS_SUCCESS;
}
