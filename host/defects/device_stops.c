/* SPDX-License-Identifier: MIT */
/* IOAT that is told to stop, and has a copy under way. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/ioat_private.h"
#include "lib/string.h"

#define COMMAND    (IOAT_CHANNEL(0) + IOAT_CHANCMD)
#define LATE_EXITS 12u /* to the host, until a copy that was kept lands */
#define LATE_BYTES 256u

static vdev_config_writer *right_config_write;
static const struct vdev_device *right_device;
static struct vdev_device device; /* in the place of IOAT's */
static struct {
    struct ioat *ioat;
    unsigned exits; /* 0: nothing is kept */
    uint64_t spa, size;
    uint8_t bytes[LATE_BYTES];
} late;

static void keep(struct ioat *ioat)
{
    const struct softiommu_piece *first = &ioat->piece[0];

    if (late.exits != 0 || ioat->request.state != SOFTIOMMU_REQUEST_IN_FLIGHT)
        return;
    late.ioat = ioat;
    late.exits = LATE_EXITS;
    late.spa = first->spa;
    late.size = first->size < LATE_BYTES ? first->size : LATE_BYTES;
    memcpy(late.bytes, ioat->buffer, late.size);
    vdev_watch(ioat->function, 1);
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;
    bool resets = offset == COMMAND && (value & IOAT_CHANCMD_RESET) != 0;
    bool suspends = offset == COMMAND && !resets && (value & IOAT_CHANCMD_SUSPEND) != 0 &&
                    ioat->status != IOAT_STATUS_HALTED;

    if (suspends && defect_active(DEFECT_SUSPEND_IN_FLIGHT)) {
        ioat->status = IOAT_STATUS_SUSPENDED; /* until the end of the copy */
        return;
    }
    if ((suspends && defect_active(DEFECT_SUSPEND_LANDS_LATE)) ||
        (resets && defect_active(DEFECT_RESET_LANDS_LATE)))
        keep(ioat);
    right_device->write(engine, offset, size, value);
}

static void tick(void *engine, uint64_t now)
{
    if (late.exits != 0 && late.ioat == engine && --late.exits == 0) {
        soft_memory.copy_to(NULL, late.spa, late.bytes, late.size);
        vdev_watch(late.ioat->function, -1);
    }
    right_device->tick(engine, now);
}

static void write_configuration(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value)
{
    if (function->device && !function->probe && function->device != &device) {
        right_device = function->device;
        device = *right_device;
        device.write = write;
        device.tick = tick;
        function->device = &device;
    }
    right_config_write(function, offset, size, value);
}

void defects_install_device_stops(void)
{
    if (!ANY(DEFECT_SUSPEND_IN_FLIGHT, DEFECT_SUSPEND_LANDS_LATE, DEFECT_RESET_LANDS_LATE))
        return;
    right_config_write = vdev_config_write;
    vdev_config_write = write_configuration;
}
