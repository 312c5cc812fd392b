/* SPDX-License-Identifier: MIT */
/*
 * A DMA request in two parts: it is translated at one time and touches memory at another. Between
 * them it is in flight; a flush, a switch or the end of its domain makes it touch memory at once
 * (drain), so that nothing lands later.
 *
 * The request and its pieces belong to the device; the IOMMU holds them from begin until complete,
 * abandon or a drain.
 */
#ifndef PVT_HOST_SOFTIOMMU_REQUEST_H
#define PVT_HOST_SOFTIOMMU_REQUEST_H

#include "host/softiommu/softiommu.h"

struct softiommu_piece {
    uint64_t spa, size;
};

enum softiommu_request_state {
    SOFTIOMMU_REQUEST_IDLE, /* nothing in flight: new, refused at the first byte, or abandoned */
    SOFTIOMMU_REQUEST_IN_FLIGHT, /* translated, memory not touched yet */
    SOFTIOMMU_REQUEST_COMPLETED, /* by the device */
    SOFTIOMMU_REQUEST_DRAINED,   /* by a flush, switch or delete, before the device let it go */
};

struct softiommu_request {
    /* Set by the device. */
    uint64_t iova, length; /* bytes */
    enum oracle_access
        access;   /* READ: from memory to the buffer; WRITE: to memory, also for atomics */
    void *buffer; /* `length` bytes; not used when `touch` is set */
    struct softiommu_piece *piece;
    unsigned piece_capacity;
    /* Optional. `touch` takes the place of the copy, once per piece (fill, compare, atomic);
     * `offset` counts from the start of the request. `done` hears of completion and drain. Both may
     * begin requests but end none. */
    void (*touch)(struct softiommu_request *request, uint64_t spa, uint64_t offset, uint64_t size);
    void (*done)(struct softiommu_request *request);
    void *owner;

    /* Set by begin. */
    uint64_t translated; /* bytes covered by the pieces */
    enum softiommu_reason reason;
    unsigned pieces;
    enum softiommu_request_state state;
    /* The IOMMU's own. */
    uint64_t sequence;
    unsigned device;
    uint16_t did;
    struct softiommu_request *next, *previous;
};

/*
 * Translates the request. True when all of it, or as much as the pieces hold (see `translated`; at
 * least one page each), is in flight. False with `reason` set when a page was refused: the bytes
 * before it, if any, are in flight as those of a device that sends page by page, and are completed
 * or abandoned as usual. A request in flight must not begin again.
 */
bool softiommu_request_begin(struct softiommu *iommu, unsigned device,
                             struct softiommu_request *request);
/* Touches memory, unless a drain has done so. */
void softiommu_request_complete(struct softiommu *iommu, struct softiommu_request *request);
/* Forgets the request without touching memory. */
void softiommu_request_abandon(struct softiommu *iommu, struct softiommu_request *request);

/* Both complete all that was in flight when they were called. Flush, switch and delete call them; a
 * reset may. */
void softiommu_drain_device(struct softiommu *iommu, unsigned device);
void softiommu_drain_domain(struct softiommu *iommu, uint16_t did);

#endif
