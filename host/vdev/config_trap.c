/* SPDX-License-Identifier: MIT */
/*
 * Ports 0xCF8/0xCFC (PCI Local Bus 3.0, 3.2.2.3.2) are trapped as a whole; of ECAM (PCI Firmware
 * Specification 3.3, 4.1) only the pages of emulated functions are.
 */
#include "host/vdev/config_trap.h"

#include "host/base/instructions.h"
#include "host/base/machine_access.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/iommu/soft_backend.h"
#include "host/platform/acpi.h"
#include "host/platform/chipset.h"
#include "host/platform/generation2.h"
#include "host/platform/mmio_ranges.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/vdev.h"

#define CONFIG_ADDRESS        0xCF8u
#define CONFIG_DATA           0xCFCu
#define CONFIG_ADDRESS_ENABLE (1u << 31)

#define CONFIG_PORT_SPACE 256u /* bytes of each function */
#define REMOVED_MAX       64u

static struct {
    struct mmio_range ecam;
    uint32_t address; /* what the guest wrote to 0xCF8 */
    uint16_t removed[REMOVED_MAX];
    unsigned removed_count;
} access;

uint64_t vdev_config_read(const struct vdev_function *function, unsigned offset, unsigned size)
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
    if (function->device) {
        if (config_touches(offset, size, CONFIG_COMMAND, 2) ||
            config_touches(offset, size, CONFIG_BAR0, 8))
            bar_decode_update(function);
        if (function->ats && config_touches(offset, size, ATS_CONTROL, 2))
            soft_set_ats(function->bdf,
                         (config_read(function->config, ATS_CONTROL, 2) & ATS_CONTROL_ENABLE) != 0);
        if (function->device->configured)
            function->device->configured(function->engine);
    }
    soft_unlock();
}

vdev_config_writer *vdev_config_write = write;

/* The emulated function that the PCI bus has there. */
static struct vdev_function *on_bus(uint16_t bdf)
{
    return vdev_off_bus ? NULL : vdev_find(bdf);
}

static uint16_t ecam_bdf(uint64_t gpa)
{
    return (uint16_t)((gpa - access.ecam.start) / CONFIG_SPACE_SIZE);
}

static struct vdev_function *ecam_function(uint64_t gpa)
{
    return on_bus(ecam_bdf(gpa));
}

/* Chooses a register for port_read() and port_write(). The guest's own choice is put back by
 * guest_address(). */
static uint16_t choose(uint16_t bdf, unsigned offset)
{
    cpu_out32(CONFIG_ADDRESS, CONFIG_ADDRESS_ENABLE | (uint32_t)bdf << 8 | (offset & 0xFCu));
    return (uint16_t)(CONFIG_DATA + offset % 4);
}

static void guest_address(void)
{
    cpu_out32(CONFIG_ADDRESS, access.address);
}

static bool is_reachable(unsigned offset, unsigned size)
{
    return size <= 4 && offset % 4 + size <= 4 && offset + size <= CONFIG_PORT_SPACE;
}

static uint64_t guarded_read(uint16_t bdf, unsigned offset, unsigned size)
{
    uint64_t value = UINT64_MAX;

    if (is_reachable(offset, size)) {
        value = port_read(choose(bdf, offset), size);
        guest_address();
    }
    return value;
}

static void guarded_write(uint16_t bdf, unsigned offset, unsigned size, uint64_t value)
{
    if (!is_reachable(offset, size) || !chipset_write_allowed(bdf, offset, size))
        return;
    port_write(choose(bdf, offset), size, (uint32_t)value);
    guest_address();
}

static bool is_removed(uint16_t bdf)
{
    for (unsigned i = 0; i < access.removed_count; i++)
        if (access.removed[i] == bdf)
            return true;
    return false;
}

/* All of ECAM is trapped on a machine where it goes away. Until then the firmware's accesses go to
 * the functions of the machine. */
static bool is_passed_on(uint64_t gpa)
{
    return generation2.on && !ecam_function(gpa) && !is_removed(ecam_bdf(gpa));
}

/* Configuration space knows no access of 8 bytes. */
static uint64_t ecam_pass_read(uint64_t gpa, unsigned size)
{
    return size <= 4 ? machine_in(gpa, size) : UINT64_MAX;
}

