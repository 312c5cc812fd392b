/* SPDX-License-Identifier: MIT */
/*
 * Long requests of which something is translated at the start and used when its turn comes. After
 * the first batch of a chain of IOAT the engine of this file takes the place of the right one,
 * until the chain ends.
 */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/iommu/soft_backend.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/dmaprobe_private.h"
#include "host/vdev/ioat_private.h"

#define AHEAD_MAX 512u

/* Of a descriptor of the chain: where it lies and leads to; 0: nowhere. */
struct place {
    uint64_t descriptor, source, destination;
};

static vdev_config_writer *right_config_write;
static const struct vdev_device *right_device;
static struct vdev_device device; /* in the place of IOAT's */
static struct {
    struct ioat *ioat; /* NULL: no long chain runs */
    uint16_t first;    /* descriptor of DMACOUNT that place[0] is of */
    unsigned count;
    struct place place[AHEAD_MAX];
} chain;

static uint64_t translated(const struct ioat *ioat, uint64_t iova, enum oracle_access access)
{
    uint64_t spa = 0, size = 0;

    return softiommu_translate(soft_iommu(), soft_device(ioat->function->bdf), iova, access, &spa,
                               &size) == SOFTIOMMU_REASON_NONE
               ? spa
               : 0;
}

static void look_ahead(struct ioat *ioat)
{
    uint16_t left = (uint16_t)(ioat->r.channel.dmacount - ioat->processed);
    uint64_t at = ioat->next;
    struct ioat_descriptor d;

    chain.ioat = NULL;
    if (left <= IOAT_BATCH || left > AHEAD_MAX || !config_is_bus_master(ioat->function->config))
        return;
    chain.first = ioat->processed;
    for (chain.count = 0; chain.count < left; chain.count++) {
        struct place *place = &chain.place[chain.count];

        place->descriptor = translated(ioat, at, ORACLE_ACCESS_READ);
        if (place->descriptor == 0)
            return;
        soft_memory.copy_from(NULL, &d, place->descriptor, sizeof(d));
        place->source = translated(ioat, d.source, ORACLE_ACCESS_READ);
        place->destination = translated(ioat, d.destination, ORACLE_ACCESS_WRITE);
        if (place->source == 0 || place->destination == 0)
            return;
        at = d.next;
    }
    chain.ioat = ioat;
}

static bool is_ahead(enum defect defect)
{
    return defect_active(defect) || defect_active(DEFECT_CHAIN_RUNS_ON);
}

/* Which error halts the channel; 0: none. */
static uint32_t copy(struct ioat *ioat, const struct place *ahead)
{
    struct ioat_descriptor *d = &ioat->current;
    struct place now = *ahead;

    if (!is_ahead(DEFECT_CHAIN_PAGES_KEPT))
        now.descriptor = translated(ioat, ioat->next, ORACLE_ACCESS_READ);
    if (now.descriptor == 0)
        return IOAT_ERROR_NEXT_ADDRESS;
    soft_memory.copy_from(NULL, d, now.descriptor, sizeof(*d));
    if (!is_ahead(DEFECT_CHAIN_READS_AHEAD))
        now.source = translated(ioat, d->source, ORACLE_ACCESS_READ);
    if (!is_ahead(DEFECT_CHAIN_WRITES_AHEAD))
        now.destination = translated(ioat, d->destination, ORACLE_ACCESS_WRITE);
    if (now.source == 0)
        return IOAT_ERROR_READ;
    if (now.destination == 0)
        return IOAT_ERROR_WRITE;
    soft_memory.copy_from(NULL, ioat->buffer, now.source, d->size);
    soft_memory.copy_to(NULL, now.destination, ioat->buffer, d->size);
    ioat->completed = ioat->current_at = ioat->next;
    ioat->next = d->next;
    ioat->processed++;
    return 0;
}

static void run_batch(struct ioat *ioat)
{
    uint32_t error = 0;

    for (unsigned n = 0;
         n < IOAT_BATCH && error == 0 && ioat->processed != ioat->r.channel.dmacount; n++)
        error = copy(ioat, &chain.place[(uint16_t)(ioat->processed - chain.first)]);
    if (error != 0) {
        ioat->r.channel.chanerr |= error;
        ioat->status = IOAT_STATUS_HALTED;
    } else if (ioat->processed == ioat->r.channel.dmacount) {
        ioat->status = IOAT_STATUS_IDLE;
    } else {
        return;
    }
    chain.ioat = NULL;
}

static void tick(void *engine, uint64_t now)
{
    struct ioat *ioat = engine;

    if (chain.ioat == ioat && ioat->watched)
        run_batch(ioat);
    if (chain.ioat != ioat)
        right_device->tick(engine, now); /* at the end of a chain: the engine is watched no more */
}

static void write(void *engine, unsigned offset, unsigned size, uint64_t value)
{
    struct ioat *ioat = engine;
    bool doorbell = offset == IOAT_CHANNEL(0) + IOAT_DMACOUNT;
    uint16_t count = ioat->r.channel.dmacount;

    if (doorbell) {
        ioat->r.channel.dmacount = (uint16_t)value;
        look_ahead(ioat);
        ioat->r.channel.dmacount = count;
    } else if (offset >= IOAT_CHANNEL(0) && offset < IOAT_CHANNEL(1) && chain.ioat == ioat) {
        chain.ioat = NULL;
    }
    right_device->write(engine, offset, size, value);
}

static const struct vdev_device *right_probe;
static struct vdev_device probe; /* in the place of dmaprobe's */
static struct {
    const struct slot *slot; /* with a request that repeats */
    uint64_t iova, spa;
    uint32_t repeats;
} kept;

/* The first piece of each pass lands where that of the first one did. */
static void keep(struct slot *slot)
{
    if (!slot->waiting || !(slot->r.flags & DMAPROBE_REPEAT) ||
        slot->request.state != SOFTIOMMU_REQUEST_IN_FLIGHT)
        return;
    if (kept.slot != slot || kept.iova != slot->request.iova || kept.repeats > slot->r.repeats) {
        kept.slot = slot;
        kept.iova = slot->request.iova;
        kept.spa = slot->request.piece[0].spa;
    }
    kept.repeats = slot->r.repeats;
    slot->request.piece[0].spa = kept.spa;
}

static void tick_probe(void *engine, uint64_t now)
{
    struct dmaprobe *dmaprobe = engine;

    right_probe->tick(engine, now);
    for (unsigned i = 0; i < DMAPROBE_SLOTS; i++)
        keep(&dmaprobe->slot[i]);
}

static void replace_probe(struct vdev_function *function)
{
    right_probe = function->device;
    probe = *right_probe;
    probe.tick = tick_probe;
    function->device = &probe;
}

static void write_configuration(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value)
{
    if (function->probe && function->device != &probe && defect_active(DEFECT_REPEAT_LOOKED_UP))
        replace_probe(function);
    if (function->device && !function->probe && function->device != &device) {
        right_device = function->device;
        device = *right_device;
        device.write = write;
        device.tick = tick;
        function->device = &device;
    }
    right_config_write(function, offset, size, value);
}

void defects_install_long_requests(void)
{
    if (!ANY(DEFECT_CHAIN_WRITES_AHEAD, DEFECT_CHAIN_READS_AHEAD, DEFECT_CHAIN_PAGES_KEPT,
             DEFECT_CHAIN_RUNS_ON, DEFECT_REPEAT_LOOKED_UP))
        return;
    right_config_write = vdev_config_write;
    vdev_config_write = write_configuration;
}
