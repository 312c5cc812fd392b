/* SPDX-License-Identifier: MIT */
/* Registers of the engine. It has one channel, as each function of a Xeon's engine has. */
#include "host/base/memory.h"
#include "host/iommu/soft_backend.h"
#include "host/vdev/ioat_private.h"

#define CHANNELS 1u

/* Of the entry of the MSI-X table. */
static uint32_t *vector_word(struct ioat *ioat, unsigned offset)
{
    uint32_t *const words[] = {&ioat->vector.address_low, &ioat->vector.address_high,
                               &ioat->vector.data, &ioat->vector.control};

    return words[(offset - IOAT_MSIX_TABLE) / sizeof(uint32_t) % ARRAY_SIZE(words)];
}

static uint32_t interrupt_control(const struct ioat *ioat)
{
    return ioat->interrupt_control | (ioat->attention != 0 ? IOAT_INTRCTRL_PENDING : 0);
}

static uint64_t read_global(struct ioat *ioat, unsigned offset)
{
    uint64_t value = 0;

    switch (offset) {
    case IOAT_CHANCNT:
        return CHANNELS | IOAT_XFERCAP_BITS << 8 | interrupt_control(ioat) << 24;
    case IOAT_XFERCAP:
        return IOAT_XFERCAP_BITS;
    case IOAT_INTRCTRL:
        return interrupt_control(ioat);
    case IOAT_ATTNSTATUS:
        value = ioat->attention;
        ioat->attention = 0;
        return value;
    case IOAT_CBVER:
        return IOAT_VERSION_3_3;
    default:
        return 0; /* DMACAPABILITY, too: copies alone */
    }
}

static uint64_t read_channel(const struct ioat *ioat, unsigned offset)
{
    switch (offset) {
    case IOAT_CHANCTRL:
        return ioat->control | IOAT_DMA_COMP_V2 << 16;
    case IOAT_DMA_COMP:
        return IOAT_DMA_COMP_V2;
    case IOAT_CHANCMD:
        return (uint32_t)ioat->count << 16; /* commands read as done */
    case IOAT_DMACOUNT:
        return ioat->count;
    case IOAT_CHANSTS:
        return ioat_channel_status(ioat);
    case IOAT_CHANSTS + 4:
        return ioat_channel_status(ioat) >> 32;
    case IOAT_CHAINADDR:
        return ioat->chain;
    case IOAT_CHAINADDR + 4:
        return ioat->chain >> 32;
    case IOAT_CHANCMP:
        return ioat->completion;
    case IOAT_CHANCMP + 4:
        return ioat->completion >> 32;
    case IOAT_CHANERR:
        return ioat->error;
    case IOAT_CHANERRMSK:
        return ioat->error_mask;
    default:
        return 0;
    }
}

static uint64_t read(void *engine, unsigned offset, unsigned size)
{
    struct ioat *ioat = engine;
    uint64_t value = 0;

    if (offset % size != 0)
        return UINT64_MAX;
    if (offset < IOAT_CHANNEL(0))
        value = read_global(ioat, offset);
    else if (offset < IOAT_CHANNEL(CHANNELS))
        value = read_channel(ioat, offset - IOAT_CHANNEL(0));
    else if (offset == IOAT_MSIX_PBA)
        value = ioat->message_pending;
    else if (offset >= IOAT_MSIX_TABLE && offset < IOAT_MSIX_TABLE + sizeof(ioat->vector))
        value = *vector_word(ioat, offset);
    return size == sizeof(value) ? value : value & (BIT(8 * size) - 1);
}

static void set_half(uint64_t *to, unsigned offset, unsigned size, uint64_t value)
{
    if (size == sizeof(*to))
        *to = value;
    else if (offset & 4)
        *to = (uint32_t)*to | value << 32;
    else
        *to = (*to & ~UINT64_C(0xFFFFFFFF)) | (uint32_t)value;
}

/* The channel as after power-on; what is in flight never reaches memory. It is halted until it has
 * a chain. */
