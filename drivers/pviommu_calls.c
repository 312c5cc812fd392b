/* SPDX-License-Identifier: MIT */
/* The nine calls, typed (reference 3.3 to 3.9). Every input is zero-filled first: reserved fields
 * must go out as zero.
 */
#include "abi/hypercall.h"
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "drivers/oracle.h"
#include "drivers/pci.h"
#include "drivers/pviommu.h"
#include "lib/fmt.h"

void pviommu_fill_domain(struct hv_input_device_domain *d, uint32_t domain_id)
{
    *d = (struct hv_input_device_domain){
        .partition_id = HV_PARTITION_ID_SELF,
        .domain_id = {.type = HV_DEVICE_DOMAIN_TYPE_S1, .id = domain_id}};
}

enum hv_status pviommu_get_capabilities(struct hv_output_get_iommu_capabilities *out)
{
    struct hv_input_get_iommu_capabilities in = {.partition_id = HV_PARTITION_ID_SELF};

    return hypercall_simple(HVCALL_GET_IOMMU_CAPABILITIES, &in, sizeof(in), out, sizeof(*out));
}

enum hv_status pviommu_get_device_property(uint64_t device_id,
                                           struct hv_output_get_logical_device_property *out)
{
    struct hv_input_get_logical_device_property in = {.partition_id = HV_PARTITION_ID_SELF,
                                                      .logical_device_id = device_id,
                                                      .code = HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU};

    return hypercall_simple(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, &in, sizeof(in), out, sizeof(*out));
}

enum hv_status pviommu_create(uint32_t domain_id)
{
    struct hv_input_create_device_domain in = {
        .flags = HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED};

    pviommu_fill_domain(&in.device_domain, domain_id);
    return hypercall_simple(HVCALL_CREATE_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_configure(uint32_t domain_id, uint64_t flags, uint64_t root_gpa)
{
    struct hv_input_configure_device_domain in = {
        .settings = {.flags = flags, .page_table_root = root_gpa}};

    pviommu_fill_domain(&in.device_domain, domain_id);
    return hypercall_simple(HVCALL_CONFIGURE_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_attach(uint32_t domain_id, uint64_t device_id)
{
    struct hv_input_attach_device_domain in = {.device_id = device_id};

    pviommu_fill_domain(&in.device_domain, domain_id);
    return hypercall_simple(HVCALL_ATTACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_detach(uint64_t device_id)
{
    struct hv_input_detach_device_domain in = {.partition_id = HV_PARTITION_ID_SELF,
                                               .device_id = device_id};

    return hypercall_simple(HVCALL_DETACH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_delete(uint32_t domain_id)
{
    struct hv_input_delete_device_domain in = {0};

    pviommu_fill_domain(&in.device_domain, domain_id);
    return hypercall_simple(HVCALL_DELETE_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_flush(uint32_t domain_id)
{
    struct hv_input_flush_device_domain in = {0};

    pviommu_fill_domain(&in.device_domain, domain_id);
    return hypercall_simple(HVCALL_FLUSH_DEVICE_DOMAIN, &in, sizeof(in), NULL, 0);
}

enum hv_status pviommu_flush_list(uint32_t domain_id, const uint64_t *elements, unsigned count,
                                  unsigned *done)
{
    struct hv_input_flush_device_domain_list header = {.flags = HV_FLUSH_LIST_IOMMU_FORMAT};

    pviommu_fill_domain(&header.device_domain, domain_id);
    return hypercall_rep(HVCALL_FLUSH_DEVICE_DOMAIN_LIST, &header, sizeof(header), elements, count,
                         done);
}

static bool is_managed(uint64_t device_id)
{
    struct hv_output_get_logical_device_property property = {0};

    return pviommu_get_device_property(device_id, &property) == HV_STATUS_SUCCESS &&
           (property.device_iommu & HV_DEVICE_IOMMU_ENABLED) != 0;
}

static const char *start(void)
{
    (void)hypercall_init();
    pci_want_virtual_functions(is_managed);
    return NULL; /* presence is decided by the first call (reference 1.1) */
}

static void describe(char *text, size_t size)
{
    fmt_snprintf(text, size, "hypercalls");
}

const struct iommu_backend pviommu_backend = {
    .name = "pviommu",
    .promises = IOMMU_HYPERCALLS | IOMMU_IDENTITY_IN_RAM | IOMMU_FAULT_CLASSES |
                IOMMU_FAULT_DIRECTIONS | IOMMU_SEES_EDITS_LATE,
    .start = start,
    .get_capabilities = pviommu_get_capabilities,
    .get_device_property = pviommu_get_device_property,
    .create = pviommu_create,
    .configure = pviommu_configure,
    .attach = pviommu_attach,
    .detach = pviommu_detach,
    .delete = pviommu_delete,
    .flush = pviommu_flush,
    .flush_list = pviommu_flush_list,
    .take_fault = oracle_read_fault,
    .describe = describe,
};
