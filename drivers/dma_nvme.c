/* SPDX-License-Identifier: MIT */
/*
 * The engine that leaves every medium alone. Get Log Page with the list of changed namespaces
 * writes zeros: as many dwords as wanted, at any dword. Nothing that the controller keeps changes
 * by it. There is no command by which it would show what it reads, so reads need blocks of the
 * user's.
 */
#include "drivers/dma_nvme.h"

#include "drivers/dma_classes.h"
#include "drivers/pci_registers.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define ENTRIES_MAX 16u
#define ENGINES_MAX 8u
#define READY_MS    1000u /* before CAP is read, and where it says none */
#define MAX_LENGTH  65536u

static struct {
    struct nvme controllers[ENGINES_MAX];
    unsigned count;
} nvme;

bool nvme_match(const struct pci_function *f)
{
    return f->class_code == PCI_CLASS_NVME;
}

/* Map the controller's registers up to the last doorbell that is used. */
static bool find_registers(struct dma_engine *e, struct nvme *n)
{
    uint64_t cap;

    if (!dma_map_registers(e, NVME_DOORBELLS))
        return false;
    cap = *(volatile uint32_t *)(e->registers + NVME_CAP) |
          (uint64_t) * (volatile uint32_t *)(e->registers + NVME_CAP + 4) << 32;
    if (cap == UINT64_MAX || !NVME_CAP_NVM(cap) || NVME_CAP_MPSMIN(cap) != 0)
        return false;
    n->stride = NVME_CAP_STRIDE(cap);
    n->ready_ms = NVME_CAP_TO_MS(cap) != 0 ? NVME_CAP_TO_MS(cap) : READY_MS;
    n->entries = NVME_CAP_MQES(cap) < ENTRIES_MAX ? NVME_CAP_MQES(cap) : ENTRIES_MAX;
    return dma_map_registers(e, NVME_DOORBELLS + 2ull * NVME_QUEUES * n->stride);
}

bool nvme_probe(struct dma_engine *e)
{
    struct nvme *n = &nvme.controllers[nvme.count];

    if (nvme.count == ENGINES_MAX || !find_registers(e, n))
        return false;
    e->state = n;
    if (!nvme_stop(e))
        return false;
    e->scratch_size = (size_t)NVME_PAGES * PAGE_SIZE;
    e->scratch = memory_boot_pages(NVME_PAGES);
    nvme.count++;
    if (pci_virtual_functions(&e->function) != 0) {
        e->staging_iova = gpa_of(e->scratch); /* before anything translates */
        if (nvme_put_functions_online(e))
            return false; /* it serves its functions, and does no DMA from now on */
        pci_take_virtual_back(&e->function); /* where it reaches no memory before an ATTACH */
        e->staging_iova = 0;
    }
    return domain_share(gpa_of(e->scratch), e->scratch_size, &e->share);
}

bool nvme_reset(struct dma_engine *e)
{
    const struct nvme *n = nvme_of(e);

    e->staging_iova = 0;
    return (n->base == 0 && !n->stuck) || nvme_stop(e);
}

static bool count_namespaces(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    struct nvme_command c = {.opcode = NVME_IDENTIFY, .cdw10 = NVME_CNS_ACTIVE};
    const uint32_t *list = (const uint32_t *)nvme_memory(e, NVME_PAGE_STORE);

    c.prp[0] = nvme_address(e, NVME_PAGE_STORE);
    if (!nvme_run(e, NVME_QUEUE_ADMIN, &c))
        return false;
    n->namespaces = 0;
    while (!e->outcome && n->namespaces < PAGE_SIZE / sizeof(*list) && list[n->namespaces] != 0)
        n->namespaces++;
    return true;
}

/* Its texts for the report, and what it can do. */
static bool identify(struct dma_engine *e)
{
    struct nvme *n = nvme_of(e);
    const uint8_t *data = nvme_memory(e, NVME_PAGE_STORE);
    struct nvme_command c = {.opcode = NVME_IDENTIFY, .cdw10 = NVME_CNS_CONTROLLER};

    memset(nvme_memory(e, NVME_PAGE_STORE), 0, PAGE_SIZE);
    c.prp[0] = nvme_address(e, NVME_PAGE_STORE);
    if (!nvme_succeed(e, NVME_QUEUE_ADMIN, &c))
        return false;
    nvme_identify_text(n->serial, data + NVME_ID_SERIAL, NVME_ID_SERIAL_SIZE);
    nvme_identify_text(n->model, data + NVME_ID_MODEL, NVME_ID_MODEL_SIZE);
    memcpy(&n->sgls, data + NVME_ID_SGLS, sizeof(n->sgls));
    memcpy(&n->oncs, data + NVME_ID_ONCS, sizeof(n->oncs));
    return count_namespaces(e);
}

