/* SPDX-License-Identifier: MIT */
#include "tests/unit/vpci_fixture.h"
#include "lib/bits.h"

#include <stdlib.h>
#include <string.h>

#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "host/domains/domains.h"
#include "host/platform/acpi.h"
#include "host/platform/mmio_ranges.h"
#include "host/platform/pci_config.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/pci_resources.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/machine_function.h"

struct fake_function fake_function[3];
unsigned fake_domain_resets, fake_packets;
uint8_t fake_first_packet[512], fake_last_packet[512];
uint8_t machine_config[4096], machine_bar1[FAKE_BAR_BYTES];

#define ECAM       UINT64_C(0xB0000000)
#define PAGES_SEEN 0x2000u /* of the low range */

static uint64_t mapped[PAGES_SEEN];
static const struct mmio_range *ranges[4];
static unsigned range_count;

uint64_t fake_mapped(uint64_t gpa)
{
    return gpa - FAKE_LOW < PAGES_SEEN * 4096u ? mapped[(gpa - FAKE_LOW) / 4096] : 0;
}

static bool map_page(uint64_t gpa, void *page)
{
    if (gpa - FAKE_LOW < PAGES_SEEN * 4096u)
        mapped[(gpa - FAKE_LOW) / 4096] = (uintptr_t)page;
    return true;
}

static void reach(uint64_t start, uint64_t length)
{
    (void)start;
    (void)length;
}

void mmio_add(const struct mmio_range *range)
{
    ranges[range_count++] = range;
}

static const struct mmio_range *range_of(uint64_t gpa)
{
    for (unsigned i = 0; i < range_count; i++)
        if (gpa - ranges[i]->start < ranges[i]->length)
            return ranges[i];
    abort();
}

uint64_t fake_mmio_read(uint64_t gpa, unsigned size)
{
    return range_of(gpa)->read(gpa, size);
}

void fake_mmio_write(uint64_t gpa, unsigned size, uint64_t value)
{
    range_of(gpa)->write(gpa, size, value);
}

void guest_protect(uint64_t start, uint64_t length, const char *what)
{
    (void)start;
    (void)length;
    (void)what;
}

uint64_t pci_find_free_range(uint64_t length)
{
    (void)length;
    return FAKE_HIGH;
}

uint64_t pci_find_free_low_range(uint64_t length)
{
    (void)length;
    return FAKE_LOW;
}

void bar_decode_allow(uint64_t start, uint64_t length)
{
    (void)start;
    (void)length;
}

uint64_t bar_read(uint64_t gpa, unsigned size)
{
    (void)gpa;
    (void)size;
    return 0xBA;
}

void bar_write(uint64_t gpa, unsigned size, uint64_t value)
{
    (void)gpa;
    (void)size;
    (void)value;
}

void config_trap_remove(uint16_t bdf)
{
    (void)bdf;
}

bool acpi_ecam(struct acpi_ecam *ecam)
{
    *ecam = (struct acpi_ecam){.base = ECAM, .first_bus = 0, .last_bus = 0xFF};
    return true;
}

const struct pci_function *pci_functions(unsigned *count)
{
    static const struct pci_function functions[] = {
        {.device_id = 0x80, .bdf = 0x80, .emulated = true},
        {.device_id = 0x83, .bdf = 0x83, .emulated = true},
        {.device_id = 0x88, .bdf = 0x88, .emulated = true},
        {.device_id = 0x90, .bdf = FAKE_MACHINE},
        {.device_id = 0xF8, .bdf = 0xF8},
    };

    *count = ARRAY_SIZE(functions);
    return functions;
}

unsigned pci_find_capability(uint16_t bdf, uint8_t id)
{
    (void)bdf;
    switch (id) {
    case PCI_CAPABILITY_MSI:
        return FAKE_MSI;
    case PCI_CAPABILITY_MSIX:
        return FAKE_MSIX;
    case PCI_CAPABILITY_EXPRESS:
        return FAKE_EXPRESS;
    case PCI_CAPABILITY_POWER:
        return FAKE_POWER;
    default:
        return 0;
    }
}

struct device *device_find(uint64_t device_id)
{
    return device_id != 0xF8 ? (struct device *)(void *)fake_function : NULL; /* not looked into */
}

void domains_device_reset(uint64_t device_id)
{
    (void)device_id;
    fake_domain_resets++;
}

/* The functions of the host. */
static struct fake_function *fake_of(const struct vpci_function *function)
{
    return &fake_function[function->bdf == 0x80 ? 0 : function->bdf == 0x83 ? 1 : 2];
}

static uint32_t read(struct vpci_function *function, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    if (offset + size > sizeof(fake_function[0].config))
        return 0;
    memcpy(&value, fake_of(function)->config + offset, size);
    return value;
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    if (offset + size <= sizeof(fake_function[0].config))
        memcpy(fake_of(function)->config + offset, &value, size);
}

static void reset(struct vpci_function *function)
{
    fake_of(function)->resets++;
    interrupts_delete_all(function);
}

