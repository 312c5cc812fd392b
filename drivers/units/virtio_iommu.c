/* SPDX-License-Identifier: MIT */
#include "drivers/units/virtio_iommu.h"

#include "drivers/dma_engine.h"
#include "drivers/pci.h"
#include "drivers/units/own_domains.h"
#include "drivers/units/virtio_faults.h"
#include "drivers/units/virtio_transport.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"

#define VENDOR_VIRTIO  0x1AF4u
#define DEVICE_IOMMU   0x1057u /* 0x1040 + 23 */
#define ANSWER_US      500000u
#define REQUESTS_QUEUE 0u
#define EVENTS_QUEUE   1u
#define EVENT_DISTANCE 32u
#define TAIL_OFFSET    2048u /* in the page of a request */
/* 5.13.4 */
#define CONFIG_PAGE_SIZES   0u
#define CONFIG_FIRST_IOVA   8u
#define CONFIG_LAST_IOVA    16u
#define CONFIG_FIRST_DOMAIN 24u
#define CONFIG_LAST_DOMAIN  28u
#define CONFIG_PROBE_SIZE   32u
#define CONFIG_BYPASS       36u

#define PLACEMENTS_MAX  16u
#define EMPTYING_DOMAIN 0x7000F002u /* of no test */

static struct {
    struct virtio_device device;
    struct virtq requests, events;
    uint8_t *request; /* a page: the request, and from TAIL_OFFSET its tail */
    uint8_t *event;   /* VIRTQ_SIZE records, EVENT_DISTANCE apart */
    uint64_t sent;
    struct virtio_placement placements[PLACEMENTS_MAX]; /* that a test has asked for */
    unsigned placement_count;
    bool tested; /* since virtio_iommu_settle() */
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
    const struct virtq_part part = {unit.event + (size_t)n * EVENT_DISTANCE,
                                    sizeof(struct virtio_iommu_event), true};

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

/* From reset to DRIVER_OK, on the memory of the first time. */
static const char *bring_up(void)
{
    const char *problem = virtio_begin(&unit.device, find(),
                                       VIRTIO_IOMMU_F_INPUT_RANGE | VIRTIO_IOMMU_F_DOMAIN_RANGE |
                                           VIRTIO_IOMMU_F_MAP_UNMAP | VIRTIO_IOMMU_F_PROBE |
                                           VIRTIO_IOMMU_F_BYPASS_CONFIG);

    if (problem)
        return problem;
    if (!(unit.device.accepted & VIRTIO_IOMMU_F_MAP_UNMAP))
        return "the virtio-iommu does not offer MAP_UNMAP";
    if (!virtio_queue(&unit.device, &unit.requests, REQUESTS_QUEUE) ||
        !virtio_queue(&unit.device, &unit.events, EVENTS_QUEUE))
        return "the virtio-iommu lacks a queue";
    if (!virtio_ready(&unit.device))
        return "the virtio-iommu does not become ready";
    for (unsigned i = 0; i < VIRTQ_SIZE; i++)
        give_event(i);
    return NULL;
}

static void write_bypass(uint8_t value)
{
    if (unit.device.accepted & VIRTIO_IOMMU_F_BYPASS_CONFIG)
        unit.device.config[CONFIG_BYPASS] = value;
}

void virtio_iommu_set_bypass(uint8_t value)
{
    const struct virtio_fault *fault = virtio_fault_chosen();

    unit.tested = true;
    write_bypass(fault && fault->bypass ? fault->bypass(value) : value);
}

const char *virtio_iommu_start(void)
{
    size_t count;
    const char *problem;

    (void)dma_engines(&count); /* stops the bus masters that firmware left on */
    if (!find())
        return "no virtio-iommu: no PCI function 1af4:1057";
    unit.request = memory_boot_pages(1);
    unit.event = memory_boot_pages(1);
    problem = bring_up();
    if (!problem)
        write_bypass(0); /* a device in no domain is blocked */
    return problem;
}

const char *virtio_iommu_restart(void)
{
    unit.tested = true;
    return bring_up();
}

void virtio_iommu_settle(void)
{
    struct virtio_iommu_event event;

    if (!unit.tested)
        return;
    /* A unit that has stopped takes no DETACH, and one that is reset may keep its domains:
     * QEMU 10.0 does (VIO-6). */
    if (virtio_needs_reset(&unit.device))
        (void)bring_up();
    for (unsigned i = 0; i < unit.placement_count; i++)
        (void)virtio_iommu_detach(unit.placements[i].domain, unit.placements[i].endpoint);
    unit.placement_count = 0;
    while (virtio_iommu_next_event(&event)) {
    }
    write_bypass(0);
    unit.tested = false;
}

const char *virtio_iommu_empty(void)
{
    size_t count;
    const struct dma_engine *e = dma_engines(&count);
    const char *problem = bring_up();

    /* ATTACH takes a device out of any domain that it is in, and the last one's DETACH ends this
     * domain. */
    for (size_t i = 0; !problem && i < count; i++) {
        const uint32_t endpoint = e[i].function.bdf;

        if (virtio_iommu_attach(EMPTYING_DOMAIN, endpoint, 0) != VIRTIO_IOMMU_OK ||
            virtio_iommu_detach(EMPTYING_DOMAIN, endpoint) != VIRTIO_IOMMU_OK)
            problem = "the virtio-iommu does not let a device out of its domain";
    }
    if (problem)
        return problem;
    unit.tested = true;
    unit.placement_count = 0;
    virtio_iommu_settle();
    return NULL;
}

/* The answer is in unit.request from TAIL_OFFSET on. False: not given back in time. */
static bool exchange(const void *request, uint32_t size, uint32_t room, uint32_t *used)
{
    uint8_t *answer = unit.request + TAIL_OFFSET;
    const struct virtq_part parts[] = {{unit.request, size, false}, {answer, room, true}};
    uint64_t end = time_us() + ANSWER_US;

    memcpy(unit.request, request, size);
    memset(answer, VIRTIO_IOMMU_UNWRITTEN, room);
    virtq_give(&unit.requests, 0, parts, room == 0 ? 1 : 2);
    while (virtq_take(&unit.requests, used) < 0) {
        if (time_us() > end)
            return false;
        cpu_pause();
    }
    cpu_memory_barrier();
    unit.sent++;
    return true;
}

static enum virtio_iommu_status send(const void *request, uint32_t size)
{
    uint32_t used;

