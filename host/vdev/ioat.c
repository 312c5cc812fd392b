/* SPDX-License-Identifier: MIT */
/* Registers of the engine. It has one channel, as each function of a Xeon's engine has. */
#include "host/base/memory.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/ioat_private.h"
#include "lib/string.h"

#define CHANNELS 1u

#define INTRCTRL_GUEST (IOAT_INTRCTRL_MASTER_ENABLE | IOAT_INTRCTRL_VECTOR_CONTROL)

static uint64_t read(void *engine, unsigned offset, unsigned size)
{
    struct ioat *ioat = engine;
    uint64_t value = 0;

    if (offset % size != 0)
        return UINT64_MAX;
    ioat->r.channel.chansts = ioat_channel_status(ioat);
    if (offset < sizeof(ioat->r))
        memcpy(&value, (const uint8_t *)&ioat->r + offset, size);
    else if (offset - IOAT_MSIX_TABLE < sizeof(ioat->vector))
        memcpy(&value, (const uint8_t *)&ioat->vector + offset - IOAT_MSIX_TABLE, size);
    else if (offset == IOAT_MSIX_PBA)
        value = ioat->message_pending;
    if (config_touches(offset, size, IOAT_ATTNSTATUS, sizeof(ioat->r.attnstatus))) {
        ioat->r.attnstatus = 0;
        ioat->r.intrctrl &= INTRCTRL_GUEST;
    }
    return value;
}

/* The channel as after power-on; what is in flight never reaches memory. It is halted until it has
 * a chain. */
static void reset_channel(struct ioat *ioat)
{
    softiommu_request_abandon(soft_iommu(), &ioat->request);
    ioat->request.state = SOFTIOMMU_REQUEST_IDLE;
    ioat->r.channel = (struct ioat_channel_registers){.dma_comp = IOAT_DMA_COMP_V2};
    ioat->processed = 0;
    ioat->next = ioat->completed = 0;
    ioat->status = IOAT_STATUS_HALTED;
    ioat_run(ioat, true); /* nothing to do: it is watched no more */
}

static void command(struct ioat *ioat, uint64_t value)
{
    if (value & IOAT_CHANCMD_RESET) {
        reset_channel(ioat);
    } else if ((value & IOAT_CHANCMD_SUSPEND) && ioat->status != IOAT_STATUS_HALTED) {
        ioat_settle(ioat);
        ioat->status = IOAT_STATUS_SUSPENDED;
    }
}

/* One half of a register at least. */
static void set(uint64_t *to, unsigned offset, unsigned size, uint64_t value)
{
    memcpy((uint8_t *)to + offset % sizeof(*to), &value, size < 4 ? 4 : size);
}

/* A new chain: DMACOUNT counts from it. Errors that were not cleared keep the channel halted. */
static void start_chain(struct ioat *ioat)
{
    ioat->next = ioat->r.channel.chainaddr;
    ioat->r.channel.dmacount = ioat->processed = 0;
    if (ioat->r.channel.chanerr == 0)
        ioat->status = IOAT_STATUS_IDLE;
}

static void write_channel(struct ioat *ioat, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat_channel_registers *channel = &ioat->r.channel;

    switch (offset) {
    case IOAT_CHANCTRL:
        channel->chanctrl = (uint16_t)value;
        break;
    case IOAT_CHANCMD:
        command(ioat, value);
        break;
    case IOAT_DMACOUNT:
        channel->dmacount = (uint16_t)value;
        ioat_run(ioat, true);
        break;
    case IOAT_CHAINADDR:
    case IOAT_CHAINADDR + 4:
        ioat_settle(ioat);
        set(&channel->chainaddr, offset, size, value);
        start_chain(ioat);
        break;
    case IOAT_CHANCMP:
    case IOAT_CHANCMP + 4:
        set(&channel->chancmp, offset, size, value);
        break;
    case IOAT_CHANERR:
        channel->chanerr &= ~(uint32_t)value;
        break;
    case IOAT_CHANERRMSK:
        channel->chanerrmsk = (uint32_t)value;
        break;
    default:
        break;
    }
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;

    if (offset % size != 0)
        return;
    if (offset == IOAT_INTRCTRL) {
        ioat->r.intrctrl &= IOAT_INTRCTRL_PENDING;
        ioat->r.intrctrl |= (uint8_t)value & INTRCTRL_GUEST;
    } else if (offset >= IOAT_CHANNEL(0) && offset < IOAT_CHANNEL(CHANNELS)) {
        write_channel(ioat, offset - IOAT_CHANNEL(0), size, value);
    } else if (offset - IOAT_MSIX_TABLE < sizeof(ioat->vector) && size == sizeof(uint32_t)) {
        memcpy((uint8_t *)&ioat->vector + offset - IOAT_MSIX_TABLE, &value, size);
        ioat_message_retry(ioat);
    }
}

static void reset(void *engine)
{
    struct ioat *ioat = engine;

    ioat->r = (struct ioat_registers){
        .chancnt = CHANNELS, .xfercap = IOAT_XFERCAP_BITS, .cbver = IOAT_VERSION_3_3};
    ioat->vector = (struct msix_entry){.control = MSIX_ENTRY_MASKED};
    ioat->message_pending = false;
    reset_channel(ioat);
}

static void tick(void *engine, uint64_t now)
{
    struct ioat *ioat = engine;

    (void)now;
    if (ioat->watched)
        ioat_run(ioat, false);
}

static const struct vdev_device device = {.bar_size = IOAT_BAR_SIZE,
                                          .read = read,
                                          .write = write,
                                          .reset = reset,
                                          .tick = tick,
                                          .configured = ioat_message_retry};

void ioat_new(struct vdev_function *function)
{
    struct ioat *ioat = host_pages_for(sizeof(*ioat));

    ioat->function = function;
    ioat->buffer = host_pages(IOAT_LENGTH_MAX / PAGE_SIZE);
    reset(ioat);
    function->device = &device;
    function->engine = ioat;
}
