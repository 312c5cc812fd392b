/* SPDX-License-Identifier: MIT */
/* Which DMA engines the machine has. */
#include "drivers/dma_classes.h"
#include "drivers/vpci/move.h"
#include "drivers/vpci/restart.h"
#include "kernel/memory.h"
#include "kernel/paging.h"

static const struct dma_engine_ops *const classes[DMA_CLASS_COUNT] = {
    [DMA_CLASS_ROCKER] = &dma_rocker_ops,     [DMA_CLASS_EDU] = &dma_edu_ops,
    [DMA_CLASS_DMAPROBE] = &dma_dmaprobe_ops, [DMA_CLASS_DMAPROBE_ATS] = &dma_dmaprobe_ats_ops,
    [DMA_CLASS_NVME] = &dma_nvme_ops,         [DMA_CLASS_IOAT] = &dma_ioat_ops,
};

static struct {
    bool probed;
    size_t count, unreachable_count;
    struct dma_engine *engines, *unreachable; /* DMA_ENGINES_MAX of them */
    unsigned lost[DMA_CLASS_COUNT];
} list;

static bool note_unreachable(const struct dma_engine *e)
{
    if (list.unreachable_count < DMA_ENGINES_MAX)
        list.unreachable[list.unreachable_count++] = *e;
    return false;
}

bool dma_map_registers(struct dma_engine *e, uint64_t needed)
{
    uint64_t gpa = pci_bar(&e->function, 0);

    if (gpa == 0)
        return false;
    e->registers = paging_map_mmio(gpa, needed);
    if (!e->registers)
        return note_unreachable(e);
    e->mapped = needed;
    pci_enable(&e->function, true);
    return true;
}

void dma_bus_was_reset(const void *vpci)
{
    for (size_t i = 0; i < list.count; i++)
        if (list.engines[i].function.vpci && (!vpci || list.engines[i].function.vpci == vpci))
            list.engines[i].ats = false;
}

uint64_t dma_move_registers(struct dma_engine *e)
{
    uint64_t there = e->function.vpci ? vpci_move_bar(&e->function) : 0;

    if (there == 0)
        return 0;
    e->registers = paging_map_mmio(there, e->mapped);
    e->moved = !e->moved;
    return there;
}

static bool before(const struct pci_function *a, const struct pci_function *b)
{
    return a->segment != b->segment ? a->segment < b->segment : a->bdf < b->bdf;
}

/* Buses are found in the order of their bridges, which need not be the order of their numbers. */
static void insert_sorted(const struct dma_engine *e)
{
    size_t at = list.count++;

    for (; at > 0; at--) {
        const struct dma_engine *left = &list.engines[at - 1];

        if (left->class < e->class || !before(&e->function, &left->function))
            break;
        list.engines[at] = *left;
    }
    list.engines[at] = *e;
}

static void probe_class(enum dma_class class, const struct pci_function *functions, size_t count)
{
    for (size_t i = 0; i < count && list.count < DMA_ENGINES_MAX; i++) {
        const struct pci_function *f = &functions[i];
        struct dma_engine e = {.ops = classes[class],
                               .class = class,
                               .function = *f,
                               .iova_bits = classes[class]->iova_bits,
                               .device_id = f->device_id};

        if (!e.ops->match(f))
            continue;
        if (e.ops->probe(&e))
            insert_sorted(&e);
        else
            pci_enable(f, false);
    }
}

static bool has_class(const struct pci_function *f)
{
    for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++)
        if (classes[class]->match(f))
            return true;
    return false;
}

static bool is_engine(const struct pci_function *f)
{
    for (size_t i = 0; i < list.count; i++)
        if (list.engines[i].function.segment == f->segment &&
            list.engines[i].function.bdf == f->bdf)
            return true;
    return false;
}

/*
 * From here on only engines may access memory: whatever firmware had started on the other devices
 * ends now. Bridges keep forwarding. An engine is reset by its probe and needs its bit: QEMU takes
 * 0.2 ms for each change of it.
 */
static void stop_bus_masters(const struct pci_function *functions, size_t count,
                             bool (*goes_on)(const struct pci_function *f))
{
    for (size_t i = 0; i < count; i++)
        if (!pci_is_bridge(&functions[i]) && !goes_on(&functions[i]))
            pci_bus_master(&functions[i], false);
}

struct dma_engine *dma_engines(size_t *count)
{
    if (!list.probed) {
        size_t functions_count;
        const struct pci_function *functions = pci_functions(&functions_count);

        list.probed = true;
        list.unreachable = memory_boot_pages(
            (DMA_ENGINES_MAX * sizeof(*list.engines) + PAGE_SIZE - 1) / PAGE_SIZE);
        list.engines = memory_boot_pages((DMA_ENGINES_MAX * sizeof(*list.engines) + PAGE_SIZE - 1) /
                                         PAGE_SIZE);
        stop_bus_masters(functions, functions_count, has_class);
        for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++)
            probe_class((enum dma_class) class, functions, functions_count);
        stop_bus_masters(functions, functions_count, is_engine);
    }
    *count = list.count;
    return list.engines;
}

const struct dma_engine *dma_unreachable(size_t *count)
{
    (void)dma_engines(count);
    *count = list.unreachable_count;
    return list.unreachable;
}

uint64_t dma_operations(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < list.count; i++)
        sum += list.engines[i].operations;
    return sum;
}

struct dma_engine *dma_engine_get(enum dma_class class, unsigned n)
{
    size_t count;
    struct dma_engine *engines = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if (engines[i].class == class && n-- == 0)
            return &engines[i];
    return NULL;
}

struct dma_engine *dma_engine_fast(void)
{
    size_t count;
    struct dma_engine *engines = dma_engines(&count);

    for (size_t i = 0; i < count; i++)
        if ((engines[i].ops->features & DMA_SLOW) == 0)
            return &engines[i];
    return NULL;
}

void dma_engine_leave_out(struct dma_engine *e)
{
    pci_enable(&e->function, false);
    list.count--;
    for (; e < &list.engines[list.count]; e++)
        e[0] = e[1];
}

void dma_engines_follow_buses(void)
{
    for (size_t i = list.count; i > 0; i--) {
        struct dma_engine *e = &list.engines[i - 1];

        if (vpci_is_in_reach(&e->function))
            continue;
        list.lost[e->class]++;
        dma_engine_leave_out(e);
    }
}

unsigned dma_lost(enum dma_class class)
{
    return list.lost[class];
}

/* A blocking domain reaches nothing: the device then tries it where it was, or where it would be
 * without translation.
 */
void dma_follow(const struct domain *d, uint64_t device_id)
{
    for (size_t i = 0; i < list.count; i++) {
        struct dma_engine *e = &list.engines[i];

        if (e->device_id != device_id || (e->ops->features & DMA_QUEUED) == 0)
            continue;
        if (d->kind == DOMAIN_IDENTITY || (d->kind == DOMAIN_BLOCKED && e->staging_iova == 0))
            e->staging_iova = gpa_of(e->scratch);
        else if (d->kind == DOMAIN_PAGING)
            e->staging_iova = d->shares == 0 ? 0 : d->shares + e->share;
    }
}

const char *dma_class_name(enum dma_class class)
{
    return class < DMA_CLASS_COUNT ? classes[class]->name : "unknown class";
}

bool dma_class_is_slow(enum dma_class class)
{
    return class < DMA_CLASS_COUNT && (classes[class]->features & DMA_SLOW) != 0;
}
