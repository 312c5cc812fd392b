/* SPDX-License-Identifier: MIT */
#include "abi/bus_control.h"
#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/host_integrity.h"
#include "abi/iommu_capabilities.h"
#include "abi/oracle.h"
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "host/hypercalls/call.h"
#include "host/vmbus/vmbus.h"
#include "lib/hot.h"

HOT_DATA struct call calls[CALL_COUNT] = {
    {.code = HVCALL_CREATE_DEVICE_DOMAIN,
     .offered = true,
     .name = "CREATE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_create_device_domain),
     .handler = call_create_domain},
    {.code = HVCALL_ATTACH_DEVICE_DOMAIN,
     .offered = true,
     .name = "ATTACH_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_attach_device_domain),
     .handler = call_attach_domain},
    {.code = HVCALL_DETACH_DEVICE_DOMAIN,
     .offered = true,
     .name = "DETACH_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_detach_device_domain),
     .handler = call_detach_domain},
    {.code = HVCALL_DELETE_DEVICE_DOMAIN,
     .offered = true,
     .name = "DELETE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_delete_device_domain),
     .handler = call_delete_domain},
    {.code = HVCALL_CONFIGURE_DEVICE_DOMAIN,
     .offered = true,
     .name = "CONFIGURE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_configure_device_domain),
     .handler = call_configure_domain},
    {.code = HVCALL_FLUSH_DEVICE_DOMAIN,
     .offered = true,
     .name = "FLUSH_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_flush_device_domain),
     .handler = call_flush_domain},
    {.code = HVCALL_FLUSH_DEVICE_DOMAIN_LIST,
     .offered = true,
     .name = "FLUSH_DEVICE_DOMAIN_LIST",
     .class = CALL_REP,
     .device_domain = true,
     .input_size = sizeof(struct hv_input_flush_device_domain_list),
     .element_size = sizeof(uint64_t),
     .handler = call_flush_list,
     .element = call_flush_list_element},
    {.code = HVCALL_GET_IOMMU_CAPABILITIES,
     .offered = true,
     .name = "GET_IOMMU_CAPABILITIES",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_get_iommu_capabilities),
     .output_size = sizeof(struct hv_output_get_iommu_capabilities),
     .handler = call_iommu_capabilities},
    {.code = HVCALL_GET_LOGICAL_DEVICE_PROPERTY,
     .offered = true,
     .name = "GET_LOGICAL_DEVICE_PROPERTY",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_get_logical_device_property),
     .output_size = sizeof(struct hv_output_get_logical_device_property),
     .handler = call_device_property},
    /* Not offered: it needs a privilege that CPUID does not report. */
    {.code = HVCALL_GET_PARTITION_ID,
     .name = "GET_PARTITION_ID",
     .output_size = sizeof(uint64_t),
     .handler = call_partition_id},
    {.code = HVCALL_POST_MESSAGE,
     .offered = true,
     .vmbus = true,
     .name = "POST_MESSAGE",
     .input_size = sizeof(struct hv_input_post_message),
     .handler = call_post_message},
    {.code = HVCALL_SIGNAL_EVENT,
     .offered = true,
     .vmbus = true,
     .name = "SIGNAL_EVENT",
     .input_size = sizeof(struct hv_input_signal_event),
     .handler = call_signal_event},
    {.code = HVCALL_RETARGET_DEVICE_INTERRUPT,
     .offered = true,
     .vmbus = true,
     .variable_header = true,
     .name = "RETARGET_DEVICE_INTERRUPT",
     .input_size = sizeof(struct hv_input_retarget_device_interrupt),
     .handler = call_retarget_interrupt},
    {.code = HVCALL_BUS_CONTROL,
     .offered = true,
     .vmbus = true,
     .name = "BUS_CONTROL",
     .input_size = sizeof(struct bus_control_input),
     .handler = call_bus_control},
    {.code = HVCALL_ORACLE_FAULT,
     .offered = true,
     .name = "ORACLE_FAULT",
     .input_size = sizeof(struct oracle_fault_input),
     .output_size = sizeof(struct oracle_fault),
     .handler = call_oracle_fault},
    {.code = HVCALL_ORACLE_COUNTERS,
     .offered = true,
     .name = "ORACLE_COUNTERS",
     .input_size = sizeof(struct oracle_counters_input),
     .output_size = sizeof(struct oracle_counters),
     .handler = call_oracle_counters},
    {.code = HVCALL_ORACLE_INFO,
     .offered = true,
     .name = "ORACLE_INFO",
     .output_size = sizeof(struct oracle_info),
     .handler = call_oracle_info},
    {.code = HVCALL_HOST_INTEGRITY,
     .offered = true,
     .name = "HOST_INTEGRITY",
     .input_size = sizeof(struct integrity_input),
     .output_size = sizeof(struct integrity_output),
     .handler = call_host_integrity},
};

struct call *call_entry(uint16_t code)
{
    for (struct call *call = calls; call < &calls[CALL_COUNT]; call++)
        if (call->code == code)
            return call;
    return NULL;
}

static bool is_offered(const struct call *call)
{
    return call->offered && (!call->vmbus || vmbus_present());
}

/* Every hypercall comes here: one function, not two. */
HOT __attribute__((flatten)) const struct call *call_find(uint16_t code)
{
    const struct call *call = call_entry(code);

    return call && is_offered(call) ? call : NULL;
}
