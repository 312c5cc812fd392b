/* SPDX-License-Identifier: MIT */
/*
 * Intel's I/OAT engine, version 3.x, as a DMA engine (abi/ioat.h): it copies between any two IOVAs.
 *
 * The channel takes its descriptors from scratch, and so is a device with queues: a ring of
 * descriptors, each of which leads to the next, runs as far as DMACOUNT says. A DMA is deferred by
 * copies in front of it, which move nothing that matters from one page of scratch to another.
 */
#include "abi/ioat.h"
#include "drivers/dma_classes.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "lib/string.h"

#define ENGINES_MAX 16u
#define RING        256u
#define RING_PAGES  (RING * sizeof(struct ioat_descriptor) / PAGE_SIZE)
#define COPIES      120u /* in front of a deferred DMA */
#define MAX_LENGTH  65536u
#define FILL_VALUE  0x96
#define CLEAR_VALUE 0x69
#define WAIT_US     1000000u
#define FAR         UINT64_C(0x000FFFFFFFFFF000) /* beyond what domains of the suite map */

/* Pages of scratch after the ring. */
enum page { PAGE_COMPLETION = RING_PAGES, PAGE_LOAD, PAGE_STORE, PAGE_UNUSED, PAGES };

struct ioat {
    uint64_t base;  /* IOVA of scratch that the chain starts at; 0 = the channel is off */
    bool halted;    /* by an error */
    uint32_t error; /* CHANERR then */
    unsigned next;  /* descriptor of the ring */
    uint16_t count; /* what DMACOUNT is */
};

static struct {
    struct ioat engines[ENGINES_MAX];
    unsigned count;
} ioat;

static struct ioat *ioat_of(const struct dma_engine *e)
{
    return e->state;
}

static volatile uint8_t *channel(const struct dma_engine *e, unsigned offset)
{
    return e->registers + IOAT_CHANNEL(0) + offset;
}

/* Of the registers of the whole device. A plain load: a host that emulates registers need not know
 * instructions that compare with memory. */
static uint8_t read8(const struct dma_engine *e, unsigned offset)
{
    uint8_t value = cpu_load8(e->registers + offset);

    cpu_compiler_barrier();
    return value;
}

static uint32_t read32(const struct dma_engine *e, unsigned offset)
{
    uint32_t value = cpu_load32(channel(e, offset));

    cpu_compiler_barrier(); /* memory may have changed under the compiler */
    return value;
}

static void write32(const struct dma_engine *e, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)channel(e, offset) = value;
}

static void write64(const struct dma_engine *e, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)channel(e, offset) = value;
}

static bool say(struct dma_engine *e, const char *what, uint64_t code)
{
    e->outcome = what;
    e->outcome_code = code;
    return false;
}

static uint8_t *memory(const struct dma_engine *e, enum page page)
{
    return (uint8_t *)e->scratch + (size_t)page * PAGE_SIZE;
}

static uint64_t address(const struct dma_engine *e, enum page page)
{
    return ioat_of(e)->base + (uint64_t)page * PAGE_SIZE;
}

static unsigned status(const struct dma_engine *e)
{
    return read32(e, IOAT_CHANSTS) & IOAT_STATUS_MASK;
}

/* A channel is suspended before its reset, so that no copy is cut off. */
static bool stop(struct dma_engine *e)
{
    uint64_t end = time_us() + WAIT_US;

    ioat_of(e)->base = 0;
    ioat_of(e)->halted = false;
    *channel(e, IOAT_CHANCMD) = IOAT_CHANCMD_SUSPEND;
    while (status(e) <= IOAT_STATUS_IDLE) {
        if (time_us() > end)
            return say(e, "the channel cannot be suspended: CHANSTS", read32(e, IOAT_CHANSTS));
        cpu_pause();
    }
    *channel(e, IOAT_CHANCMD) = IOAT_CHANCMD_RESET;
    while (read8(e, IOAT_CHANNEL(0) + IOAT_CHANCMD) & IOAT_CHANCMD_RESET) {
        if (time_us() > end)
            return say(e, "the channel does not end its reset: CHANCMD", IOAT_CHANCMD_RESET);
        cpu_pause();
    }
    write32(e, IOAT_CHANERR, read32(e, IOAT_CHANERR));
    return true;
}

