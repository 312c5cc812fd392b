/* SPDX-License-Identifier: MIT */
/* The host has no timer of its own, so that time passes for the devices at exits. */
#include "host/base/reference_time.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/vdev.h"

static int watched; /* most of the time none, and an exit then costs one look */

void vdev_watch(int change)
{
    __atomic_fetch_add(&watched, change, __ATOMIC_RELAXED);
}

bool vdev_watched(void)
{
    return __atomic_load_n(&watched, __ATOMIC_RELAXED) != 0;
}

void vdev_tick(void)
{
    struct vdev_function *function;
    unsigned count;
    uint64_t now;

    if (!vdev_watched())
        return;
    soft_lock();
    now = reference_time();
    function = vdev_functions(&count);
    for (unsigned i = 0; i < count; i++)
        if (function[i].device)
            function[i].device->tick(function[i].engine, now);
    soft_unlock();
}
