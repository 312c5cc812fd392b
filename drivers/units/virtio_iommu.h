/* SPDX-License-Identifier: MIT */
/* Requests to a virtio-iommu (OASIS virtio 1.2, 5.13). */
#ifndef PVT_DRIVERS_UNITS_VIRTIO_IOMMU_H
#define PVT_DRIVERS_UNITS_VIRTIO_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/oracle.h"
#include "drivers/units/virtio_iommu_requests.h"

/* 5.13.6.1: statuses, and one of this driver. */
enum virtio_iommu_status {
    VIRTIO_IOMMU_OK = 0,
    VIRTIO_IOMMU_IO_ERROR = 1,
    VIRTIO_IOMMU_UNSUPPORTED = 2,
    VIRTIO_IOMMU_DEVICE_ERROR = 3,
    VIRTIO_IOMMU_INVALID = 4,
    VIRTIO_IOMMU_RANGE = 5,
    VIRTIO_IOMMU_NO_ENTRY = 6,
    VIRTIO_IOMMU_FAULT = 7,
    VIRTIO_IOMMU_NO_MEMORY = 8,
    VIRTIO_IOMMU_NO_ANSWER = 0xFF, /* within the time that is allowed */
};

#define VIRTIO_IOMMU_READ     1u
#define VIRTIO_IOMMU_WRITE    2u
#define VIRTIO_IOMMU_BYPASSES 1u /* flag of ATTACH */

/* NULL, or why there is no unit that can be used. */
const char *virtio_iommu_start(void);
/* A device reset, the same initialization again, and no device is in a domain: QEMU 10.0 keeps
 * domains over a reset. NULL, or why the unit cannot be used any more. */
const char *virtio_iommu_empty(void);
/* Bytes start to end, both included. */
enum virtio_iommu_status virtio_iommu_map(uint32_t domain, uint64_t start, uint64_t end,
                                          uint64_t gpa, uint32_t flags);
enum virtio_iommu_status virtio_iommu_unmap(uint32_t domain, uint64_t start, uint64_t end);
enum virtio_iommu_status virtio_iommu_attach(uint32_t domain, uint32_t endpoint, uint32_t flags);
enum virtio_iommu_status virtio_iommu_detach(uint32_t domain, uint32_t endpoint);
/* The oldest event of the device, cleared; others are dropped. */
void virtio_iommu_take_event(uint64_t device_id, struct oracle_fault *fault);

struct virtio_iommu_facts {
    uint64_t features, page_sizes, first_iova, last_iova, requests;
    uint32_t first_domain, last_domain, probe_size;
    uint8_t bypass;
};
void virtio_iommu_facts(struct virtio_iommu_facts *facts);

/* --- for tests of the unit itself; no device may be in a domain of own_domains.h that translates
 * --- */

/* Bytes of an answer before the unit writes it. */
#define VIRTIO_IOMMU_UNWRITTEN  0xEEu
#define VIRTIO_IOMMU_ANSWER_MAX 2048u
/* Sends these bytes, with `room` for the answer (0: none). Returns the answer, with in *used what
 * the unit says to have written of it; NULL when the unit does not give the request back in time.
 */
const uint8_t *virtio_iommu_exchange(const void *request, uint32_t size, uint32_t room,
                                     uint32_t *used);
/* The oldest event as the unit has written it. False: there is none. */
bool virtio_iommu_next_event(struct virtio_iommu_event *event);
void virtio_iommu_set_bypass(uint8_t value);
/* A device reset, and the same initialization as at first. NULL, or why the unit cannot be used any
 * more. */
const char *virtio_iommu_restart(void);
/* Takes back what such a test has left: devices in its domains, bypass, a unit that needs a reset.
 */
void virtio_iommu_settle(void);

#endif