static void reset_channel(struct ioat *ioat)
{
    softiommu_request_abandon(soft_iommu(), &ioat->request);
    ioat->request.state = SOFTIOMMU_REQUEST_IDLE;
    ioat->control = ioat->count = ioat->processed = 0;
    ioat->error = ioat->error_mask = 0;
    ioat->chain = ioat->completion = ioat->next = ioat->completed = 0;
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

/* A new chain: DMACOUNT counts from it. Errors that were not cleared keep the channel halted. */
static void set_chain(struct ioat *ioat, unsigned offset, unsigned size, uint64_t value)
{
    ioat_settle(ioat);
    set_half(&ioat->chain, offset, size, value);
    ioat->next = ioat->chain;
    ioat->count = ioat->processed = 0;
    if (ioat->error == 0)
        ioat->status = IOAT_STATUS_IDLE;
}

static void write_channel(struct ioat *ioat, unsigned offset, unsigned size, uint64_t value)
{
    switch (offset) {
    case IOAT_CHANCTRL:
        ioat->control = (uint16_t)value;
        break;
    case IOAT_CHANCMD:
        command(ioat, value);
        break;
    case IOAT_DMACOUNT:
        ioat->count = (uint16_t)value;
        ioat_run(ioat, true);
        break;
    case IOAT_CHAINADDR:
    case IOAT_CHAINADDR + 4:
        set_chain(ioat, offset, size, value);
        break;
    case IOAT_CHANCMP:
    case IOAT_CHANCMP + 4:
        set_half(&ioat->completion, offset, size, value);
        break;
    case IOAT_CHANERR:
        ioat->error &= ~(uint32_t)value;
        break;
    case IOAT_CHANERRMSK:
        ioat->error_mask = (uint32_t)value;
        break;
    default:
        break;
    }
}

static void write_vector(struct ioat *ioat, unsigned offset, uint32_t value)
{
    *vector_word(ioat, offset) = value;
    ioat_message_retry(ioat);
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;

    if (offset % size != 0)
        return;
    if (offset == IOAT_INTRCTRL)
        ioat->interrupt_control =
            (uint8_t)value & (IOAT_INTRCTRL_MASTER_ENABLE | IOAT_INTRCTRL_VECTOR_CONTROL);
    else if (offset >= IOAT_CHANNEL(0) && offset < IOAT_CHANNEL(CHANNELS))
        write_channel(ioat, offset - IOAT_CHANNEL(0), size, value);
    else if (offset >= IOAT_MSIX_TABLE && offset < IOAT_MSIX_TABLE + sizeof(ioat->vector) &&
             size == sizeof(uint32_t))
        write_vector(ioat, offset, (uint32_t)value);
}

static void reset(void *engine)
{
    struct ioat *ioat = engine;

    reset_channel(ioat);
    ioat->interrupt_control = 0;
    ioat->attention = 0;
    ioat->vector = (struct ioat_vector){.control = IOAT_VECTOR_MASKED};
    ioat->message_pending = false;
}

static void tick(void *engine, uint64_t now)
{
    struct ioat *ioat = engine;

    (void)now;
    if (ioat->watched)
        ioat_run(ioat, false);
}

static void configured(void *engine)
{
    ioat_message_retry(engine);
}

static const struct vdev_device device = {.bar_size = IOAT_BAR_SIZE,
                                          .read = read,
                                          .write = write,
                                          .reset = reset,
                                          .tick = tick,
                                          .configured = configured};

void ioat_new(struct vdev_function *function)
{
    struct ioat *ioat = host_pages((sizeof(*ioat) + PAGE_SIZE - 1) / PAGE_SIZE);

    ioat->function = function;
    ioat->buffer = host_pages(IOAT_LENGTH_MAX / PAGE_SIZE);
    ioat->status = IOAT_STATUS_HALTED;
    ioat->vector.control = IOAT_VECTOR_MASKED;
    function->device = &device;
    function->engine = ioat;
}
