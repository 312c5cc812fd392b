/* SPDX-License-Identifier: MIT */
/* Other legal engines of IOAT: how far a chain is when the guest looks, and when a stop shows. */
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/ioat_private.h"

#define LATE_READS 6u /* until a register says that the channel has stopped */

static vdev_config_writer *usual_config_write;
static const struct vdev_device *usual;
static struct vdev_device device;
static struct {
    unsigned reads;  /* that are still to come */
    unsigned status; /* that is shown meanwhile */
} stop;

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;

    if (offset == IOAT_CHANNEL(0) + IOAT_CHANCMD && variant_active(VARIANT_IOAT_STOPS_LATE)) {
        stop.reads = LATE_READS;
        stop.status = ioat->status;
    }
    usual->write(engine, offset, size, value);
    while (ioat->watched && config_is_bus_master(ioat->function->config) &&
           variant_active(VARIANT_IOAT_WHOLE_CHAINS))
        ioat_run(ioat, true);
}

static uint64_t read(void *engine, unsigned offset, unsigned size)
{
    uint64_t value = usual->read(engine, offset, size);

    if (stop.reads == 0)
        return value;
    if (offset == IOAT_CHANNEL(0) + IOAT_CHANSTS) {
        stop.reads--;
        value = (value & ~(uint64_t)IOAT_STATUS_MASK) | stop.status;
    } else if (offset == IOAT_CHANNEL(0) + IOAT_CHANCMD) {
        stop.reads--;
        value |= IOAT_CHANCMD_RESET;
    }
    return value;
}

/* The guest places the registers before it uses them. */
static void write_configuration(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value)
{
    if (function->device && !function->probe && function->device != &device) {
        usual = function->device;
        device = *usual;
        device.read = read;
        device.write = write;
        function->device = &device;
    }
    usual_config_write(function, offset, size, value);
}

void variants_install_ioat(void)
{
    if (!variant_active(VARIANT_IOAT_WHOLE_CHAINS) && !variant_active(VARIANT_IOAT_STOPS_LATE))
        return;
    usual_config_write = vdev_config_write;
    vdev_config_write = write_configuration;
}
