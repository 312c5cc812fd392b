/* SPDX-License-Identifier: MIT */
/*
 * The functions, on a machine with room:
 *
 *   00:d.0     dmaprobe        00:d.1     dmaprobe+ats      one device with two functions
 *   00:d+1.0   dmaprobe+ats                                 a device with one function
 *   00:d+2.0   dmaprobe        00:d+2.3   dmaprobe+ats      functions with a gap
 *   00:d+3.0   root port to bus b                           00:d+3.1  root port to bus b+1
 *   b:00.0     dmaprobe        b:00.5     dmaprobe+ats
 *   b+1:00.0   dmaprobe
 *   00:d+4.0   IOAT            00:d+4.1   IOAT
 */
#include "abi/device_id.h"
#include "abi/dmaprobe.h"
#include "abi/ioat.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/platform/acpi.h"
#include "host/platform/pci_config.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/dmaprobe.h"
#include "host/vdev/ioat.h"
#include "host/vdev/msi.h"
#include "host/vdev/pci_resources.h"
#include "host/vdev/vdev.h"
#include "host/vdev/vdev_rules.h"
#include "lib/bits.h"

#define FIRST_DEVICE 0x10u
#define DEVICES      5u
#define PORTS_DEVICE 3u
#define IOAT_NUMBER  4u /* its device */
#define IOATS        2u
#define PORTS        2u
#define SEGMENT      0u

#define CLASS_SYSTEM_OTHER 0x088000u
#define CLASS_PCI_BRIDGE   0x060400u

struct plan {
    uint8_t port; /* 0: on bus 0; else below that port */
    uint8_t device, function;
    bool ats, multifunction;
};

static const struct plan plans[] = {
    {.device = 0, .function = 0, .multifunction = true},
    {.device = 0, .function = 1, .ats = true, .multifunction = true},
    {.device = 1, .function = 0, .ats = true},
    {.device = 2, .function = 0, .multifunction = true},
    {.device = 2, .function = 3, .ats = true, .multifunction = true},
    {.port = 1, .function = 0, .multifunction = true},
    {.port = 1, .function = 5, .ats = true, .multifunction = true},
    {.port = 2, .function = 0},
};
#define PLANS       ARRAY_SIZE(plans)
#define PLANS_BUS_0 5u /* those before the first below a port */

bool vdev_off_bus;

struct vdev_rules vdev_rules = {
    .root_ports = true, .message_window = MESSAGE_WINDOW, .send_message = msi_deliver};

static struct {
    struct vdev_function function[VDEV_FUNCTIONS_MAX];
    unsigned count;
} vdev;

struct vdev_function *vdev_functions(unsigned *count)
{
    *count = vdev.count;
    return vdev.function;
}

struct vdev_function *vdev_find(uint16_t bdf)
{
    for (unsigned i = 0; i < vdev.count; i++)
        if (vdev.function[i].bdf == bdf)
            return &vdev.function[i];
    return NULL;
}

static struct vdev_function *add(uint16_t bdf, bool managed)
{
    struct vdev_function *function = &vdev.function[vdev.count++];
    size_t pages = (sizeof(struct config_space) + PAGE_SIZE - 1) / PAGE_SIZE;

    function->bdf = bdf;
    function->config = host_pages(pages);
    pci_function_add(&(struct pci_function){.device_id = hv_pci_logical_device_id(SEGMENT, bdf),
                                            .bdf = bdf,
                                            .requester = bdf,
                                            .managed = managed,
                                            .emulated = true});
    config_trap_hide(bdf);
    return function;
}

