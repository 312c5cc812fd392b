/* SPDX-License-Identifier: MIT */
/* A request from the doorbell to its end. */
#include "host/base/reference_time.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/dmaprobe_private.h"
#include "host/vdev/msi.h"
#include "lib/string.h"

#define UNITS_PER_US  10u /* of the reference time */
#define RESULT_OFFSET offsetof(struct dmaprobe_request, state)

static struct dmaprobe_request *shared(const struct slot *slot)
{
    return (struct dmaprobe_request *)(slot->probe->memory[MEMORY_REQUESTS].bytes) + slot->number;
}

/* The state last: a guest that polls it finds the other fields in place. */
void slot_publish(const struct slot *slot)
{
    struct dmaprobe_request *to = shared(slot);
    size_t after_state = RESULT_OFFSET + sizeof(to->state);

    memcpy((uint8_t *)to + after_state, (const uint8_t *)&slot->r + after_state,
           sizeof(*to) - after_state);
    __atomic_store_n(&to->state, slot->r.state, __ATOMIC_RELEASE);
}

static bool send_message(const struct vdev_function *function)
{
    uint64_t address = config_read(function->config, MSI_ADDRESS, 8);
    uint32_t data = (uint32_t)config_read(function->config, MSI_DATA, 2);

    return msi_send(function, address, data);
}

static void interrupt(struct dmaprobe *probe)
{
    const struct config_space *config = probe->function->config;

    if ((config_read(config, MSI_CONTROL, 2) & MSI_CONTROL_ENABLE) != 0 && bus_master(probe) &&
        send_message(probe->function))
        probe->interrupts++;
}

static void unwatch(struct slot *slot)
{
    if (slot->waiting && (slot->r.flags & (DMAPROBE_DELAYED | DMAPROBE_REPEAT)))
        vdev_watch(slot->probe->function, -1);
    slot->waiting = false;
}

static void finish(struct slot *slot)
{
    unwatch(slot);
    slot->r.state = DMAPROBE_FINISHED;
    slot->probe->completed++;
    slot_publish(slot);
    if (slot->r.flags & DMAPROBE_INTERRUPT)
        interrupt(slot->probe);
}

static void finish_as(struct slot *slot, enum dmaprobe_status status)
{
    slot->r.status = status;
    finish(slot);
}

/* To the end of the pass, from what is in flight on. */
static void end_pass(struct slot *slot)
{
    while (!transfer_end(slot))
        transfer_begin(slot);
}

static void wait(struct slot *slot)
{
    slot->waiting = true;
    if (slot->r.flags & DMAPROBE_DELAYED)
        slot->due = reference_time() + (uint64_t)slot->r.delay_us * UNITS_PER_US;
    if (slot->r.flags & (DMAPROBE_DELAYED | DMAPROBE_REPEAT))
        vdev_watch(slot->probe->function, 1);
    slot_publish(slot);
}

void slot_start(struct slot *slot)
{
    const size_t results = sizeof(slot->r) - RESULT_OFFSET;

    memcpy(&slot->r, shared(slot), sizeof(slot->r));
    memset((uint8_t *)&slot->r + RESULT_OFFSET, 0, results);
    slot->r.state = DMAPROBE_RUNNING;
    if (!slot_request_valid(slot)) {
        finish_as(slot, DMAPROBE_BAD_REQUEST);
        return;
    }
    if (!bus_master(slot->probe)) {
        finish_as(slot, DMAPROBE_NO_MASTER);
        return;
    }
    if (slot->r.operation == DMAPROBE_INVERT) {
        transfer_invert(slot);
        finish(slot);
        return;
    }
    transfer_rewind(slot);
    if (!(slot->r.flags & DMAPROBE_LATE))
        transfer_begin(slot);
    if (slot->r.flags & (DMAPROBE_DELAYED | DMAPROBE_HELD | DMAPROBE_REPEAT)) {
        wait(slot);
        return;
    }
    end_pass(slot);
    finish(slot);
}

void slot_abandon(struct slot *slot)
{
    softiommu_request_abandon(soft_iommu(), &slot->request);
    for (unsigned i = 0; i < SWITCH_STEPS; i++)
        softiommu_request_abandon(soft_iommu(), &slot->switch_step[i]);
}

static void complete_switch_steps(struct slot *slot)
{
    for (unsigned i = 0; i < SWITCH_STEPS; i++)
        softiommu_request_complete(soft_iommu(), &slot->switch_step[i]);
}

void slot_let_go(struct slot *slot)
{
    if (!slot->waiting)
        return;
    complete_switch_steps(slot);
    if (!bus_master(slot->probe)) {
        slot_abandon(slot);
        finish_as(slot, DMAPROBE_NO_MASTER);
        return;
    }
    if (slot->r.flags & DMAPROBE_LATE)
        transfer_begin(slot);
    end_pass(slot);
    finish(slot);
}

void slot_cancel(struct slot *slot)
{
    if (!slot->waiting)
        return;
    slot_abandon(slot);
    slot->r.flags &= ~DMAPROBE_INTERRUPT;
    finish_as(slot, DMAPROBE_CANCELLED);
}

void slot_repeat(struct slot *slot)
{
    if (!bus_master(slot->probe)) {
        slot_let_go(slot);
        return;
    }
    complete_switch_steps(slot);
    end_pass(slot);
    if (slot->r.status == DMAPROBE_FAULT)
        slot->r.faults++;
    else
        slot->r.repeats++;
    slot_publish(slot);
    slot->r.status = DMAPROBE_OK;
    transfer_rewind(slot);
    transfer_begin(slot);
}

void slot_tick(struct slot *slot, uint64_t now)
{
    if (!slot->waiting)
        return;
    if (slot->r.flags & DMAPROBE_REPEAT)
        slot_repeat(slot);
    else if ((slot->r.flags & DMAPROBE_DELAYED) && now >= slot->due)
        slot_let_go(slot);
}

/* The first element only, with pieces of its own: the request proper may be in flight. */
void slot_on_switch_step(struct slot *slot)
{
    struct softiommu_request *request;
    struct dmaprobe_element element;
    uint64_t done = slot->done;
    unsigned i = 0;

    if (!slot->waiting || !(slot->r.flags & DMAPROBE_REPEAT) || !bus_master(slot->probe))
        return;
    while (i < SWITCH_STEPS && slot->switch_step[i].state == SOFTIOMMU_REQUEST_IN_FLIGHT)
        i++;
    if (i == SWITCH_STEPS)
        return;
    request = &slot->switch_step[i];
    element = slot_element(slot, 0);
    slot->done = 0;
    operation_prepare(slot, request);
    slot->done = done;
    request->iova = element.iova;
    request->length = transfer_bounded(slot, 0, element.length);
    request->piece = slot->switch_step_piece[i];
    request->piece_capacity = SWITCH_STEP_PIECES;
    if (!softiommu_request_begin(soft_iommu(), soft_device(slot->probe->function->bdf), request))
        slot->r.faults++;
}
