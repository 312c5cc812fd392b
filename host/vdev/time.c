/* SPDX-License-Identifier: MIT */
/* The host has no timer of its own, so that time passes for the devices at exits. */
#include "host/base/reference_time.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/vdev.h"
#include "lib/hot.h"

HOT_DATA int vdev_requests_watched;

void vdev_watch(struct vdev_function *function, int change)
{
    function->watched += change;
    __atomic_fetch_add(&vdev_requests_watched, change, __ATOMIC_RELAXED);
}

void vdev_let_time_pass(void)
{
    struct vdev_function *function;
    unsigned count;
    uint64_t now;

    soft_lock();
    now = reference_time();
    function = vdev_functions(&count);
    for (unsigned i = 0; i < count; i++)
        if (function[i].watched)
            function[i].device->tick(function[i].engine, now);
    soft_unlock();
}