static void add_endpoint(const struct plan *plan, unsigned device, unsigned bus, uint64_t bar)
{
    uint16_t bdf = plan->port != 0 ? pci_bdf(bus + plan->port - 1u, 0, plan->function)
                                   : pci_bdf(0, device + plan->device, plan->function);
    struct config_identity identity = {
        .vendor = DMAPROBE_VENDOR,
        .device = plan->ats ? DMAPROBE_DEVICE_ATS : DMAPROBE_DEVICE,
        .class_code = CLASS_SYSTEM_OTHER,
        .multifunction = plan->multifunction,
        .express_type = plan->port != 0 ? EXPRESS_TYPE_ENDPOINT : EXPRESS_TYPE_ROOT_ENDPOINT,
    };
    struct vdev_function *function = add(bdf, true);

    function->ats = plan->ats;
    config_endpoint(function->config, &identity, bar, DMAPROBE_BAR_SIZE, plan->ats);
    soft_add_function(bdf, dmaprobe_on_switch_step, dmaprobe_new(function));
}

static void add_port(unsigned device, unsigned port, unsigned bus, uint64_t window)
{
    struct config_identity identity = {
        .vendor = DMAPROBE_VENDOR,
        .device = DMAPROBE_DEVICE_BRIDGE,
        .class_code = CLASS_PCI_BRIDGE,
        .multifunction = true,
        .express_type = EXPRESS_TYPE_ROOT_PORT,
    };
    struct vdev_function *function = add(pci_bdf(0, device + PORTS_DEVICE, port), false);
    uint64_t first = 0, length = 0;

    for (unsigned i = 0; i < PLANS; i++) {
        if (plans[i].port == port + 1) {
            first = length == 0 ? window + i * DMAPROBE_BAR_SIZE : first;
            length += DMAPROBE_BAR_SIZE;
        }
    }
    config_bridge(function->config, &identity, (uint8_t)(bus + port), first, length);
}

static void add_ioat(unsigned device, unsigned number, uint64_t window)
{
    uint16_t bdf = pci_bdf(0, device + IOAT_NUMBER, number);
    struct config_identity identity = {
        .vendor = IOAT_VENDOR,
        .device = IOAT_DEVICE,
        .class_code = IOAT_CLASS_CODE,
        .multifunction = true,
        .express_type = EXPRESS_TYPE_ROOT_ENDPOINT,
        .msix_vectors = IOAT_MSIX_VECTORS,
        .msix_table = IOAT_MSIX_TABLE,
        .msix_pba = IOAT_MSIX_PBA,
    };
    struct vdev_function *function = add(bdf, true);

    config_endpoint(function->config, &identity,
                    window + PLANS * DMAPROBE_BAR_SIZE + number * IOAT_BAR_SIZE, IOAT_BAR_SIZE,
                    false);
    ioat_new(function);
    soft_add_function(bdf, NULL, NULL);
}

unsigned vdev_create(void)
{
    unsigned device = pci_find_free_devices(FIRST_DEVICE, DEVICES),
             bus = pci_find_free_buses(PORTS);
    unsigned endpoints = PLANS, ports = PORTS, ioats = IOATS;
    uint64_t window = vdev_off_bus ? 0 : pci_find_free_range(BAR_WINDOW_SIZE);

    if (device == 0 || bus == 0 || (window == 0 && !vdev_off_bus)) {
        host_log(LOG_ERROR, "no virtual functions: no room for %s\n",
                 device == 0 ? "their devices on bus 0"
                             : (bus == 0 ? "their buses" : "their registers"));
        return 0;
    }
    if (!vdev_rules.root_ports || vdev_rules.single) {
        endpoints = vdev_rules.single ? 1 : PLANS_BUS_0;
        ports = ioats = 0;
    }
    for (unsigned i = 0; i < endpoints; i++)
        add_endpoint(&plans[i], device, bus, window + i * DMAPROBE_BAR_SIZE);
    for (unsigned port = 0; port < ports && !vdev_off_bus; port++)
        add_port(device, port, bus, window);
    for (unsigned number = 0; number < ioats; number++)
        add_ioat(device, number, window);
    if (!vdev_off_bus)
        bar_decode_init(window);
    host_log(
        LOG_INFO,
        "%u virtual functions: 00:%02x.0 to 00:%02x, buses %02x and %02x, registers at 0x%llx\n",
        endpoints + ioats, device, device + DEVICES - 1, bus, bus + 1, (unsigned long long)window);
    return endpoints + ioats;
}