    if (!exchange(request, size, sizeof(struct virtio_iommu_tail), &used))
        return VIRTIO_IOMMU_NO_ANSWER;
    return (enum virtio_iommu_status) * (volatile uint8_t *)(unit.request + TAIL_OFFSET);
}

/* As the chosen fault has it. */
static bool exchange_with_fault(const struct virtio_fault *fault, const void *request,
                                uint32_t size, uint32_t room, uint32_t *used)
{
    static uint8_t answer[VIRTIO_IOMMU_ANSWER_MAX];
    union virtio_iommu_request changed = {0};
    struct virtio_wire wire = {&changed, size, room, answer, unit.placements, unit.placement_count};

    memcpy(&changed, request, size);
    memset(answer, 0, room);
    *used = room;
    if (!fault->before || !fault->before(&wire)) {
        if (!exchange(&changed, size, room, used))
            return false;
        memcpy(answer, unit.request + TAIL_OFFSET, room);
        if (fault->after && room >= sizeof(struct virtio_iommu_tail))
            fault->after(&wire);
    }
    memcpy(unit.request + TAIL_OFFSET, answer, room);
    return true;
}

const uint8_t *virtio_iommu_exchange(const void *request, uint32_t size, uint32_t room,
                                     uint32_t *used)
{
    const struct virtio_iommu_attach *attach = request;
    const struct virtio_fault *fault = virtio_fault_chosen();
    const bool done = fault ? exchange_with_fault(fault, request, size, room, used)
                            : exchange(request, size, room, used);

    unit.tested = true;
    if (attach->type == VIRTIO_IOMMU_ATTACH && size >= sizeof(*attach) &&
        unit.placement_count < PLACEMENTS_MAX) {
        unit.placements[unit.placement_count++] =
            (struct virtio_placement){attach->domain, attach->endpoint};
    }
    return done ? unit.request + TAIL_OFFSET : NULL;
}

enum virtio_iommu_status virtio_iommu_map(uint32_t domain, uint64_t start, uint64_t end,
                                          uint64_t gpa, uint32_t flags)
{
    const struct virtio_iommu_map r = {.type = VIRTIO_IOMMU_MAP,
                                       .domain = domain,
                                       .start = start,
                                       .end = end,
                                       .physical = gpa,
                                       .flags = flags};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_unmap(uint32_t domain, uint64_t start, uint64_t end)
{
    const struct virtio_iommu_unmap r = {
        .type = VIRTIO_IOMMU_UNMAP, .domain = domain, .start = start, .end = end};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_attach(uint32_t domain, uint32_t endpoint, uint32_t flags)
{
    const struct virtio_iommu_attach r = {
        .type = VIRTIO_IOMMU_ATTACH, .domain = domain, .endpoint = endpoint, .flags = flags};

    return send(&r, sizeof(r));
}

enum virtio_iommu_status virtio_iommu_detach(uint32_t domain, uint32_t endpoint)
{
    const struct virtio_iommu_detach r = {
        .type = VIRTIO_IOMMU_DETACH, .domain = domain, .endpoint = endpoint};

    return send(&r, sizeof(r));
}

static struct oracle_fault record_of(const struct virtio_iommu_event *event)
{
    const struct dma_engine *e = own_engine_at((uint16_t)event->endpoint);
    const bool write = (event->flags & VIRTIO_IOMMU_EVENT_WRITE) != 0,
               read = (event->flags & VIRTIO_IOMMU_EVENT_READ) != 0;

    return (struct oracle_fault){
        .device_id = e ? e->device_id : 0,
        .iova = event->address,
        .valid = ORACLE_FAULT_VALID,
        .access = write  ? ORACLE_ACCESS_WRITE
                  : read ? ORACLE_ACCESS_READ
                         : ORACLE_ACCESS_NONE,
        .reason_class = event->reason == VIRTIO_IOMMU_REASON_DOMAIN ? ORACLE_FAULT_CLASS_BLOCKED
                        : write ? ORACLE_FAULT_CLASS_WRITE_DENIED
                        : read  ? ORACLE_FAULT_CLASS_READ_DENIED
                                : ORACLE_FAULT_CLASS_NOT_PRESENT,
        .raw_reason = event->reason,
    };
}

bool virtio_iommu_next_event(struct virtio_iommu_event *event)
{
    uint32_t used;
    int n = virtq_take(&unit.events, &used);

    if (n < 0)
        return false;
    memcpy(event, unit.event + (size_t)n * EVENT_DISTANCE, sizeof(*event));
    give_event((unsigned)n);
    if (virtio_fault_chosen() && virtio_fault_chosen()->event)
        virtio_fault_chosen()->event(event);
    return true;
}

void virtio_iommu_take_event(uint64_t device_id, struct oracle_fault *fault)
{
    struct virtio_iommu_event event;

    *fault = (struct oracle_fault){0};
    while (virtio_iommu_next_event(&event)) {
        const struct oracle_fault found = record_of(&event);

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
        .probe_size = config32(CONFIG_PROBE_SIZE),
        .bypass = unit.device.config[CONFIG_BYPASS],
    };
    if (virtio_fault_chosen() && virtio_fault_chosen()->facts)
        virtio_fault_chosen()->facts(facts);
}