static struct ioat_descriptor *ring(const struct dma_engine *e)
{
    return e->scratch;
}

/* The chain goes on at the next descriptor of the ring. */
static void set_chain(struct dma_engine *e)
{
    struct ioat *i = ioat_of(e);

    i->count = 0;
    write64(e, IOAT_CHAINADDR, i->base + i->next * sizeof(struct ioat_descriptor));
}

static bool start(struct dma_engine *e)
{
    struct ioat *i = ioat_of(e);

    e->outcome = NULL;
    if (e->staging_iova == 0)
        return say(e, "the device is in a domain that maps no descriptors for it: place", 0);
    if (i->base == e->staging_iova) {
        if (i->halted) {
            write32(e, IOAT_CHANERR, i->error);
            set_chain(e);
            i->halted = false;
        }
        return true;
    }
    if (!stop(e))
        return false;
    i->base = e->staging_iova;
    i->next = 0;
    memset(ring(e), 0, RING_PAGES * PAGE_SIZE);
    for (unsigned n = 0; n < RING; n++)
        ring(e)[n].next = i->base + (n + 1) % RING * sizeof(struct ioat_descriptor);
    write64(e, IOAT_CHANCMP, address(e, PAGE_COMPLETION));
    set_chain(e);
    return true;
}

/* Puts a copy into the ring; the channel does not know of it yet. */
static void add(struct dma_engine *e, uint64_t destination, uint64_t source, size_t length)
{
    struct ioat *i = ioat_of(e);
    struct ioat_descriptor *d = &ring(e)[i->next];

    i->next = (i->next + 1) % RING;
    i->count++;
    d->size = (uint32_t)length;
    d->control = IOAT_CONTROL_COMPLETION;
    d->source = source;
    d->destination = destination;
}

static void ring_doorbell(struct dma_engine *e)
{
    *(volatile uint32_t *)memory(e, PAGE_COMPLETION) = 0;
    cpu_memory_barrier(); /* descriptors, and tables that the device is about to read */
    *(volatile uint16_t *)channel(e, IOAT_DMACOUNT) = ioat_of(e)->count;
    e->operations++;
}

/* Address bits of the last descriptor that was added. */
static uint32_t last_added(const struct dma_engine *e)
{
    const struct ioat *i = ioat_of(e);

    return (uint32_t)(i->base + (i->next + RING - 1) % RING * sizeof(struct ioat_descriptor));
}

static bool is_over(const struct dma_engine *e, uint32_t seen)
{
    return (seen & IOAT_STATUS_MASK) == IOAT_STATUS_HALTED ||
           (seen & (uint32_t)IOAT_STATUS_DONE_AT) == last_added(e);
}

/* False when the channel does not become quiet. A channel that has halted is quiet: its error is in
 * e->outcome, and the next operation starts it again. */
static bool wait(struct dma_engine *e)
{
    uint64_t end = time_us() + WAIT_US;
    uint32_t seen = *(volatile uint32_t *)memory(e, PAGE_COMPLETION);

    cpu_compiler_barrier(); /* memory has changed under the compiler */
    /* The channel writes its status where it can; reading the register takes longer, and tells of
     * a channel that cannot. */
    if (!is_over(e, seen))
        seen = read32(e, IOAT_CHANSTS);
    while (!is_over(e, seen)) {
        if (time_us() > end)
            return say(e, "the channel does not end its chain within a second: CHANSTS", seen);
        cpu_pause();
        seen = read32(e, IOAT_CHANSTS);
    }
    if ((seen & IOAT_STATUS_MASK) == IOAT_STATUS_HALTED) {
        ioat_of(e)->halted = true;
        ioat_of(e)->error = read32(e, IOAT_CHANERR);
        (void)say(e, "the channel halts with an error: CHANERR", ioat_of(e)->error);
    }
    return true;
}

