/* SPDX-License-Identifier: MIT */
#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/iommu_capabilities.h"
#include "abi/oracle.h"
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "host/hypercalls/call.h"
#include "host/variants/variants.h"
#include "host/vmbus/vmbus.h"

/* The register form carries 16 bytes of input and no output: DETACH is the one call of the pvIOMMU that fits. */
static const struct call calls[] = {
    {.code = HVCALL_CREATE_DEVICE_DOMAIN,
     .name = "CREATE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_create_device_domain),
     .handler = call_create_domain},
    {.code = HVCALL_ATTACH_DEVICE_DOMAIN,
     .name = "ATTACH_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_attach_device_domain),
     .handler = call_attach_domain},
    {.code = HVCALL_DETACH_DEVICE_DOMAIN,
     .name = "DETACH_DEVICE_DOMAIN",
     .device_domain = true,
     .fast = true,
     .input_size = sizeof(struct hv_input_detach_device_domain),
     .handler = call_detach_domain},
    {.code = HVCALL_DELETE_DEVICE_DOMAIN,
     .name = "DELETE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_delete_device_domain),
     .handler = call_delete_domain},
    {.code = HVCALL_CONFIGURE_DEVICE_DOMAIN,
     .name = "CONFIGURE_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_configure_device_domain),
     .handler = call_configure_domain},
    {.code = HVCALL_FLUSH_DEVICE_DOMAIN,
     .name = "FLUSH_DEVICE_DOMAIN",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_flush_device_domain),
     .handler = call_flush_domain},
    {.code = HVCALL_FLUSH_DEVICE_DOMAIN_LIST,
     .name = "FLUSH_DEVICE_DOMAIN_LIST",
     .class = CALL_REP,
     .device_domain = true,
     .input_size = sizeof(struct hv_input_flush_device_domain_list),
     .element_size = sizeof(uint64_t),
     .handler = call_flush_list,
     .element = call_flush_list_element},
    {.code = HVCALL_GET_IOMMU_CAPABILITIES,
     .name = "GET_IOMMU_CAPABILITIES",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_get_iommu_capabilities),
     .output_size = sizeof(struct hv_output_get_iommu_capabilities),
     .handler = call_iommu_capabilities},
    {.code = HVCALL_GET_LOGICAL_DEVICE_PROPERTY,
     .name = "GET_LOGICAL_DEVICE_PROPERTY",
     .device_domain = true,
     .input_size = sizeof(struct hv_input_get_logical_device_property),
     .output_size = sizeof(struct hv_output_get_logical_device_property),
     .handler = call_device_property},
    {.code = HVCALL_GET_PARTITION_ID,
     .name = "GET_PARTITION_ID",
     .output_size = sizeof(uint64_t),
     .handler = call_partition_id},
    {.code = HVCALL_POST_MESSAGE,
     .name = "POST_MESSAGE",
     .input_size = sizeof(struct hv_input_post_message),
     .handler = call_post_message},
    {.code = HVCALL_SIGNAL_EVENT,
     .name = "SIGNAL_EVENT",
     .fast = true,
     .input_size = sizeof(struct hv_input_signal_event),
     .handler = call_signal_event},
    {.code = HVCALL_RETARGET_DEVICE_INTERRUPT,
     .name = "RETARGET_DEVICE_INTERRUPT",
     .variable_header = true,
     .input_size = sizeof(struct hv_input_retarget_device_interrupt),
     .handler = call_retarget_interrupt},
    {.code = HVCALL_ORACLE_FAULT,
     .name = "ORACLE_FAULT",
     .input_size = sizeof(struct oracle_fault_input),
     .output_size = sizeof(struct oracle_fault),
     .handler = call_oracle_fault},
    {.code = HVCALL_ORACLE_COUNTERS,
     .name = "ORACLE_COUNTERS",
     .input_size = sizeof(struct oracle_counters_input),
     .output_size = sizeof(struct oracle_counters),
     .handler = call_oracle_counters},
    {.code = HVCALL_ORACLE_INFO,
     .name = "ORACLE_INFO",
     .output_size = sizeof(struct oracle_info),
     .handler = call_oracle_info},
};

static bool is_offered(const struct call *call)
{
    switch (call->code) {
    case HVCALL_GET_PARTITION_ID: /* needs a privilege that CPUID does not report */
        return variant_active(VARIANT_OWN_PARTITION_ID);
    case HVCALL_POST_MESSAGE:
    case HVCALL_SIGNAL_EVENT:
    case HVCALL_RETARGET_DEVICE_INTERRUPT:
        return vmbus_present();
    case HVCALL_ORACLE_FAULT:
    case HVCALL_ORACLE_COUNTERS:
    case HVCALL_ORACLE_INFO:
        return !variant_active(VARIANT_NO_ORACLE);
    default:
        return !call->device_domain || !variant_active(VARIANT_NO_PVIOMMU);
    }
}

const struct call *call_find(uint16_t code)
{
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (calls[i].code == code)
            return is_offered(&calls[i]) ? &calls[i] : NULL;
    }
    return NULL;
}
