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

enum hv_status call_oracle_fault(const void *input, void *output)
{
    const struct oracle_fault_input *query = input;
    struct oracle_fault *fault = output;

    if ((query->flags & ORACLE_FAULT_FLAGS_RESERVED) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (query->device_id != ORACLE_FAULT_ANY_DEVICE && pci_function_find(query->device_id) == NULL)
        return HV_STATUS_INVALID_DEVICE_ID;
    hypercalls_backend()->take_fault(query->device_id, (query->flags & ORACLE_FAULT_CLEAR) != 0, fault);
    if (variant_active(VARIANT_NO_FAULT_RECORDS))
        *fault = (struct oracle_fault){0};
    return HV_STATUS_SUCCESS;
}

enum hv_status call_oracle_counters(const void *input, void *output)
{
    const struct oracle_counters_input *query = input;

    if (query->flags != 0)
        return HV_STATUS_INVALID_PARAMETER;
    cpu_counters_sum(output);
    return HV_STATUS_SUCCESS;
}

enum hv_status call_oracle_info(const void *input, void *output)
{
    struct oracle_info *info = output;

    (void)input;
    fmt_snprintf(info->backend, sizeof(info->backend), "%s", hypercalls_backend()->name);
    fmt_snprintf(info->host_version, sizeof(info->host_version), "%s", PVT_VERSION);
    defect_active_names(info->defect, sizeof(info->defect));
    variant_active_names(info->variant, sizeof(info->variant));
    return HV_STATUS_SUCCESS;
}