bool nvme_identify_namespace(struct dma_engine *e, uint32_t nsid, struct nvme_namespace *ns)
{
    struct nvme_command c = {.opcode = NVME_IDENTIFY, .nsid = nsid, .cdw10 = NVME_CNS_NAMESPACE};

    memset(nvme_memory(e, NVME_PAGE_STORE), 0, PAGE_SIZE);
    c.prp[0] = nvme_address(e, NVME_PAGE_STORE);
    if (!nvme_succeed(e, NVME_QUEUE_ADMIN, &c))
        return false;
    *ns = nvme_namespace_of(nvme_memory(e, NVME_PAGE_STORE));
    return true;
}

/* `length` stays within a page. */
static bool write_zeros(struct dma_engine *e, uint64_t iova, size_t length)
{
    struct nvme_command c = {.opcode = NVME_GET_LOG_PAGE,
                             .nsid = NVME_ALL_NAMESPACES,
                             .cdw10 = NVME_LOG_CHANGED_NAMESPACES | NVME_LOG_RETAIN_EVENT |
                                      NVME_LOG_DWORDS(length)};

    c.prp[0] = iova;
    return nvme_run(e, NVME_QUEUE_ADMIN, &c);
}

/* Every admin command is completed with message 0. */
bool nvme_interrupt(struct dma_engine *e)
{
    return nvme_start(e) && write_zeros(e, nvme_address(e, NVME_PAGE_STORE), sizeof(uint32_t));
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    bool runs = nvme_start(e);

    for (size_t done = 0, part; runs && done < length; done += part) {
        part = PAGE_SIZE - (iova + done) % PAGE_SIZE;
        part = length - done < part ? length - done : part;
        runs = write_zeros(e, iova + done, part);
    }
    return !nvme_of(e)->stuck;
}

/* Whether the log page is there, and zeros. */
static const char *cannot_fill(struct dma_engine *e)
{
    uint8_t *page = nvme_memory(e, NVME_PAGE_STORE);

    memset(page, 0xFF, PAGE_SIZE);
    if (!write_zeros(e, nvme_address(e, NVME_PAGE_STORE), PAGE_SIZE))
        return "the controller does not complete Get Log Page";
    if (e->outcome) {
        return "the controller has no list of changed namespaces (log page 04h), the only data "
               "that the suite knows";
    }
    if (memory_find_other(page, PAGE_SIZE, 0))
        return "the controller's list of changed namespaces (log page 04h) is not empty";
    return NULL;
}

bool nvme_prepare(struct dma_engine *e)
{
    e->prepared = false;
    e->unusable = NULL;
    if (!nvme_start(e) || !identify(e))
        return false;
    if (!nvme_take_scratch(e) && !nvme_take_readable(e))
        e->unusable = nvme_start(e) ? cannot_fill(e) : NULL;
    e->prepared = nvme_of(e)->base != 0 && !e->unusable;
    return e->prepared;
}

void nvme_describe(const struct dma_engine *e, char *text, size_t size)
{
    const struct nvme *n = nvme_of(e);

    fmt_snprintf(text, size,
                 "model=\"%s\" serial=\"%s\" namespaces=%u medium=%s refused=\"%s\" "
                 "unusable=\"%s\"",
                 n->model, n->serial, n->namespaces,
                 n->readable          ? "read"
                 : n->block_size != 0 ? "scratch"
                                      : "untouched",
                 n->refused ? n->refused : "", e->unusable ? e->unusable : "");
}

const struct dma_engine_ops dma_nvme_ops = {
    .name = "nvme",
    .features = DMA_FILL | DMA_STAGED | DMA_QUEUED | DMA_DWORDS,
    .max_length = MAX_LENGTH,
    .iova_bits = 64,
    .fill_value = 0x00,
    .match = nvme_match,
    .probe = nvme_probe,
    .reset = nvme_reset,
    .prepare = nvme_prepare,
    .describe = nvme_describe,
    .interrupt = nvme_interrupt,
    .fill = fill,
};
