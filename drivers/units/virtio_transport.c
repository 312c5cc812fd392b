/* SPDX-License-Identifier: MIT */
#include "drivers/units/virtio_transport.h"

#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"

#define RESET_US 500000u

/* 2.7.5 */
struct virtq_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
#define DESCRIPTOR_NEXT  1u
#define DESCRIPTOR_WRITE 2u

/* 4.1.4: a capability of the vendor's kind. */
#define PCI_CAPABILITY_VENDOR 0x09u
#define CAP_NEXT              1u
#define CAP_TYPE              3u
#define CAP_BAR               4u
#define CAP_OFFSET            8u
#define CAP_LENGTH            12u
#define CAP_NOTIFY_MULTIPLIER 16u
#define TYPE_COMMON           1u
#define TYPE_NOTIFY           2u
#define TYPE_DEVICE           4u
#define CAPABILITIES_MAX      48u
#define BARS                  6u
#define WINDOW_MAX            0x10000u /* bytes of a structure that this driver maps */

/* 4.1.4.3 */
#define COMMON_DEVICE_SELECT 0x00u
#define COMMON_DEVICE        0x04u
#define COMMON_DRIVER_SELECT 0x08u
#define COMMON_DRIVER        0x0Cu
#define COMMON_STATUS        0x14u
#define COMMON_QUEUE_SELECT  0x16u
#define COMMON_QUEUE_SIZE    0x18u
#define COMMON_QUEUE_ENABLE  0x1Cu
#define COMMON_QUEUE_NOTIFY  0x1Eu
#define COMMON_QUEUE_DESC    0x20u
#define COMMON_QUEUE_DRIVER  0x28u
#define COMMON_QUEUE_DEVICE  0x30u

/* 2.1 */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_FAILED      128u

#define FEATURE_VERSION_1 BIT(32)

static void write8(const struct virtio_device *v, unsigned offset, uint8_t value)
{
    v->common[offset] = value;
}

static void write16(const struct virtio_device *v, unsigned offset, uint16_t value)
{
    *(volatile uint16_t *)(v->common + offset) = value;
}

static void write32(const struct virtio_device *v, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(v->common + offset) = value;
}

static uint16_t read16(const struct virtio_device *v, unsigned offset)
{
    return *(volatile uint16_t *)(v->common + offset);
}

static uint32_t read32(const struct virtio_device *v, unsigned offset)
{
    return *(volatile uint32_t *)(v->common + offset);
}

static void write_address(const struct virtio_device *v, unsigned offset,
                          const volatile void *memory)
{
    uint64_t gpa = gpa_of((const void *)memory);

    write32(v, offset, (uint32_t)gpa);
    write32(v, offset + 4, (uint32_t)(gpa >> 32));
}

static volatile uint8_t *map_structure(const struct pci_function *f, unsigned at)
{
    unsigned index = pci_read8(f, at + CAP_BAR);
    uint64_t bar = index < BARS ? pci_bar(f, index) : 0;
    uint32_t length = pci_read32(f, at + CAP_LENGTH);

    if (bar == 0 || length == 0)
        return NULL;
    return paging_map_mmio(bar + pci_read32(f, at + CAP_OFFSET),
                           length < WINDOW_MAX ? length : WINDOW_MAX);
}

/* The first structure of each kind, as 4.1.4 asks of a driver. */
static bool find_structures(struct virtio_device *v, const struct pci_function *f)
{
    unsigned at = pci_capability(f, PCI_CAPABILITY_VENDOR);

    for (unsigned i = 0; i < CAPABILITIES_MAX && at >= 0x40; i++) {
        if (pci_read8(f, at) == PCI_CAPABILITY_VENDOR) {
            switch (pci_read8(f, at + CAP_TYPE)) {
            case TYPE_COMMON:
                v->common = v->common ? v->common : map_structure(f, at);
                break;
            case TYPE_NOTIFY:
                if (!v->notify) {
                    v->notify = map_structure(f, at);
                    v->notify_multiplier = pci_read32(f, at + CAP_NOTIFY_MULTIPLIER);
                }
                break;
            case TYPE_DEVICE:
                v->config = v->config ? v->config : map_structure(f, at);
                break;
            default:
                break;
            }
        }
        at = pci_read8(f, at + CAP_NEXT) & 0xFCu;
    }
    return v->common && v->notify && v->config;
}

