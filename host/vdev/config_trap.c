/* SPDX-License-Identifier: MIT */
/*
 * Ports 0xCF8/0xCFC (PCI Local Bus 3.0, 3.2.2.3.2) are trapped as a whole; of ECAM (PCI Firmware Specification 3.3,
 * 4.1) only the pages of emulated functions are.
 */
#include "host/vdev/config_trap.h"

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/iommu/soft_backend.h"
#include "host/platform/acpi.h"
#include "host/platform/mmio_ranges.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/vdev.h"

#define CONFIG_ADDRESS        0xCF8u
#define CONFIG_DATA           0xCFCu
#define CONFIG_ADDRESS_ENABLE (1u << 31)

static struct {
    struct mmio_range ecam;
    uint32_t address; /* what the guest wrote to 0xCF8 */
} access;

static uint64_t read(const struct vdev_function *function, unsigned offset, unsigned size)
{
    uint64_t value;

    soft_lock();
    value = config_read(function->config, offset, size);
    soft_unlock();
    return value;
}

static void write(struct vdev_function *function, unsigned offset, unsigned size, uint64_t value)
{
    soft_lock();
    config_write(function->config, offset, size, value);
    if (function->probe != NULL) {
        if (config_touches(offset, size, CONFIG_COMMAND, 2) || config_touches(offset, size, CONFIG_BAR0, 8))
            bar_decode_update(function);
        if (config_touches(offset, size, CONFIG_BAR0, 8) && defect_active(DEFECT_MOVED_BLOCKED))
            soft_block(function->bdf);
        if (function->ats && config_touches(offset, size, ATS_CONTROL, 2))
            soft_set_ats(function->bdf, (config_read(function->config, ATS_CONTROL, 2) & ATS_CONTROL_ENABLE) != 0);
    }
    soft_unlock();
}

static struct vdev_function *ecam_function(uint64_t gpa)
{
    return vdev_find((uint16_t)((gpa - access.ecam.start) / CONFIG_SPACE_SIZE));
}

static uint64_t ecam_read(uint64_t gpa, unsigned size)
{
    const struct vdev_function *function = ecam_function(gpa);

    return function != NULL ? read(function, (unsigned)(gpa % CONFIG_SPACE_SIZE), size) : UINT64_MAX;
}

static void ecam_write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vdev_function *function = ecam_function(gpa);

    if (function != NULL)
        write(function, (unsigned)(gpa % CONFIG_SPACE_SIZE), size, value);
}

void config_trap_hide(uint16_t bdf)
{
    struct acpi_ecam ecam;
    unsigned bus = bdf >> 8;

    if (acpi_ecam(&ecam) && bus >= ecam.first_bus && bus <= ecam.last_bus)
        guest_protect(ecam.base + (uint64_t)bdf * CONFIG_SPACE_SIZE, CONFIG_SPACE_SIZE,
                      "configuration of a virtual function");
}

void config_trap_init(void)
{
    struct acpi_ecam ecam;

    if (!acpi_ecam(&ecam))
        return;
    access.ecam = (struct mmio_range){
        .start = ecam.base, .length = (ecam.last_bus + 1ull) << 20, .read = ecam_read, .write = ecam_write};
    mmio_add(&access.ecam);
}

static struct vdev_function *port_function(uint16_t port, unsigned size)
{
    if (port < CONFIG_DATA || port + size > CONFIG_DATA + 4 || !(access.address & CONFIG_ADDRESS_ENABLE))
        return NULL;
    return vdev_find((uint16_t)(access.address >> 8));
}

static unsigned port_offset(uint16_t port)
{
    return (access.address & 0xFCu) + (port - CONFIG_DATA);
}

uint32_t config_port_read(uint16_t port, unsigned size)
{
    const struct vdev_function *function = port_function(port, size);

    if (function != NULL)
        return (uint32_t)read(function, port_offset(port), size);
    switch (size) {
    case 1:
        return cpu_in8(port);
    case 2:
        return cpu_in16(port);
    default:
        return cpu_in32(port);
    }
}

void config_port_write(uint16_t port, unsigned size, uint32_t value)
{
    struct vdev_function *function = port_function(port, size);

    if (function != NULL) {
        write(function, port_offset(port), size, value);
        return;
    }
    if (port == CONFIG_ADDRESS && size == 4)
        access.address = value;
    switch (size) {
    case 1:
        cpu_out8(port, (uint8_t)value);
        break;
    case 2:
        cpu_out16(port, (uint16_t)value);
        break;
    default:
        cpu_out32(port, value);
        break;
    }
}
