/* SPDX-License-Identifier: MIT */
/* Registers of the engine, and what it is made of. */
#include "host/base/memory.h"
#include "host/vdev/dmaprobe_private.h"
#include "lib/bits.h"

static struct dmaprobe_memory memory_new(uint32_t offset, uint32_t size)
{
    return (struct dmaprobe_memory){
        .offset = offset, .size = size, .bytes = host_pages(size / PAGE_SIZE)};
}

const struct dmaprobe_memory *dmaprobe_memory(const struct dmaprobe *probe, unsigned index)
{
    return &probe->memory[index];
}

static uint32_t pending(const struct dmaprobe *probe)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < DMAPROBE_SLOTS; i++)
        if (probe->slot[i].waiting)
            bits |= UINT32_C(1) << i;
    return bits;
}

static uint32_t read_register(const struct dmaprobe *probe, unsigned offset)
{
    switch (offset) {
    case DMAPROBE_ID:
        return DMAPROBE_ID_VALUE;
    case DMAPROBE_VERSION:
        return DMAPROBE_VERSION_1;
    case DMAPROBE_FEATURES:
        return probe->function->ats ? DMAPROBE_FEATURE_ATS : 0;
    case DMAPROBE_PENDING:
        return pending(probe);
    case DMAPROBE_REFUSED:
        return probe->refused;
    case DMAPROBE_BYTES:
        return (uint32_t)probe->bytes;
    case DMAPROBE_BYTES + 4:
        return (uint32_t)(probe->bytes >> 32);
    case DMAPROBE_COMPLETED:
        return probe->completed;
    case DMAPROBE_INTERRUPTS:
        return probe->interrupts;
    case DMAPROBE_CONTROL:
    case DMAPROBE_DOORBELL:
    case DMAPROBE_RELEASE:
        return 0;
    default:
        return UINT32_MAX;
    }
}

uint64_t dmaprobe_register_read(struct dmaprobe *probe, unsigned offset, unsigned size)
{
    if ((size != 4 && size != 8) || offset % size != 0)
        return UINT64_MAX;
    if (size == 4)
        return read_register(probe, offset);
    return (uint64_t)read_register(probe, offset + 4) << 32 | read_register(probe, offset);
}

static void reset(struct dmaprobe *probe)
{
    for (unsigned i = 0; i < DMAPROBE_SLOTS; i++)
        slot_cancel(&probe->slot[i]);
    probe->bytes = 0;
    probe->refused = probe->completed = probe->interrupts = 0;
}

static void doorbell(struct dmaprobe *probe, uint32_t number)
{
    if (number >= DMAPROBE_SLOTS || probe->slot[number].waiting)
        probe->refused++;
    else
        slot_start(&probe->slot[number]);
}

static void release(struct dmaprobe *probe, uint32_t slots)
{
    for (unsigned i = 0; i < DMAPROBE_SLOTS; i++)
        if (slots >> i & 1)
            slot_let_go(&probe->slot[i]);
}

void dmaprobe_register_write(struct dmaprobe *probe, unsigned offset, unsigned size, uint64_t value)
{
    if (size != 4)
        return;
    switch (offset) {
    case DMAPROBE_CONTROL:
        if (value & DMAPROBE_CONTROL_RESET)
            reset(probe);
        break;
    case DMAPROBE_DOORBELL:
        doorbell(probe, (uint32_t)value);
        break;
    case DMAPROBE_RELEASE:
        release(probe, (uint32_t)value);
        break;
    default:
        break;
    }
}

static uint64_t read(void *engine, unsigned offset, unsigned size)
{
    return dmaprobe_register_read(engine, offset, size);
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    dmaprobe_register_write(engine, offset, size, value);
}

static void reset_engine(void *engine)
{
    reset(engine);
}

static void tick(void *engine, uint64_t now)
{
    struct dmaprobe *probe = engine;

    for (unsigned s = 0; s < DMAPROBE_SLOTS; s++)
        slot_tick(&probe->slot[s], now);
}

static const struct vdev_device device = {.bar_size = DMAPROBE_BAR_SIZE,
                                          .read = read,
                                          .write = write,
                                          .reset = reset_engine,
                                          .tick = tick};

void dmaprobe_on_switch_step(void *probe)
{
    struct slot *slot = ((struct dmaprobe *)probe)->slot;

    if (!vdev_watched())
        return;
    for (unsigned s = 0; s < DMAPROBE_SLOTS; s++)
        slot_on_switch_step(&slot[s]);
}

struct dmaprobe *dmaprobe_new(struct vdev_function *function)
{
    struct dmaprobe *probe = host_pages((sizeof(*probe) + PAGE_SIZE - 1) / PAGE_SIZE);

    probe->function = function;
    function->device = &device;
    function->engine = function->probe = probe;
    probe->memory[MEMORY_REQUESTS] = memory_new(DMAPROBE_REQUESTS, PAGE_SIZE_4K);
    probe->memory[MEMORY_SCATTER] = memory_new(DMAPROBE_SCATTER, DMAPROBE_SCATTER_SIZE);
    probe->memory[MEMORY_BUFFER] = memory_new(DMAPROBE_BUFFER, DMAPROBE_BUFFER_SIZE);
    for (unsigned i = 0; i < DMAPROBE_SLOTS; i++) {
        probe->slot[i].probe = probe;
        probe->slot[i].number = i;
    }
    return probe;
}