const char *virtio_begin(struct virtio_device *v, const struct pci_function *f, uint64_t wanted)
{
    uint64_t end;

    *v = (struct virtio_device){0};
    pci_enable(f, true);
    if (!find_structures(v, f))
        return "the virtio device has no modern interface: a structure is missing";
    write8(v, COMMON_STATUS, 0);
    end = time_us() + RESET_US;
    while (v->common[COMMON_STATUS] != 0) {
        if (time_us() > end)
            return "the virtio device does not end its reset";
        cpu_pause();
    }
    write8(v, COMMON_STATUS, STATUS_ACKNOWLEDGE);
    write8(v, COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    for (unsigned half = 0; half < 2; half++) {
        write32(v, COMMON_DEVICE_SELECT, half);
        v->offered |= (uint64_t)read32(v, COMMON_DEVICE) << (32 * half);
    }
    v->accepted = v->offered & (wanted | FEATURE_VERSION_1);
    if (!(v->accepted & FEATURE_VERSION_1))
        return "the virtio device does not offer VERSION_1";
    for (unsigned half = 0; half < 2; half++) {
        write32(v, COMMON_DRIVER_SELECT, half);
        write32(v, COMMON_DRIVER, (uint32_t)(v->accepted >> (32 * half)));
    }
    write8(v, COMMON_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    return v->common[COMMON_STATUS] & STATUS_FEATURES_OK ? NULL
                                                         : "the virtio device refuses the features";
}

bool virtio_queue(struct virtio_device *v, struct virtq *q, uint16_t number)
{
    q->number = number;
    q->sent = 0;
    q->seen = 0;
    write16(v, COMMON_QUEUE_SELECT, number);
    if (read16(v, COMMON_QUEUE_SIZE) < VIRTQ_SIZE)
        return false;
    if (!q->descriptors) {
        q->descriptors = memory_boot_pages(1);
        q->available = memory_boot_pages(1);
        q->used = memory_boot_pages(1);
    }
    memset(q->descriptors, 0, PAGE_SIZE);
    memset((void *)q->available, 0, PAGE_SIZE);
    memset((void *)q->used, 0, PAGE_SIZE);
    write16(v, COMMON_QUEUE_SIZE, VIRTQ_SIZE);
    write_address(v, COMMON_QUEUE_DESC, q->descriptors);
    write_address(v, COMMON_QUEUE_DRIVER, q->available);
    write_address(v, COMMON_QUEUE_DEVICE, q->used);
    q->notify = (volatile uint16_t *)(v->notify + (size_t)read16(v, COMMON_QUEUE_NOTIFY) *
                                                      (size_t)v->notify_multiplier);
    write16(v, COMMON_QUEUE_ENABLE, 1);
    return true;
}

bool virtio_ready(struct virtio_device *v)
{
    write8(v, COMMON_STATUS,
           STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    return !virtio_needs_reset(v);
}

bool virtio_needs_reset(const struct virtio_device *v)
{
    return (v->common[COMMON_STATUS] & (STATUS_NEEDS_RESET | STATUS_FAILED)) != 0;
}

void virtq_give(struct virtq *q, uint16_t first, const struct virtq_part *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (first + i) % VIRTQ_SIZE;

        q->descriptors[at] = (struct virtq_descriptor){
            .address = gpa_of(parts[i].memory),
            .length = parts[i].length,
            .flags = (uint16_t)((i + 1 < count ? DESCRIPTOR_NEXT : 0) |
                                (parts[i].writable ? DESCRIPTOR_WRITE : 0)),
            .next = (uint16_t)((at + 1) % VIRTQ_SIZE),
        };
    }
    q->available[2 + q->sent % VIRTQ_SIZE] = (uint16_t)(first % VIRTQ_SIZE);
    cpu_memory_barrier();
    q->available[1] = ++q->sent;
    cpu_memory_barrier();
    *q->notify = q->number;
}

int virtq_take(struct virtq *q, uint32_t *used)
{
    uint16_t index = *(volatile uint16_t *)(q->used + 2);
    const volatile uint8_t *element = q->used + 4 + 8 * (size_t)(q->seen % VIRTQ_SIZE);
    uint32_t id;

    if (index == q->seen)
        return -1;
    cpu_memory_barrier();
    id = *(const volatile uint32_t *)element;
    *used = *(const volatile uint32_t *)(element + 4);
    q->seen++;
    return (int)(id % VIRTQ_SIZE);
}