static void ecam_pass_write(uint64_t gpa, unsigned size, uint64_t value)
{
    if (size <= 4)
        machine_out(gpa, size, value);
}

static uint64_t ecam_read(uint64_t gpa, unsigned size)
{
    const struct vdev_function *function = ecam_function(gpa);

    if (generation2_is_bare())
        return UINT64_MAX;
    if (chipset_is_guarded(ecam_bdf(gpa)))
        return guarded_read(ecam_bdf(gpa), (unsigned)(gpa % CONFIG_SPACE_SIZE), size);
    if (is_passed_on(gpa))
        return ecam_pass_read(gpa, size);
    return function ? vdev_config_read(function, (unsigned)(gpa % CONFIG_SPACE_SIZE), size)
                    : UINT64_MAX;
}

static void ecam_write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vdev_function *function = ecam_function(gpa);

    if (generation2_is_bare())
        return;
    if (chipset_is_guarded(ecam_bdf(gpa)))
        guarded_write(ecam_bdf(gpa), (unsigned)(gpa % CONFIG_SPACE_SIZE), size, value);
    else if (is_passed_on(gpa))
        ecam_pass_write(gpa, size, value);
    else if (function)
        vdev_config_write(function, (unsigned)(gpa % CONFIG_SPACE_SIZE), size, value);
}

void config_trap_hide(uint16_t bdf)
{
    uint64_t address = acpi_config_address(bdf);

    if (address != 0)
        guest_protect(address, CONFIG_SPACE_SIZE, "configuration of a function");
}

void config_trap_remove(uint16_t bdf)
{
    if (access.removed_count == REMOVED_MAX)
        host_panic("more than %u functions taken off the PCI bus", REMOVED_MAX);
    access.removed[access.removed_count++] = bdf;
    config_trap_hide(bdf);
}

void config_trap_init(void)
{
    const struct pci_function *function;
    struct acpi_ecam ecam;
    unsigned count;

    if (!acpi_ecam(&ecam))
        return;
    access.ecam = (struct mmio_range){.start = ecam.base,
                                      .length = (ecam.last_bus + 1ull) << 20,
                                      .read = ecam_read,
                                      .write = ecam_write};
    mmio_add(&access.ecam);
    if (generation2.on)
        guest_protect(access.ecam.start, access.ecam.length, "configuration space");
    function = pci_functions(&count);
    for (unsigned i = 0; i < count; i++)
        if (chipset_is_guarded(function[i].bdf))
            config_trap_hide(function[i].bdf);
}

static bool is_data(uint16_t port, unsigned size)
{
    return port >= CONFIG_DATA && port + size <= CONFIG_DATA + 4 &&
           (access.address & CONFIG_ADDRESS_ENABLE) != 0;
}

static struct vdev_function *port_function(uint16_t port, unsigned size)
{
    return is_data(port, size) ? on_bus((uint16_t)(access.address >> 8)) : NULL;
}

/* A function of the machine that is off the bus. Also for a part of the data port. */
static bool port_removed(uint16_t port, unsigned size)
{
    bool data = port + size > CONFIG_DATA && (access.address & CONFIG_ADDRESS_ENABLE) != 0;

    return data && is_removed((uint16_t)(access.address >> 8));
}

static unsigned port_offset(uint16_t port)
{
    return (access.address & 0xFCu) + (port - CONFIG_DATA);
}

uint32_t config_port_read(uint16_t port, unsigned size)
{
    const struct vdev_function *function = port_function(port, size);

    if (function)
        return (uint32_t)vdev_config_read(function, port_offset(port), size);
    if (port_removed(port, size))
        return UINT32_MAX;
    return port_read(port, size);
}

void config_port_write(uint16_t port, unsigned size, uint32_t value)
{
    struct vdev_function *function = port_function(port, size);

    if (function) {
        vdev_config_write(function, port_offset(port), size, value);
        return;
    }
    if (port_removed(port, size))
        return;
    if (port == CONFIG_ADDRESS && size == 4)
        access.address = value;
    /* The machine splits a store that is partly to the data and partly to anything else. */
    if (port + size > CONFIG_DATA &&
        (port < CONFIG_DATA || port + size > CONFIG_DATA + 4 ||
         !chipset_write_allowed((uint16_t)(access.address >> 8), port_offset(port), size)))
        return;
    if (port < CONFIG_ADDRESS)
        return;
    port_write(port, size, value);
}
