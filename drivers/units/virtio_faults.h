/* SPDX-License-Identifier: MIT */
/*
 * Faults of a virtio-iommu (option unit-fault): requests that are changed on their way to the unit,
 * and answers on their way back, which stands for a unit that does so. Only what goes through
 * virtio_iommu_exchange() and the functions beside it is concerned.
 */
#ifndef PVT_DRIVERS_UNITS_VIRTIO_FAULTS_H
#define PVT_DRIVERS_UNITS_VIRTIO_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/units/virtio_iommu.h"

/* An endpoint and the domain that a test has put it into last. */
struct virtio_placement {
    uint32_t domain, endpoint;
};

/* One exchange; `placed` are those before it. */
struct virtio_wire {
    union virtio_iommu_request *request;
    uint32_t size, room;
    uint8_t *answer;
    const struct virtio_placement *placed;
    unsigned placed_count;
};

struct virtio_fault {
    const char *name;
    /* True: the request is not sent, and has status OK. */
    bool (*before)(struct virtio_wire *w);
    void (*after)(struct virtio_wire *w);
    void (*event)(struct virtio_iommu_event *event);
    void (*facts)(struct virtio_iommu_facts *facts);
    uint8_t (*bypass)(uint8_t value);
};

extern const struct virtio_fault virtio_faults[];
extern const size_t virtio_fault_count;
/* NULL: none was chosen. */
const struct virtio_fault *virtio_fault_chosen(void);
/* In place of the one before; false for a name that no such fault has, and then none. */
bool virtio_fault_choose(const char *name);

#endif
