/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_S2_DOMAIN_H
#define PVT_ABI_S2_DOMAIN_H

#include <stdint.h>

#include "assert.h"
#include "device_domain.h"

/*
 * Calls of a root partition (Reference 3.9). Nothing here uses them: a guest has no stage-2 domains and assigns no
 * devices. They are written down so that a trace can be decoded and so that a host can refuse them knowingly.
 */

/* HVCALL_MAP_DEVICE_GPA_PAGES, a rep call: element i is the GPA page number of page i of the range. */
struct hv_input_map_device_gpa_pages {
    struct hv_input_device_domain device_domain;
    struct hv_input_vtl target_vtl;
    uint8_t padding[3];
    uint32_t map_flags;
    uint64_t target_device_va_base;
    uint64_t gpa_page[];
};
ABI_SIZE(struct hv_input_map_device_gpa_pages, 40);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, device_domain, 0);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, target_vtl, 24);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, padding, 25);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, map_flags, 28);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, target_device_va_base, 32);
ABI_OFFSET(struct hv_input_map_device_gpa_pages, gpa_page, 40);

/* Doubtful: the names are published, the values are not confirmed. */
#define HV_MAP_GPA_READABLE UINT32_C(0x00000001)
#define HV_MAP_GPA_WRITABLE UINT32_C(0x00000002)

/* HVCALL_UNMAP_DEVICE_GPA_PAGES, a rep call without elements: the rep count is the number of pages. */
struct hv_input_unmap_device_gpa_pages {
    struct hv_input_device_domain device_domain;
    uint64_t target_device_va_base;
};
ABI_SIZE(struct hv_input_unmap_device_gpa_pages, 32);
ABI_OFFSET(struct hv_input_unmap_device_gpa_pages, device_domain, 0);
ABI_OFFSET(struct hv_input_unmap_device_gpa_pages, target_device_va_base, 24);

/* HVCALL_QUERY_DEVICE_DOMAIN. Doubtful: a rep call because it has a list; its output is not public. */
struct hv_input_query_device_domain {
    struct hv_input_device_domain device_domain;
    uint64_t device_va[];
};
ABI_SIZE(struct hv_input_query_device_domain, 24);
ABI_OFFSET(struct hv_input_query_device_domain, device_domain, 0);
ABI_OFFSET(struct hv_input_query_device_domain, device_va, 24);

/* HVCALL_MAP_SPARSE_DEVICE_GPA_PAGES, a rep call. */
struct hv_sparse_device_gpa_page {
    uint64_t device_va;
    uint64_t gpa_page;
};
ABI_SIZE(struct hv_sparse_device_gpa_page, 16);
ABI_OFFSET(struct hv_sparse_device_gpa_page, device_va, 0);
ABI_OFFSET(struct hv_sparse_device_gpa_page, gpa_page, 8);

/* Doubtful: one published header packs map_flags at 25, natural alignment (used here) puts it at 28. */
struct hv_input_map_sparse_device_gpa_pages {
    struct hv_input_device_domain device_domain;
    struct hv_input_vtl target_vtl;
    uint8_t padding[3];
    uint32_t map_flags;
    struct hv_sparse_device_gpa_page page[];
};
ABI_SIZE(struct hv_input_map_sparse_device_gpa_pages, 32);
ABI_OFFSET(struct hv_input_map_sparse_device_gpa_pages, device_domain, 0);
ABI_OFFSET(struct hv_input_map_sparse_device_gpa_pages, target_vtl, 24);
ABI_OFFSET(struct hv_input_map_sparse_device_gpa_pages, padding, 25);
ABI_OFFSET(struct hv_input_map_sparse_device_gpa_pages, map_flags, 28);
ABI_OFFSET(struct hv_input_map_sparse_device_gpa_pages, page, 32);

/* HVCALL_UNMAP_SPARSE_DEVICE_GPA_PAGES, a rep call. */
struct hv_input_unmap_sparse_device_gpa_pages {
    struct hv_input_device_domain device_domain;
    uint64_t device_va[];
};
ABI_SIZE(struct hv_input_unmap_sparse_device_gpa_pages, 24);
ABI_OFFSET(struct hv_input_unmap_sparse_device_gpa_pages, device_domain, 0);
ABI_OFFSET(struct hv_input_unmap_sparse_device_gpa_pages, device_va, 24);

/* HVCALL_ATTACH_DEVICE: a parent assigns a device to a partition. */
struct hv_input_attach_device {
    uint64_t partition_id;
    uint64_t device_id;
    uint32_t flags;
    struct hv_input_vtl vtl;
    uint8_t padding[3];
    uint64_t logical_device_id;
    uint32_t pci_capabilities;
    uint16_t pf_rid;
    uint8_t padding2[2];
};
ABI_SIZE(struct hv_input_attach_device, 40);
ABI_OFFSET(struct hv_input_attach_device, partition_id, 0);
ABI_OFFSET(struct hv_input_attach_device, device_id, 8);
ABI_OFFSET(struct hv_input_attach_device, flags, 16);
ABI_OFFSET(struct hv_input_attach_device, vtl, 20);
ABI_OFFSET(struct hv_input_attach_device, padding, 21);
ABI_OFFSET(struct hv_input_attach_device, logical_device_id, 24);
ABI_OFFSET(struct hv_input_attach_device, pci_capabilities, 32);
ABI_OFFSET(struct hv_input_attach_device, pf_rid, 36);
ABI_OFFSET(struct hv_input_attach_device, padding2, 38);

#define HV_ATTACH_DEVICE_LOGICAL_ID       (UINT32_C(1) << 0)
#define HV_ATTACH_DEVICE_ATS_ENABLED      (UINT32_C(1) << 2)
#define HV_ATTACH_DEVICE_VIRTUAL_FUNCTION (UINT32_C(1) << 3)
#define HV_ATTACH_DEVICE_SHARED_IRQ_CHILD (UINT32_C(1) << 4)
#define HV_ATTACH_DEVICE_VIRTUAL_DEVICE   (UINT32_C(1) << 5)
#define HV_ATTACH_DEVICE_ATS_SUPPORTED    (UINT32_C(1) << 6)
#define HV_ATTACH_DEVICE_SMALL_IRT        (UINT32_C(1) << 7)

#define HV_ATTACH_DEVICE_PCI_MAX_PASID_WIDTH_MASK         UINT32_C(0x0000001F)
#define HV_ATTACH_DEVICE_PCI_INVALIDATE_QUEUE_DEPTH_SHIFT 5
#define HV_ATTACH_DEVICE_PCI_INVALIDATE_QUEUE_DEPTH_MASK  UINT32_C(0x000003E0)
#define HV_ATTACH_DEVICE_PCI_GLOBAL_INVALIDATE            (UINT32_C(1) << 10)
#define HV_ATTACH_DEVICE_PCI_PRG_RESPONSE_REQUIRED        (UINT32_C(1) << 11)

/* HVCALL_DETACH_DEVICE. */
struct hv_input_detach_device {
    uint64_t partition_id;
    uint64_t logical_device_id;
};
ABI_SIZE(struct hv_input_detach_device, 16);
ABI_OFFSET(struct hv_input_detach_device, partition_id, 0);
ABI_OFFSET(struct hv_input_detach_device, logical_device_id, 8);

#endif
