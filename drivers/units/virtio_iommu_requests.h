/* SPDX-License-Identifier: MIT */
/* Requests, answers and events of a virtio-iommu as they lie in memory (OASIS virtio 1.2, 5.13.6).
 */
#ifndef PVT_DRIVERS_UNITS_VIRTIO_IOMMU_REQUESTS_H
#define PVT_DRIVERS_UNITS_VIRTIO_IOMMU_REQUESTS_H

#include <stdint.h>

enum virtio_iommu_type {
    VIRTIO_IOMMU_ATTACH = 1,
    VIRTIO_IOMMU_DETACH = 2,
    VIRTIO_IOMMU_MAP = 3,
    VIRTIO_IOMMU_UNMAP = 4,
    VIRTIO_IOMMU_PROBE = 5,
};

/* The parts that the unit reads, without the tail. */
struct virtio_iommu_attach {
    uint8_t type, head_reserved[3];
    uint32_t domain, endpoint, flags, reserved;
};
struct virtio_iommu_detach {
    uint8_t type, head_reserved[3];
    uint32_t domain, endpoint, reserved[2];
};
struct virtio_iommu_map {
    uint8_t type, head_reserved[3];
    uint32_t domain;
    uint64_t start, end, physical;
    uint32_t flags;
} __attribute__((packed));
struct virtio_iommu_unmap {
    uint8_t type, head_reserved[3];
    uint32_t domain;
    uint64_t start, end;
    uint32_t reserved;
} __attribute__((packed));
struct virtio_iommu_probe {
    uint8_t type, head_reserved[3];
    uint32_t endpoint;
    uint8_t reserved[64];
};
_Static_assert(sizeof(struct virtio_iommu_attach) == 20, "virtio 1.2, 5.13.6.3");
_Static_assert(sizeof(struct virtio_iommu_detach) == 20, "virtio 1.2, 5.13.6.4");
_Static_assert(sizeof(struct virtio_iommu_map) == 36, "virtio 1.2, 5.13.6.5");
_Static_assert(sizeof(struct virtio_iommu_unmap) == 28, "virtio 1.2, 5.13.6.6");
_Static_assert(sizeof(struct virtio_iommu_probe) == 72, "virtio 1.2, 5.13.6.7");

union virtio_iommu_request {
    uint8_t type;
    struct virtio_iommu_attach attach;
    struct virtio_iommu_detach detach;
    struct virtio_iommu_map map;
    struct virtio_iommu_unmap unmap;
    struct virtio_iommu_probe probe;
};

struct virtio_iommu_tail {
    uint8_t status, reserved[3];
};

/* 5.13.6.7: one of PROBE's answer; `length` bytes of value follow. */
struct virtio_iommu_property {
    uint16_t type, length;
};
#define VIRTIO_IOMMU_PROPERTY_TYPE     0x0FFFu
#define VIRTIO_IOMMU_PROPERTY_RESV_MEM 1u
/* 5.13.6.8.1: the value of RESV_MEM. */
struct virtio_iommu_resv_mem {
    uint8_t subtype, reserved[3];
    uint64_t start, end;
} __attribute__((packed));
#define VIRTIO_IOMMU_RESV_MEM_MSI 1u

/* 5.13.6.9 */
struct virtio_iommu_event {
    uint8_t reason, reserved[3];
    uint32_t flags, endpoint, reserved2;
    uint64_t address;
};
_Static_assert(sizeof(struct virtio_iommu_event) == 24, "virtio 1.2, 5.13.6.9");
#define VIRTIO_IOMMU_REASON_UNKNOWN 0u
#define VIRTIO_IOMMU_REASON_DOMAIN  1u /* the endpoint is in no domain, and bypass is off */
#define VIRTIO_IOMMU_REASON_MAPPING 2u
#define VIRTIO_IOMMU_EVENT_READ     (1u << 0)
#define VIRTIO_IOMMU_EVENT_WRITE    (1u << 1)
#define VIRTIO_IOMMU_EVENT_ADDRESS  (1u << 8)

/* 5.13.3 */
#define VIRTIO_IOMMU_F_INPUT_RANGE   (1u << 0)
#define VIRTIO_IOMMU_F_DOMAIN_RANGE  (1u << 1)
#define VIRTIO_IOMMU_F_MAP_UNMAP     (1u << 2)
#define VIRTIO_IOMMU_F_BYPASS        (1u << 3)
#define VIRTIO_IOMMU_F_PROBE         (1u << 4)
#define VIRTIO_IOMMU_F_MMIO          (1u << 5)
#define VIRTIO_IOMMU_F_BYPASS_CONFIG (1u << 6)

#endif
