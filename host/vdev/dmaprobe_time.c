/* SPDX-License-Identifier: MIT */
/* The host has no timer of its own, so that time passes for the devices at exits: each looks at
 * what is due, and gives every repeating request one pass. */
#include "host/base/reference_time.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/dmaprobe_private.h"

static int watched; /* requests that depend on time; most of the time none, and an exit then costs
                       one look */

void time_watch(int change)
{
    __atomic_fetch_add(&watched, change, __ATOMIC_RELAXED);
}

static void tick_slot(struct slot *slot, uint64_t now)
{
    if (!slot->waiting)
        return;
    if (slot->r.flags & DMAPROBE_REPEAT)
        slot_repeat(slot);
    else if ((slot->r.flags & DMAPROBE_DELAYED) && now >= slot->due)
        slot_let_go(slot);
}

void vdev_tick(void)
{
    struct vdev_function *function;
    unsigned count;
    uint64_t now;

    if (__atomic_load_n(&watched, __ATOMIC_RELAXED) == 0)
        return;
    soft_lock();
    now = reference_time();
    function = vdev_functions(&count);
    for (unsigned i = 0; i < count; i++)
        for (unsigned s = 0; function[i].probe && s < DMAPROBE_SLOTS; s++)
            tick_slot(&function[i].probe->slot[s], now);
    soft_unlock();
}

void dmaprobe_on_switch_step(void *probe)
{
    struct slot *slot = ((struct dmaprobe *)probe)->slot;

    if (__atomic_load_n(&watched, __ATOMIC_RELAXED) == 0)
        return;
    for (unsigned s = 0; s < DMAPROBE_SLOTS; s++)
        slot_on_switch_step(&slot[s]);
}
