/* SPDX-License-Identifier: MIT */
/* Virtual functions that break the specification of PCI: MSI-X of IOAT, and bus mastering. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/ioat_private.h"

#define VECTOR_DATA    (IOAT_MSIX_TABLE + 8u)
#define VECTOR_CONTROL (IOAT_MSIX_TABLE + 12u)

static vdev_config_writer *right_config_write;
static const struct vdev_device *right_device;
static struct vdev_device device; /* in the place of IOAT's */
static uint32_t later;            /* data of a message that is pending; 0: none */

static void write_vector_control(struct ioat *ioat, uint64_t value)
{
    bool unmasks = (value & MSIX_ENTRY_MASKED) == 0, pending = ioat->message_pending;

    if (unmasks && defect_active(DEFECT_MASKED_MESSAGE_LOST))
        ioat->message_pending = false;
    if (defect_active(DEFECT_MASKED_MESSAGE_SENT))
        value &= ~(uint64_t)MSIX_ENTRY_MASKED;
    right_device->write(ioat, VECTOR_CONTROL, sizeof(uint32_t), value);
    if (unmasks && pending && defect_active(DEFECT_MASKED_MESSAGE_STAYS))
        ioat->message_pending = true;
    if (unmasks && later != 0)
        right_device->write(ioat, VECTOR_DATA, sizeof(uint32_t), later);
    later = 0;
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;

    if (offset == VECTOR_CONTROL)
        write_vector_control(ioat, value);
    else if (offset == VECTOR_DATA && ioat->message_pending &&
             defect_active(DEFECT_MASKED_MESSAGE_OLD))
        later = (uint32_t)value;
    else
        right_device->write(engine, offset, size, value);
}

static uint64_t read(void *engine, unsigned offset, unsigned size)
{
    return offset == IOAT_MSIX_PBA && defect_active(DEFECT_MASKED_MESSAGE_UNSHOWN)
               ? 0
               : right_device->read(engine, offset, size);
}

static void replace(struct vdev_function *function)
{
    if (function->device == &device)
        return;
    right_device = function->device;
    device = *right_device;
    device.read = read;
    device.write = write;
    function->device = &device;
}

static uint64_t command(const struct vdev_function *function, uint64_t value)
{
    bool off = (value & COMMAND_MEMORY) != 0 && (value & COMMAND_MASTER) == 0;
    bool was_on = (config_read(function->config, CONFIG_COMMAND, 2) & COMMAND_MASTER) != 0;

    if (off &&
        defect_active(function->probe ? DEFECT_PROBE_WITHOUT_MASTER : DEFECT_COPY_WITHOUT_MASTER))
        return value | COMMAND_MASTER;
    if (off && was_on && defect_active(DEFECT_MASTER_OFF_HIDES))
        return value & ~(uint64_t)COMMAND_MEMORY;
    if ((value & COMMAND_MASTER) != 0 && defect_active(DEFECT_MASTER_OFF_HIDES))
        return value | COMMAND_MEMORY;
    return value;
}

static void write_configuration(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value)
{
    bool ioat = function->device && !function->probe;

    if (ioat)
        replace(function);
    if (function->device && offset == CONFIG_COMMAND)
        value = command(function, value);
    if (ioat && offset == MSI_CONTROL && defect_active(DEFECT_FUNCTION_MASK_IGNORED))
        value &= ~(uint64_t)MSIX_CONTROL_MASK;
    right_config_write(function, offset, size, value);
}

void defects_install_pci_functions(void)
{
    if (!ANY(DEFECT_MASKED_MESSAGE_LOST, DEFECT_MASKED_MESSAGE_SENT, DEFECT_MASKED_MESSAGE_UNSHOWN,
             DEFECT_MASKED_MESSAGE_STAYS, DEFECT_MASKED_MESSAGE_OLD, DEFECT_FUNCTION_MASK_IGNORED,
             DEFECT_COPY_WITHOUT_MASTER, DEFECT_PROBE_WITHOUT_MASTER, DEFECT_MASTER_OFF_HIDES))
        return;
    right_config_write = vdev_config_write;
    vdev_config_write = write_configuration;
}