static bool run(struct dma_engine *e)
{
    ring_doorbell(e);
    return wait(e);
}

static size_t part_of(size_t left)
{
    return left < PAGE_SIZE ? left : PAGE_SIZE;
}

/* All of it from one page. */
static bool store_value(struct dma_engine *e, uint64_t iova, size_t length, uint8_t value)
{
    if (!start(e))
        return e->staging_iova == 0;
    memset(memory(e, PAGE_LOAD), value, part_of(length));
    for (size_t done = 0; done < length; done += PAGE_SIZE)
        add(e, iova + done, address(e, PAGE_LOAD), part_of(length - done));
    return run(e);
}

static bool fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    return store_value(e, iova, length, FILL_VALUE);
}

static bool clear(struct dma_engine *e, uint64_t iova, size_t length)
{
    return store_value(e, iova, length, CLEAR_VALUE);
}

static bool write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    bool quiet = true;

    for (size_t done = 0; quiet && done < length; done += PAGE_SIZE) {
        size_t part = part_of(length - done);

        if (!start(e))
            return e->staging_iova == 0;
        memcpy(memory(e, PAGE_LOAD), (const uint8_t *)data + done, part);
        add(e, iova + done, address(e, PAGE_LOAD), part);
        quiet = run(e);
    }
    return quiet;
}

/* A refused read leaves zeros, as with the other classes. */
static bool read(struct dma_engine *e, uint64_t iova, void *seen, size_t length)
{
    bool quiet = true;

    memset(seen, 0, length);
    for (size_t done = 0; quiet && done < length; done += PAGE_SIZE) {
        size_t part = part_of(length - done);

        if (!start(e))
            return e->staging_iova == 0;
        memset(memory(e, PAGE_STORE), 0, part);
        add(e, address(e, PAGE_STORE), iova + done, part);
        quiet = run(e);
        memcpy((uint8_t *)seen + done, memory(e, PAGE_STORE), part);
    }
    return quiet;
}

static bool start_write(struct dma_engine *e, uint64_t iova, const void *data, size_t length)
{
    if (!start(e))
        return false;
    memcpy(memory(e, PAGE_LOAD), data, length);
    for (unsigned n = 0; n < COPIES; n++)
        add(e, address(e, PAGE_UNUSED), address(e, PAGE_STORE), PAGE_SIZE);
    add(e, iova, address(e, PAGE_LOAD), length);
    ring_doorbell(e);
    return true;
}

static bool start_fill(struct dma_engine *e, uint64_t iova, size_t length)
{
    memset(memory(e, PAGE_STORE), FILL_VALUE, PAGE_SIZE);
    return start_write(e, iova, memory(e, PAGE_STORE), length);
}

_Static_assert(DMA_CHAIN_LENGTH < RING, "each copy has a descriptor of its own");
_Static_assert(DMA_CHAIN_PAGES == RING_PAGES, "the chain is the ring");

static bool start_chain(struct dma_engine *e, uint64_t iova, size_t length, bool write)
{
    if (length > PAGE_SIZE || !start(e))
        return false;
    memset(memory(e, PAGE_LOAD), FILL_VALUE, PAGE_SIZE);
    for (unsigned n = 0; n < DMA_CHAIN_LENGTH; n++)
        add(e, write ? iova : address(e, PAGE_STORE), write ? address(e, PAGE_LOAD) : iova, length);
    ring_doorbell(e);
    return true;
}

static uint8_t *chain_seen(const struct dma_engine *e)
{
    return memory(e, PAGE_STORE);
}

