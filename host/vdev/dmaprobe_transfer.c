/* SPDX-License-Identifier: MIT */
/*
 * A pass moves the elements of a request in order, one in flight at a time. A refused page ends it:
 * the data before the page was moved, as by a device that sends page by page. With EACH it ends its
 * element only.
 */
#include "host/iommu/soft_backend.h"
#include "host/vdev/dmaprobe_private.h"

static unsigned device_of(const struct slot *slot)
{
    return soft_device(slot->probe->function->bdf);
}

static uint32_t elements(const struct slot *slot)
{
    return slot->r.flags & DMAPROBE_SCATTERED ? slot->r.elements : 1;
}

void transfer_rewind(struct slot *slot)
{
    slot->element = 0;
    slot->element_done = 0;
    slot->done = 0;
}

uint32_t transfer_bounded(const struct slot *slot, uint64_t done, uint32_t length)
{
    uint64_t limit = slot->r.flags & DMAPROBE_REPEAT ? DMAPROBE_BURST_MAX : DMAPROBE_LENGTH_MAX;
    uint64_t room = DMAPROBE_BUFFER_SIZE - slot->r.buffer;

    if (slot->r.operation == DMAPROBE_FILL || slot->r.operation >= DMAPROBE_ADD || room > limit)
        room = limit;
    room = done < room ? room - done : 0;
    return length < room ? length : (uint32_t)room;
}

void transfer_begin(struct slot *slot)
{
    struct dmaprobe_element element = slot_element(slot, slot->element);
    struct softiommu_request *request = &slot->request;
    uint32_t left = element.length > slot->element_done ? element.length - slot->element_done : 0;

    operation_prepare(slot, request);
    request->iova = element.iova + slot->element_done;
    request->length = transfer_bounded(slot, slot->done, left);
    request->piece = slot->piece;
    request->piece_capacity = PIECES;
    softiommu_request_begin(soft_iommu(), device_of(slot), request);
}

/* The first one, and how many there were. */
static void note_fault(struct slot *slot, const struct softiommu_request *request)
{
    slot->r.faults += (slot->r.flags & DMAPROBE_EACH) != 0;
    if (slot->r.status == DMAPROBE_FAULT)
        return;
    slot->r.status = DMAPROBE_FAULT;
    slot->r.fault_class = softiommu_reason_class(request->reason);
    slot->r.fault_reason = request->reason;
    slot->r.fault_iova = request->iova + request->translated;
}

/* True: it was the last one. */
static bool next_element(struct slot *slot)
{
    slot->element++;
    slot->element_done = 0;
    return slot->element >= elements(slot);
}

bool transfer_end(struct slot *slot)
{
    struct softiommu_request *request = &slot->request;

    softiommu_request_complete(soft_iommu(), request);
    slot->done += request->translated;
    slot->element_done += (uint32_t)request->translated;
    if (request->reason != SOFTIOMMU_REASON_NONE) {
        note_fault(slot, request);
        return !(slot->r.flags & DMAPROBE_EACH) || next_element(slot);
    }
    if (slot->r.status != DMAPROBE_OK && !(slot->r.flags & DMAPROBE_EACH))
        return true;
    if (request->translated == 0 || slot->element_done >= slot_element(slot, slot->element).length)
        return next_element(slot);
    return false;
}

static void run(struct slot *slot)
{
    transfer_rewind(slot);
    do
        transfer_begin(slot);
    while (!transfer_end(slot));
}

void transfer_invert(struct slot *slot)
{
    uint8_t *bytes = slot_buffer(slot);

    slot->r.operation = DMAPROBE_READ;
    run(slot);
    if (slot->r.status == DMAPROBE_OK) {
        for (uint32_t i = 0; i < slot->r.length; i++)
            bytes[i] = (uint8_t)~bytes[i];
        slot->r.operation = DMAPROBE_WRITE;
        run(slot);
    }
    slot->r.operation = DMAPROBE_INVERT;
}
