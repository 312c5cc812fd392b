/* SPDX-License-Identifier: MIT */
/* GET_IOMMU_CAPABILITIES and GET_LOGICAL_DEVICE_PROPERTY (Reference 3.7, 3.8), and GET_PARTITION_ID. */
#include "abi/device_id.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/iommu_capabilities.h"
#include "host/defects/defects.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/hypercalls.h"
#include "host/hypercalls/state.h"
#include "host/hypercalls/validate_header.h"
#include "host/platform/pci_functions.h"
#include "host/variants/variants.h"

#define ODD_PAGE_SIZE (UINT64_C(1) << 14)
#define LARGE_SIZE    64u /* of a later host's capabilities, of which a caller of today gets the beginning */
#define PASID_BITS    20u

/* Permitted differences from what this host reports by itself. */
static void vary(struct hv_output_get_iommu_capabilities *caps)
{
    if (variant_active(VARIANT_CAP_4K_ONLY))
        caps->pgsize_bitmap = HV_IOMMU_PGSIZE_4K;
    if (variant_active(VARIANT_CAP_NO_1G))
        caps->pgsize_bitmap &= ~HV_IOMMU_PGSIZE_1G;
    if (variant_active(VARIANT_CAP_SIZE_0))
        caps->size = 0;
    if (variant_active(VARIANT_CAP_SIZE_LARGE))
        caps->size = LARGE_SIZE;
    if (variant_active(VARIANT_CAP_ALL_FEATURES)) {
        caps->iommu_cap |= HV_IOMMU_CAP_S2 | HV_IOMMU_CAP_PASID | HV_IOMMU_CAP_ATS | HV_IOMMU_CAP_PRI;
        caps->max_pasid_width = PASID_BITS;
    }
}

static bool page_was_disabled;

void hypercalls_page_disabled(void)
{
    page_was_disabled = true;
}

static void falsify(struct hv_output_get_iommu_capabilities *caps)
{
    static unsigned calls;

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
    if (defect_active(DEFECT_CAP_CHANGES) && calls++ % 2 != 0)
        caps->max_iova_width--;
    if (defect_active(DEFECT_CAP_CHANGES_WITH_PAGE) && page_was_disabled)
        caps->max_iova_width--;
    page_was_disabled = false;
    if (defect_active(DEFECT_OUTPUT_DIRTY))
        caps->reserved = 0x5AA5;
}

enum hv_status call_iommu_capabilities(const void *input, void *output)
{
    const struct hv_input_get_iommu_capabilities *query = input;
    const struct backend_limits *limits = hypercalls_backend()->limits();
    struct hv_output_get_iommu_capabilities *caps = output;
    enum hv_status status = check_partition(query->partition_id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (defect_active(DEFECT_CAP_REFUSED))
        return HV_STATUS_OPERATION_DENIED;
    if (!reserved_valid(query->reserved, UINT64_MAX) && !defect_active(DEFECT_CAP_RESERVED_CHANGES))
        return HV_STATUS_INVALID_PARAMETER;
    *caps = (struct hv_output_get_iommu_capabilities){
        .size = sizeof(*caps),
        .max_iova_width = limits->iova_bits,
        .iommu_cap = HV_IOMMU_CAP_PRESENT | HV_IOMMU_CAP_S1 | (limits->five_level ? HV_IOMMU_CAP_S1_5LVL : 0) |
                     (limits->ats ? HV_IOMMU_CAP_ATS : 0),
        .pgsize_bitmap = limits->page_sizes & HV_IOMMU_PGSIZE_ALL,
    };
    vary(caps);
    falsify(caps);
    if (defect_active(DEFECT_CAP_RESERVED_CHANGES) && query->reserved != 0)
        caps->max_iova_width--;
    return HV_STATUS_SUCCESS;
}

/* DEFECT_PROPERTY_CODE_STICKS, DEFECT_PROPERTY_TYPE_STICKS: the answer to a bad question is kept for the next one. */
static bool answer_sticks(const struct hv_input_get_logical_device_property *query)
{
    static bool sticks;
    bool stuck = sticks;

    sticks = (defect_active(DEFECT_PROPERTY_CODE_STICKS) && query->code != HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU) ||
             (defect_active(DEFECT_PROPERTY_TYPE_STICKS) &&
              hv_device_id_logical(query->logical_device_id) != query->logical_device_id);
    return stuck;
}

enum hv_status call_device_property(const void *input, void *output)
{
    const struct hv_input_get_logical_device_property *query = input;
    struct hv_output_get_logical_device_property *property = output;
    enum hv_status status = check_partition(query->partition_id);
    bool managed = domains_manage(query->logical_device_id);
    bool stuck = answer_sticks(query);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (query->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (query->code != HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU)
        return variant_status(VARIANT_PROPERTY_PARAMETER, HV_STATUS_INVALID_PARAMETER, HV_STATUS_UNKNOWN_PROPERTY);
    if (pci_function_find(query->logical_device_id) == NULL) {
        if (!defect_active(DEFECT_PROPERTY_UNKNOWN_MANAGED))
            return variant_status(VARIANT_PROPERTY_PARAMETER, HV_STATUS_INVALID_PARAMETER, status_unknown_device());
        managed = true;
    }
    if (!managed && variant_active(VARIANT_PROPERTY_UNMANAGED_REFUSED))
        return HV_STATUS_INVALID_DEVICE_STATE;
    if (stuck || defect_active(DEFECT_PROPERTY_CLEAR))
        managed = false;
    property->device_iommu = managed ? HV_DEVICE_IOMMU_ENABLED : 0;
    if (defect_active(DEFECT_PROPERTY_DIRTY)) {
        property->device_iommu |= HV_DEVICE_IOMMU_ENABLED << 1;
        property->reserved = UINT64_MAX;
    }
    return HV_STATUS_SUCCESS;
}

enum hv_status call_partition_id(const void *input, void *output)
{
    uint64_t *partition_id = output;

    (void)input;
    *partition_id = OWN_PARTITION_ID;
    return HV_STATUS_SUCCESS;
}
