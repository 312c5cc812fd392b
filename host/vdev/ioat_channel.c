/* SPDX-License-Identifier: MIT */
/*
 * A channel works through its chain in order: it reads a descriptor, reads its source into a buffer
 * of its own, and writes the buffer to its destination. All three go through the IOMMU.
 *
 * The host has no timer of its own. A doorbell therefore runs a batch of descriptors to its end,
 * and every exit after it another batch. The last write of such a later batch stays in flight until
 * the next exit, so that there is a moment at which a long chain has an access on its way.
 */
#include "host/iommu/soft_backend.h"
#include "host/vdev/ioat_private.h"

uint64_t ioat_channel_status(const struct ioat *ioat)
{
    return (ioat->completed & IOAT_STATUS_DONE_AT) | ioat->status;
}

static bool begin(struct ioat *ioat, uint64_t iova, uint64_t length, void *buffer, bool write)
{
    ioat->request.iova = iova;
    ioat->request.length = length;
    ioat->request.access = write ? ORACLE_ACCESS_WRITE : ORACLE_ACCESS_READ;
    ioat->request.buffer = buffer;
    ioat->request.piece = ioat->piece;
    ioat->request.piece_capacity = IOAT_PIECES;
    return softiommu_request_begin(soft_iommu(), soft_device(ioat->function->bdf), &ioat->request);
}

/* False when the IOMMU refuses a page; those before it are read or written. */
static bool access_now(struct ioat *ioat, uint64_t iova, uint64_t length, void *buffer, bool write)
{
    bool allowed = begin(ioat, iova, length, buffer, write);

    softiommu_request_complete(soft_iommu(), &ioat->request);
    return allowed;
}

static void write_completion(struct ioat *ioat)
{
    uint64_t status = ioat_channel_status(ioat);

    if (ioat->r.channel.chancmp != 0)
        (void)access_now(ioat, ioat->r.channel.chancmp, sizeof(status), &status, true);
}

static void halt(struct ioat *ioat, uint32_t error)
{
    ioat->r.channel.chanerr |= error;
    ioat->status = IOAT_STATUS_HALTED;
    write_completion(ioat);
    if (ioat->r.channel.chanctrl & IOAT_CHANCTRL_ERR_INT)
        ioat_interrupt(ioat);
}

/* The descriptor's own access is over. */
static void finish_descriptor(struct ioat *ioat)
{
    ioat->completed = ioat->current_at;
    ioat->next = ioat->current.next;
    ioat->processed++;
    ioat->status =
        ioat->processed == ioat->r.channel.dmacount ? IOAT_STATUS_IDLE : IOAT_STATUS_ACTIVE;
    if (ioat->current.control & IOAT_CONTROL_COMPLETION)
        write_completion(ioat);
    if (ioat->current.control & IOAT_CONTROL_INTERRUPT)
        ioat_interrupt(ioat);
}

static bool in_flight(const struct ioat *ioat)
{
    return ioat->request.state == SOFTIOMMU_REQUEST_IN_FLIGHT ||
           ioat->request.state == SOFTIOMMU_REQUEST_DRAINED;
}

void ioat_settle(struct ioat *ioat)
{
    if (!in_flight(ioat))
        return;
    softiommu_request_complete(soft_iommu(), &ioat->request);
    ioat->request.state = SOFTIOMMU_REQUEST_IDLE;
    finish_descriptor(ioat);
}

/* The copy up to its write, which is in flight then. IOAT_ERROR_*; 0: none. */
static uint32_t begin_copy(struct ioat *ioat)
{
    const struct ioat_descriptor *d = &ioat->current;

    if (IOAT_CONTROL_OPERATION(d->control) != 0)
        return IOAT_ERROR_CONTROL;
    if (d->size == 0 || d->size > IOAT_LENGTH_MAX)
        return IOAT_ERROR_LENGTH;
    if (!access_now(ioat, d->source, d->size, ioat->buffer, false))
        return IOAT_ERROR_READ;
    if (begin(ioat, d->destination, d->size, ioat->buffer, true))
        return 0;
    softiommu_request_complete(soft_iommu(), &ioat->request);
    return IOAT_ERROR_WRITE;
}

static void next_descriptor(struct ioat *ioat)
{
    uint32_t error = 0;

    ioat->current_at = ioat->next;
    ioat->status = IOAT_STATUS_ACTIVE;
    if (!access_now(ioat, ioat->next, sizeof(ioat->current), &ioat->current, false))
        error = IOAT_ERROR_NEXT_ADDRESS;
    else if (ioat->current.control & IOAT_CONTROL_NULL)
        finish_descriptor(ioat);
    else
        error = begin_copy(ioat);
    if (error != 0)
        halt(ioat, error);
}

static bool has_work(const struct ioat *ioat)
{
    return ioat->processed != ioat->r.channel.dmacount && ioat->status != IOAT_STATUS_HALTED &&
           ioat->status != IOAT_STATUS_SUSPENDED;
}

void ioat_run(struct ioat *ioat, bool at_once)
{
    if (!config_is_bus_master(ioat->function->config) && in_flight(ioat)) {
        softiommu_request_abandon(soft_iommu(), &ioat->request);
        ioat->request.state = SOFTIOMMU_REQUEST_IDLE;
        halt(ioat, IOAT_ERROR_WRITE);
    }
    ioat_settle(ioat);
    for (unsigned n = 1;
         n <= IOAT_BATCH && has_work(ioat) && config_is_bus_master(ioat->function->config); n++) {
        bool last = n == IOAT_BATCH || (uint16_t)(ioat->processed + 1) == ioat->r.channel.dmacount;

        next_descriptor(ioat);
        if (last && !at_once)
            break;
        ioat_settle(ioat);
    }
    if (ioat->watched != (has_work(ioat) || in_flight(ioat))) {
        ioat->watched = !ioat->watched;
        vdev_watch(ioat->function, ioat->watched ? 1 : -1);
    }
}
