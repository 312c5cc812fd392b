/* SPDX-License-Identifier: MIT */
#include "tests/unit/host_calls.h"

#include <string.h>

#include "host/hypercalls/hypercalls.h"
#include "tests/unit/host_fixture.h"

#define PARTS_MAX 4096u

void *host_calls_input(void)
{
    memset(guest_memory + HOST_CALLS_INPUT, 0, HV_PAGE_SIZE);
    return guest_memory + HOST_CALLS_INPUT;
}

void host_calls_name(struct hv_input_device_domain *name, uint32_t id)
{
    name->partition_id = HV_PARTITION_ID_SELF;
    name->domain_id.type = HV_DEVICE_DOMAIN_TYPE_S1;
    name->domain_id.id = id;
}

uint64_t host_call(uint64_t control, uint64_t rdx, uint64_t r8)
{
    struct hypercall_frame frame = {.control = control, .rdx = rdx, .r8 = r8};

    for (unsigned part = 0; part < PARTS_MAX; part++) {
        hypercalls_dispatch(&frame);
        if (!frame.again)
            return frame.rax;
    }
    fail_msg("a rep call does not end");
    return 0;
}

static enum hv_status simple(uint16_t code)
{
    return hv_result_status(host_call(code, HOST_CALLS_INPUT, 0));
}

enum hv_status host_call_create(uint32_t id)
{
    struct hv_input_create_device_domain *create = host_calls_input();

    host_calls_name(&create->device_domain, id);
    return simple(HVCALL_CREATE_DEVICE_DOMAIN);
}

enum hv_status host_call_configure(uint32_t id, uint64_t flags, uint64_t root)
{
    struct hv_input_configure_device_domain *configure = host_calls_input();

    host_calls_name(&configure->device_domain, id);
    configure->settings =
        (struct hv_device_domain_settings){.flags = flags, .page_table_root = root};
    return simple(HVCALL_CONFIGURE_DEVICE_DOMAIN);
}

enum hv_status host_call_attach(uint32_t id, uint64_t device_id)
{
    struct hv_input_attach_device_domain *attach = host_calls_input();

    host_calls_name(&attach->device_domain, id);
    attach->device_id = device_id;
    return simple(HVCALL_ATTACH_DEVICE_DOMAIN);
}

enum hv_status host_call_detach(uint64_t device_id)
{
    struct hv_input_detach_device_domain *detach = host_calls_input();

    *detach = (struct hv_input_detach_device_domain){.partition_id = HV_PARTITION_ID_SELF,
                                                     .device_id = device_id};
    return simple(HVCALL_DETACH_DEVICE_DOMAIN);
}

enum hv_status host_call_delete(uint32_t id)
{
    struct hv_input_delete_device_domain *delete = host_calls_input();

    host_calls_name(&delete->device_domain, id);
    return simple(HVCALL_DELETE_DEVICE_DOMAIN);
}

enum hv_status host_call_flush(uint32_t id)
{
    struct hv_input_flush_device_domain *flush = host_calls_input();

    host_calls_name(&flush->device_domain, id);
    return simple(HVCALL_FLUSH_DEVICE_DOMAIN);
}

enum hv_status host_call_flush_page(uint32_t id, uint64_t page)
{
    struct hv_input_flush_device_domain_list *list = host_calls_input();

    host_calls_name(&list->device_domain, id);
    list->flags = HV_FLUSH_LIST_IOMMU_FORMAT;
    list->range[0] = hv_iommu_range(page, 0);
    return hv_result_status(
        host_call(hv_control(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, 1, 0, 0), HOST_CALLS_INPUT, 0));
}
