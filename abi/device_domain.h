/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_DEVICE_DOMAIN_H
#define PVT_ABI_DEVICE_DOMAIN_H

#include <stdint.h>

#include "assert.h"
#include "hypercall.h"

/* HV_INPUT_VTL (Reference 3.2). A guest sends 0. */
struct hv_input_vtl {
    uint8_t value;
};
ABI_SIZE(struct hv_input_vtl, 1);
ABI_OFFSET(struct hv_input_vtl, value, 0);

#define HV_INPUT_VTL_TARGET_MASK 0x0Fu
#define HV_INPUT_VTL_USE_TARGET  0x10u
#define HV_INPUT_VTL_RESERVED    0xE0u

/* Domain name (Reference 3.2). `type` is a word: the kind in bits 3:0, the rest reserved. The guest
 * chooses `id`. */
struct hv_device_domain_id {
    uint32_t type;
    uint32_t id;
};
ABI_SIZE(struct hv_device_domain_id, 8);
ABI_OFFSET(struct hv_device_domain_id, type, 0);
ABI_OFFSET(struct hv_device_domain_id, id, 4);

#define HV_DEVICE_DOMAIN_TYPE_MASK     UINT32_C(0x0000000F)
#define HV_DEVICE_DOMAIN_TYPE_RESERVED UINT32_C(0xFFFFFFF0)
#define HV_DEVICE_DOMAIN_TYPE_S2       0u /* root partition only */
#define HV_DEVICE_DOMAIN_TYPE_S1       1u /* the one a guest uses */
#define HV_DEVICE_DOMAIN_TYPE_SOC      2u /* root partition only */

/* Reserved ids. Whether a guest may name them is not public. */
#define HV_DEVICE_DOMAIN_ID_DEFAULT UINT32_C(0x00000000)
#define HV_DEVICE_DOMAIN_ID_NULL    UINT32_C(0xFFFFFFFF)

/* Common block at the start of every call that names a domain (Reference 3.2). */
struct hv_input_device_domain {
    uint64_t partition_id;
    struct hv_input_vtl owner_vtl;
    uint8_t padding[7];
    struct hv_device_domain_id domain_id;
};
ABI_SIZE(struct hv_input_device_domain, 24);
ABI_OFFSET(struct hv_input_device_domain, partition_id, 0);
ABI_OFFSET(struct hv_input_device_domain, owner_vtl, 8);
ABI_OFFSET(struct hv_input_device_domain, padding, 9);
ABI_OFFSET(struct hv_input_device_domain, domain_id, 16);

/* HVCALL_CREATE_DEVICE_DOMAIN (Reference 3.3). The structure ended at 28 in early guests, padded to
 * 8 on the wire. */
struct hv_input_create_device_domain {
    struct hv_input_device_domain device_domain;
    uint32_t flags;
    uint32_t padding;
};
ABI_SIZE(struct hv_input_create_device_domain, 32);
ABI_OFFSET(struct hv_input_create_device_domain, device_domain, 0);
ABI_OFFSET(struct hv_input_create_device_domain, flags, 24);
ABI_OFFSET(struct hv_input_create_device_domain, padding, 28);

/* The meaning of both is not public; guests always set the first. */
#define HV_CREATE_DEVICE_DOMAIN_FORWARD_PROGRESS_REQUIRED (UINT32_C(1) << 0)
#define HV_CREATE_DEVICE_DOMAIN_INHERIT_OWNING_VTL        (UINT32_C(1) << 1)
#define HV_CREATE_DEVICE_DOMAIN_RESERVED                  UINT32_C(0xFFFFFFFC)

/* HVCALL_CONFIGURE_DEVICE_DOMAIN (Reference 3.4). */
struct hv_device_domain_settings {
    uint64_t flags;
    uint64_t page_table_root; /* GPA of the top table */
};
ABI_SIZE(struct hv_device_domain_settings, 16);
ABI_OFFSET(struct hv_device_domain_settings, flags, 0);
ABI_OFFSET(struct hv_device_domain_settings, page_table_root, 8);

struct hv_input_configure_device_domain {
    struct hv_input_device_domain device_domain;
    struct hv_device_domain_settings settings;
};
ABI_SIZE(struct hv_input_configure_device_domain, 40);
ABI_OFFSET(struct hv_input_configure_device_domain, device_domain, 0);
ABI_OFFSET(struct hv_input_configure_device_domain, settings, 24);

#define HV_DEVICE_DOMAIN_TRANSLATION_ENABLED (UINT64_C(1) << 0)
#define HV_DEVICE_DOMAIN_BLOCKED             (UINT64_C(1) << 1)
#define HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL (UINT64_C(1) << 2)
#define HV_DEVICE_DOMAIN_SETTINGS_RESERVED   UINT64_C(0xFFFFFFFFFFFFFFF8)
#define HV_DEVICE_DOMAIN_ROOT_MASK           UINT64_C(0x000FFFFFFFFFF000)

