/* SPDX-License-Identifier: MIT */
#include "drivers/units/virtio_iommu.h"

#include "drivers/dma_engine.h"
#include "drivers/pci.h"
#include "drivers/units/own_domains.h"
#include "drivers/units/virtio_transport.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"

#define VENDOR_VIRTIO    0x1AF4u
#define DEVICE_IOMMU     0x1057u /* 0x1040 + 23 */
#define ANSWER_US        500000u
#define REQUESTS_QUEUE   0u
#define EVENTS_QUEUE     1u
#define EVENT_DISTANCE   32u
#define TAIL_OFFSET      2048u /* in the page of a request */
#define STATUS_UNWRITTEN 0xEEu

/* 5.13.3 */
#define FEATURE_INPUT_RANGE   BIT(0)
#define FEATURE_DOMAIN_RANGE  BIT(1)
#define FEATURE_MAP_UNMAP     BIT(2)
#define FEATURE_BYPASS_CONFIG BIT(6)
/* 5.13.4 */
#define CONFIG_PAGE_SIZES   0u
#define CONFIG_FIRST_IOVA   8u
#define CONFIG_LAST_IOVA    16u
#define CONFIG_FIRST_DOMAIN 24u
#define CONFIG_LAST_DOMAIN  28u
#define CONFIG_BYPASS       36u

/* 5.13.6 */
struct tail {
    uint8_t status, reserved[3];
};
enum request_type { REQUEST_ATTACH = 1, REQUEST_DETACH = 2, REQUEST_MAP = 3, REQUEST_UNMAP = 4 };
struct attach_request {
    uint8_t type, reserved[3];
    uint32_t domain, endpoint, flags, reserved2;
};
struct detach_request {
    uint8_t type, reserved[3];
    uint32_t domain, endpoint, reserved2[2];
};
struct map_request {
    uint8_t type, reserved[3];
    uint32_t domain;
    uint64_t start, end, physical;
    uint32_t flags;
} __attribute__((packed));
struct unmap_request {
    uint8_t type, reserved[3];
    uint32_t domain;
    uint64_t start, end;
    uint32_t reserved2;
} __attribute__((packed));
_Static_assert(sizeof(struct attach_request) == 20, "virtio 1.2, 5.13.6.3.1");
_Static_assert(sizeof(struct detach_request) == 20, "virtio 1.2, 5.13.6.4.1");
_Static_assert(sizeof(struct map_request) == 36, "virtio 1.2, 5.13.6.5");
_Static_assert(sizeof(struct unmap_request) == 28, "virtio 1.2, 5.13.6.6");

/* 5.13.6.9 */
struct event {
    uint8_t reason, reserved[3];
    uint32_t flags, endpoint, reserved2;
    uint64_t address;
};
_Static_assert(sizeof(struct event) == 24, "virtio 1.2, 5.13.6.9");
#define REASON_DOMAIN 1u /* the endpoint is in no domain, and bypass is off */
#define EVENT_READ    BIT(0)
#define EVENT_WRITE   BIT(1)

static struct {
    struct virtio_device device;
    struct virtq requests, events;
    uint8_t *request; /* a page: the request, and from TAIL_OFFSET its tail */
    uint8_t *event;   /* VIRTQ_SIZE records, EVENT_DISTANCE apart */
    uint64_t sent;
} unit;

static uint64_t config64(unsigned offset)
{
    return *(volatile uint64_t *)(unit.device.config + offset);
}

static uint32_t config32(unsigned offset)
{
    return *(volatile uint32_t *)(unit.device.config + offset);
}

static void give_event(unsigned n)
{
    const struct virtq_part part = {unit.event + (size_t)n * EVENT_DISTANCE, sizeof(struct event),
                                    true};

    virtq_give(&unit.events, (uint16_t)n, &part, 1);
}

static const struct pci_function *find(void)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if (f[i].vendor == VENDOR_VIRTIO && f[i].device == DEVICE_IOMMU)
            return &f[i];
    return NULL;
}