static void retargeted(struct vpci_function *function)
{
    fake_of(function)->retargets++;
}

bool virtual_function_init(struct vpci_function *function)
{
    static const struct vpci_function_ops ops = {read, write, reset, retargeted};

    function->ops = &ops;
    function->bar_mask[0] = 0xFFE0000C;
    function->bar_mask[1] = UINT32_MAX;
    memcpy(fake_of(function)->config, "\x56\x50\x01\x0D\0\0\0\0\x01\0\x80\x08", 12);
    return true;
}

/* The machine: BARs keep their upper bits, read-only registers their value. */
static uint8_t *machine_byte(uint64_t address)
{
    if (address - (ECAM + FAKE_MACHINE * 4096u) < sizeof(machine_config))
        return machine_config + (address - (ECAM + FAKE_MACHINE * 4096u));
    if (address - FAKE_BAR1 < sizeof(machine_bar1))
        return machine_bar1 + (address - FAKE_BAR1);
    abort();
}

uint64_t machine_in(uint64_t address, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, machine_byte(address), size);
    return value;
}

void machine_out(uint64_t address, unsigned size, uint64_t value)
{
    uint64_t offset = address - (ECAM + FAKE_MACHINE * 4096u);

    if (offset == 0x10 || offset == 0x14)
        value &= ~(uint64_t)(FAKE_BAR_BYTES - 1);
    else if (offset >= 0x18 && offset < 0x28)
        value = 0;
    else if (offset == FAKE_MSI + 2)
        value = (value & 0x71) | 0x8A; /* 64-bit, and 32 messages */
    memcpy(machine_byte(address), &value, size);
}

static void machine_set_up(void)
{
    static const uint8_t capabilities[] = {[FAKE_MSI] = 0x05,         [FAKE_MSI + 1] = FAKE_MSIX,
                                           [FAKE_MSI + 2] = 0x8A,     [FAKE_MSIX] = 0x11,
                                           [FAKE_MSIX + 2] = 1,       [FAKE_MSIX + 4] = 1,
                                           [FAKE_EXPRESS + 7] = 0x10, [FAKE_EXPRESS + 9] = 0x28,
                                           [FAKE_POWER + 4] = 0x08};

    memcpy(machine_config, capabilities, sizeof(capabilities));
    memcpy(machine_config, "\x36\x1B\x06\x00\x02\x00\x10\x00\x01\x00\x80\x02", 12);
    machine_config[0x34] = FAKE_MSI;
    memcpy(machine_config + 0x100, "\x01\x00\x01\x14", 4);
    memcpy(machine_config + FAKE_SRIOV, "\x10\x00\x01\x18\x00\x00\x00\x00\x55", 9);
    memcpy(machine_config + 0x180, "\x03\x00\x01\x00", 4);
    machine_out(ECAM + FAKE_MACHINE * 4096u + 0x10, 4, FAKE_BAR0);
    machine_out(ECAM + FAKE_MACHINE * 4096u + 0x14, 4, FAKE_BAR1);
}

void fake_vpci_open(uint32_t channel, uint32_t version)
{
    struct vpci_version_query query = {.type = VPCI_QUERY_PROTOCOL_VERSION, .version = version};
    static const struct vpci_hooks hooks = {map_page, reach};

    if (range_count == 0) {
        machine_set_up();
        vpci_create(&hooks);
    }
    fake_guest_start();
    fake_packets = 0;
    if (!fake_connect(VMBUS_VERSION_5_3) || fake_open(channel, 1) != NT_STATUS_SUCCESS ||
        fake_vpci_request(channel, &query, sizeof(query), NULL, 0) != NT_STATUS_SUCCESS)
        abort();
    for (unsigned i = 0; i < 3; i++)
        fake_function[i].resets = fake_function[i].retargets = 0;
    fake_domain_resets = 0;
}

uint32_t fake_vpci_request(uint32_t channel, const void *request, size_t size, void *reply,
                           size_t reply_size)
{
    static uint64_t transaction;
    static uint8_t payload[8192];
    uint32_t status = UINT32_MAX;
    uint64_t seen;
    uint16_t type;
    size_t length;

    fake_ring_put(VMBUS_PACKET_FLAG_COMPLETION, ++transaction, request, size);
    fake_signal(channel);
    while ((type = fake_ring_take(&seen, payload, &length)) != 0) {
        if (type == VMBUS_PACKET_DATA) {
            if (fake_packets++ == 0)
                memcpy(fake_first_packet, payload,
                       length < sizeof(fake_first_packet) ? length : sizeof(fake_first_packet));
            memcpy(fake_last_packet, payload,
                   length < sizeof(fake_last_packet) ? length : sizeof(fake_last_packet));
            continue;
        }
        if (type != VMBUS_PACKET_COMPLETION || seen != transaction)
            abort();
        memcpy(&status, payload, sizeof(status));
        if (reply)
            memcpy(reply, payload, reply_size < length ? reply_size : length);
    }
    return status;
}