/* The only combinations that guests send. Hyper-V refuses BLOCKED without TRANSLATION_ENABLED. */
#define HV_DEVICE_DOMAIN_SETTINGS_IDENTITY UINT64_C(0)
#define HV_DEVICE_DOMAIN_SETTINGS_BLOCKING                                                         \
    (HV_DEVICE_DOMAIN_TRANSLATION_ENABLED | HV_DEVICE_DOMAIN_BLOCKED)
#define HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL HV_DEVICE_DOMAIN_TRANSLATION_ENABLED
#define HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL                                                   \
    (HV_DEVICE_DOMAIN_TRANSLATION_ENABLED | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL)

/* HVCALL_ATTACH_DEVICE_DOMAIN (Reference 3.5): moves a device that is already in another domain,
 * too. */
struct hv_input_attach_device_domain {
    struct hv_input_device_domain device_domain;
    uint64_t device_id;
};
ABI_SIZE(struct hv_input_attach_device_domain, 32);
ABI_OFFSET(struct hv_input_attach_device_domain, device_domain, 0);
ABI_OFFSET(struct hv_input_attach_device_domain, device_id, 24);

/* HVCALL_DETACH_DEVICE_DOMAIN (Reference 3.5): names no domain; it acts on the one the device is
 * in. */
struct hv_input_detach_device_domain {
    uint64_t partition_id;
    uint64_t device_id;
};
ABI_SIZE(struct hv_input_detach_device_domain, 16);
ABI_OFFSET(struct hv_input_detach_device_domain, partition_id, 0);
ABI_OFFSET(struct hv_input_detach_device_domain, device_id, 8);

/* HVCALL_DELETE_DEVICE_DOMAIN (Reference 3.6). */
struct hv_input_delete_device_domain {
    struct hv_input_device_domain device_domain;
};
ABI_SIZE(struct hv_input_delete_device_domain, 24);
ABI_OFFSET(struct hv_input_delete_device_domain, device_domain, 0);

/* HVCALL_FLUSH_DEVICE_DOMAIN (Reference 3.9). Flag bits are not public; guests send 0. */
struct hv_input_flush_device_domain {
    struct hv_input_device_domain device_domain;
    uint32_t flags;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_flush_device_domain, 32);
ABI_OFFSET(struct hv_input_flush_device_domain, device_domain, 0);
ABI_OFFSET(struct hv_input_flush_device_domain, flags, 24);
ABI_OFFSET(struct hv_input_flush_device_domain, reserved, 28);

/* HVCALL_FLUSH_DEVICE_DOMAIN_LIST (Reference 3.9), a rep call: the rep count is the number of
 * ranges. */
struct hv_input_flush_device_domain_list {
    struct hv_input_device_domain device_domain;
    uint32_t flags;
    uint32_t reserved;
    uint64_t range[];
};
ABI_SIZE(struct hv_input_flush_device_domain_list, 32);
ABI_OFFSET(struct hv_input_flush_device_domain_list, device_domain, 0);
ABI_OFFSET(struct hv_input_flush_device_domain_list, flags, 24);
ABI_OFFSET(struct hv_input_flush_device_domain_list, reserved, 28);
ABI_OFFSET(struct hv_input_flush_device_domain_list, range, 32);

/* Selects the element format below. The format without it is not public. */
#define HV_FLUSH_LIST_IOMMU_FORMAT   (UINT32_C(1) << 0)
#define HV_FLUSH_LIST_FLAGS_RESERVED UINT32_C(0xFFFFFFFE)

#define HV_FLUSH_LIST_MAX 508u
_Static_assert(sizeof(struct hv_input_flush_device_domain_list) +
                       HV_FLUSH_LIST_MAX * sizeof(uint64_t) ==
                   HV_PAGE_SIZE,
               "HV_FLUSH_LIST_MAX ranges do not fill the input page");

/*
 * One range: 2^shift pages of 4 KiB from IOVA `page` << 12, which must be aligned to the size of
 * the range. Early guests declared the shift 12 bits wide; the reserved bits are the upper half of
 * that field.
 */
#define HV_IOMMU_RANGE_SHIFT_MASK UINT64_C(0x000000000000003F)
#define HV_IOMMU_RANGE_RESERVED   UINT64_C(0x0000000000000FC0)
#define HV_IOMMU_RANGE_PAGE_SHIFT 12
#define HV_IOMMU_RANGE_SHIFT_ALL  52u /* with page 0: everything */

static inline uint64_t hv_iommu_range(uint64_t page, uint32_t shift)
{
    return (page << HV_IOMMU_RANGE_PAGE_SHIFT) | (shift & HV_IOMMU_RANGE_SHIFT_MASK);
}

static inline uint64_t hv_iommu_range_page(uint64_t range)
{
    return range >> HV_IOMMU_RANGE_PAGE_SHIFT;
}

static inline uint32_t hv_iommu_range_shift(uint64_t range)
{
    return (uint32_t)(range & HV_IOMMU_RANGE_SHIFT_MASK);
}

#endif