const char *virtio_iommu_start(void)
{
    size_t count;
    const struct pci_function *f;
    const char *problem;

    (void)dma_engines(&count); /* stops the bus masters that firmware left on */
    f = find();
    if (!f)
        return "no virtio-iommu: no PCI function 1af4:1057";
    problem = virtio_begin(&unit.device, f,
                           FEATURE_INPUT_RANGE | FEATURE_DOMAIN_RANGE | FEATURE_MAP_UNMAP |
                               FEATURE_BYPASS_CONFIG);
    if (problem)
        return problem;
    if (!(unit.device.accepted & FEATURE_MAP_UNMAP))
        return "the virtio-iommu does not offer MAP_UNMAP";
    if (!virtio_queue(&unit.device, &unit.requests, REQUESTS_QUEUE) ||
        !virtio_queue(&unit.device, &unit.events, EVENTS_QUEUE))
        return "the virtio-iommu lacks a queue";
    unit.request = memory_boot_pages(1);
    unit.event = memory_boot_pages(1);
    if (!virtio_ready(&unit.device))
        return "the virtio-iommu does not become ready";
    for (unsigned i = 0; i < VIRTQ_SIZE; i++)
        give_event(i);
    if (unit.device.accepted & FEATURE_BYPASS_CONFIG)
        unit.device.config[CONFIG_BYPASS] = 0; /* a device in no domain is blocked */
    return NULL;
}

static enum virtio_iommu_status send(const void *request, uint32_t size)
{
    struct tail *tail = (struct tail *)(unit.request + TAIL_OFFSET);
    const struct virtq_part parts[] = {{unit.request, size, false}, {tail, sizeof(*tail), true}};
    uint64_t end = time_us() + ANSWER_US;

    memcpy(unit.request, request, size);
    tail->status = STATUS_UNWRITTEN;
    virtq_give(&unit.requests, 0, parts, 2);
    while (virtq_take(&unit.requests) < 0) {
        if (time_us() > end)
            return VIRTIO_IOMMU_NO_ANSWER;
        cpu_pause();
    }
    cpu_memory_barrier();
    unit.sent++;
    return (enum virtio_iommu_status) * (volatile uint8_t *)&tail->status;
}

enum virtio_iommu_status virtio_iommu_map(uint32_t domain, uint64_t start, uint64_t end,
                                          uint64_t gpa, uint32_t flags)
{
    const struct map_request r = {.type = REQUEST_MAP,
                                  .domain = domain,
                                  .start = start,
                                  .end = end,
                                  .physical = gpa,
                                  .flags = flags};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_unmap(uint32_t domain, uint64_t start, uint64_t end)
{
    const struct unmap_request r = {
        .type = REQUEST_UNMAP, .domain = domain, .start = start, .end = end};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_attach(uint32_t domain, uint32_t endpoint, uint32_t flags)
{
    const struct attach_request r = {
        .type = REQUEST_ATTACH, .domain = domain, .endpoint = endpoint, .flags = flags};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_detach(uint32_t domain, uint32_t endpoint)
{
    const struct detach_request r = {
        .type = REQUEST_DETACH, .domain = domain, .endpoint = endpoint};

    return send(&r, sizeof(r));
}

static struct oracle_fault record_of(const struct event *event)
{
    const struct dma_engine *e = own_engine_at((uint16_t)event->endpoint);
    const bool write = (event->flags & EVENT_WRITE) != 0, read = (event->flags & EVENT_READ) != 0;

    return (struct oracle_fault){
        .device_id = e ? e->device_id : 0,
        .iova = event->address,
        .valid = ORACLE_FAULT_VALID,
        .access = write  ? ORACLE_ACCESS_WRITE
                  : read ? ORACLE_ACCESS_READ
                         : ORACLE_ACCESS_NONE,
        .reason_class = event->reason == REASON_DOMAIN ? ORACLE_FAULT_CLASS_BLOCKED
                        : write                        ? ORACLE_FAULT_CLASS_WRITE_DENIED
                        : read                         ? ORACLE_FAULT_CLASS_READ_DENIED
                                                       : ORACLE_FAULT_CLASS_NOT_PRESENT,
        .raw_reason = event->reason,
    };
}

void virtio_iommu_take_event(uint64_t device_id, struct oracle_fault *fault)
{
    int n;

    *fault = (struct oracle_fault){0};
    while ((n = virtq_take(&unit.events)) >= 0) {
        struct event event;
        struct oracle_fault found;

        memcpy(&event, unit.event + (size_t)n * EVENT_DISTANCE, sizeof(event));
        give_event((unsigned)n);
        found = record_of(&event);
        if (device_id == ORACLE_FAULT_ANY_DEVICE || found.device_id == device_id) {
            *fault = found;
            return;
        }
    }
}

void virtio_iommu_facts(struct virtio_iommu_facts *facts)
{
    *facts = (struct virtio_iommu_facts){
        .features = unit.device.offered,
        .page_sizes = config64(CONFIG_PAGE_SIZES),
        .first_iova = config64(CONFIG_FIRST_IOVA),
        .last_iova = config64(CONFIG_LAST_IOVA),
        .requests = unit.sent,
        .first_domain = config32(CONFIG_FIRST_DOMAIN),
        .last_domain = config32(CONFIG_LAST_DOMAIN),
    };
}
