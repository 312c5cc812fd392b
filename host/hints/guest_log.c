/* SPDX-License-Identifier: MIT */
/* One line for each call of the pvIOMMU: its name, the fields that matter, its status. */
#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/oracle.h"
#include "host/base/log.h"
#include "host/hints/hints.h"
#include "host/hints/private.h"
#include "host/hypercalls/hypercalls.h"
#include "host/iommu/soft_backend.h"
#include "lib/bits.h"
#include "lib/fmt.h"

#define FIELDS_MAX 128u

static const char *status_name(enum hv_status status)
{
    switch (status) {
#define STATUS_NAME(name, value)                                                                   \
    case HV_STATUS_##name:                                                                         \
        return #name;
        HV_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "a status without a name";
}

static void describe(const struct call_context *context, char *to)
{
    const void *input = context->input.words;
    const struct hv_input_attach_device_domain *attach = input;
    const struct hv_input_configure_device_domain *configure = input;
    const struct hv_input_flush_device_domain_list *list = input;
    uint32_t id = attach->device_domain.domain_id.id, count;

    switch (context->call->code) {
    case HVCALL_GET_IOMMU_CAPABILITIES:
        to[0] = '\0';
        break;
    case HVCALL_GET_LOGICAL_DEVICE_PROPERTY:
    case HVCALL_DETACH_DEVICE_DOMAIN:
        fmt_snprintf(
            to, FIELDS_MAX, " device 0x%llx",
            (unsigned long long)((const struct hv_input_detach_device_domain *)input)->device_id);
        break;
    case HVCALL_ATTACH_DEVICE_DOMAIN:
        fmt_snprintf(to, FIELDS_MAX, " domain 0x%x device 0x%llx", id,
                     (unsigned long long)attach->device_id);
        break;
    case HVCALL_CONFIGURE_DEVICE_DOMAIN:
        fmt_snprintf(to, FIELDS_MAX, " domain 0x%x flags 0x%llx root 0x%llx", id,
                     (unsigned long long)configure->settings.flags,
                     (unsigned long long)configure->settings.page_table_root);
        break;
    case HVCALL_FLUSH_DEVICE_DOMAIN_LIST:
        count = hv_control_rep_count(context->control);
        fmt_snprintf(to, FIELDS_MAX, " domain 0x%x ranges %u first 0x%llx", id, count,
                     (unsigned long long)list->range[0]);
        break;
    default:
        fmt_snprintf(to, FIELDS_MAX, " domain 0x%x", id);
    }
}

/* A suite asks the oracle after each DMA that is to fail, and a driver never does. */
static bool of_oracle(const struct call *call)
{
    return call && (call->code == HVCALL_ORACLE_FAULT || call->code == HVCALL_ORACLE_COUNTERS);
}

static void observe(const struct call_context *context, const struct hypercall_frame *frame)
{
    enum hv_status status = hv_result_status(frame->rax);
    unsigned long long control = context->control;
    char fields[FIELDS_MAX] = "";

    if (frame->again)
        return;
    if (of_oracle(context->call) && status == HV_STATUS_SUCCESS)
        return;
    if (!context->call || !context->call->device_domain) {
        host_log(LOG_TRACE, "call %s control 0x%llx: %s\n",
                 context->call ? context->call->name : "of no known code", control,
                 status_name(status));
        return;
    }
    if (context->accepted)
        describe(context, fields);
    else
        fmt_snprintf(fields, sizeof(fields), " control 0x%llx", control);
    host_log(LOG_TRACE, "guest: %s%s: %s\n", context->call->name, fields, status_name(status));
    if (context->accepted)
        hints_after_call(context, status);
}

void hints_install(void)
{
    if (!log_takes(LOG_TRACE))
        return;
    call_observer = observe;
    soft_options.on_translation = hints_after_translation;
}