static bool finish(struct dma_engine *e)
{
    return ioat_of(e)->base == 0 || wait(e);
}

static bool reset(struct dma_engine *e)
{
    e->staging_iova = 0;
    return ioat_of(e)->base == 0 || stop(e);
}

/* By an error: the channel sends it wherever it is, as it reads a descriptor that no domain maps.
 */
static bool interrupt(struct dma_engine *e)
{
    uint64_t end = time_us() + WAIT_US;

    if (!stop(e))
        return false;
    e->registers[IOAT_INTRCTRL] = IOAT_INTRCTRL_MASTER_ENABLE;
    cpu_store16(channel(e, IOAT_CHANCTRL), IOAT_CHANCTRL_ERR_INT);
    write64(e, IOAT_CHAINADDR, FAR);
    *(volatile uint16_t *)channel(e, IOAT_DMACOUNT) = 1;
    while (status(e) != IOAT_STATUS_HALTED && time_us() < end)
        cpu_pause();
    cpu_store16(channel(e, IOAT_CHANCTRL), 0);
    return stop(e);
}

/* The engines of Xeons, and of their chipsets, that have version 3.x. */
static bool match(const struct pci_function *f)
{
    static const struct {
        uint16_t first, last;
    } devices[] = {{0x3430, 0x3433}, {0x3710, 0x3719}, {0x3C20, 0x3C2F}, {0x0E20, 0x0E2F},
                   {0x2F20, 0x2F2F}, {0x6F20, 0x6F2F}, {0x6F50, 0x6F53}, {0x0C50, 0x0C53},
                   {0x2021, 0x2021}, {0x0B00, 0x0B00}};

    for (size_t i = 0; f->vendor == IOAT_VENDOR && i < ARRAY_SIZE(devices); i++)
        if (f->device >= devices[i].first && f->device <= devices[i].last)
            return true;
    return false;
}

static bool probe(struct dma_engine *e)
{
    if (ioat.count == ENGINES_MAX || !dma_map_registers(e, IOAT_BAR_SIZE) ||
        IOAT_VERSION_MAJOR(read8(e, IOAT_CBVER)) != 3 || read8(e, IOAT_CHANCNT) == 0)
        return false;
    e->state = &ioat.engines[ioat.count++];
    e->scratch_size = (size_t)PAGES * PAGE_SIZE;
    e->scratch = memory_boot_pages(PAGES);
    return stop(e) && domain_share(gpa_of(e->scratch), e->scratch_size, &e->share);
}

/* A copy from scratch to scratch arrives. */
static bool prepare(struct dma_engine *e)
{
    e->prepared = start(e);
    if (!e->prepared)
        return false;
    memset(memory(e, PAGE_LOAD), FILL_VALUE, PAGE_SIZE);
    memset(memory(e, PAGE_STORE), 0, PAGE_SIZE);
    add(e, address(e, PAGE_STORE), address(e, PAGE_LOAD), PAGE_SIZE);
    e->prepared = run(e) && !memory_find_other(memory(e, PAGE_STORE), PAGE_SIZE, FILL_VALUE);
    return e->prepared;
}

const struct dma_engine_ops dma_ioat_ops = {
    .name = "ioat",
    .features =
        DMA_FILL | DMA_WRITE | DMA_READ | DMA_SHOWS_READS | DMA_STAGED | DMA_QUEUED | DMA_DEFERRED,
    .max_length = MAX_LENGTH,
    .max_start = PAGE_SIZE,
    .iova_bits = 64,
    .fill_value = FILL_VALUE,
    .clear_value = CLEAR_VALUE,
    .match = match,
    .probe = probe,
    .reset = reset,
    .prepare = prepare,
    .fill = fill,
    .clear = clear,
    .write = write,
    .read = read,
    .start_fill = start_fill,
    .start_write = start_write,
    .finish = finish,
    .start_chain = start_chain,
    .chain_seen = chain_seen,
    .interrupt = interrupt,
};
