/* SPDX-License-Identifier: MIT */
/* Defects of virtual functions, their memory accesses and their translations. */
#include "host/base/memory.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/soft_backend.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/dmaprobe_private.h"
#include "host/vdev/vdev_rules.h"
#include "lib/bits.h"

#define LONG_PIECE                                                                                 \
    1024u /* pieces of more bytes than this, and of an odd number of them, lose one */
#define CACHE_LINE 64u
#define IOVA_BITS_LEFT                                                                             \
    36u /* of an address of 64 bits, less 20 of a PASID and 8 that were rounded away */

static struct iommu_backend right_backend;
static struct soft_memory right_memory;
static vdev_config_writer *right_config_write;

static bool switched;                    /* a device was switched, and nothing was written since */
static bool ats_off[VDEV_FUNCTIONS_MAX]; /* by the guest */

static bool *ats_off_of(const struct vdev_function *function)
{
    unsigned count;

    return &ats_off[function - vdev_functions(&count)];
}

static void write_configuration(struct vdev_function *function, unsigned offset, unsigned size,
                                uint64_t value)
{
    static const struct translation blocked = {.kind = TRANSLATION_BLOCKED, .did = DID_NONE};

    right_config_write(function, offset, size, value);
    if (!function->device)
        return;
    if (function->ats && config_touches(offset, size, ATS_CONTROL, 2))
        *ats_off_of(function) =
            (config_read(function->config, ATS_CONTROL, 2) & ATS_CONTROL_ENABLE) == 0;
    if (defect_active(DEFECT_MOVED_BLOCKED) && config_touches(offset, size, CONFIG_BAR0, 8))
        right_backend.set_translation(function->bdf, &blocked, &blocked);
}

/* Drops the in-flight accesses; the requests go on as if memory had been reached. */
static void lose_requests(const struct vdev_function *function)
{
    soft_lock();
    for (unsigned s = 0; function->probe && s < DMAPROBE_SLOTS; s++)
        if (function->probe->slot[s].waiting)
            slot_abandon(&function->probe->slot[s]);
    soft_unlock();
}

static void set_translation(uint16_t bdf, const struct translation *from,
                            const struct translation *to)
{
    const struct vdev_function *function = vdev_find(bdf);

    if (defect_active(DEFECT_ATS_OFF_NOT_BLOCKED) && to->kind == TRANSLATION_BLOCKED &&
        *ats_off_of(function))
        return;
    if (defect_active(DEFECT_ATTACH_LOSES_DMA))
        lose_requests(function);
    right_backend.set_translation(bdf, from, to);
    switched = true;
}

/* The last byte of a page, alone. */
static bool is_last_byte(uint64_t spa, size_t size)
{
    return size == 1 && spa % PAGE_SIZE == PAGE_SIZE - 1;
}

/* How many bytes at the end of a write to [spa, spa + size) never arrive. */
static size_t lost(uint64_t spa, size_t size)
{
    bool first = switched;

    switched = false;
    if (defect_active(DEFECT_LAST_BYTE_LOST) && is_last_byte(spa, size))
        return size;
    if (defect_active(DEFECT_FIRST_LINE_LOST) && first && size == CACHE_LINE &&
        spa % PAGE_SIZE == 0)
        return size;
    return defect_active(DEFECT_LONG_ODD_CUT) && size > LONG_PIECE && size % 2 != 0;
}

static void copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    right_memory.copy_to(owner, spa, from, size - lost(spa, size));
}

static void fill(uint64_t spa, uint8_t byte, size_t size)
{
    right_memory.fill(spa, byte, size - lost(spa, size));
}

static void copy_from(void *owner, void *to, uint64_t spa, size_t size)
{
    right_memory.copy_from(owner, to, is_last_byte(spa, size) ? spa - 1 : spa, size);
}

static void install_rules(void)
{
    if (defect_active(DEFECT_MESSAGE_TRANSLATED))
        vdev_rules.message_window = UINT64_MAX; /* no domain maps the window */
    if (defect_active(DEFECT_PASID_TAKES_IOVA))
        soft_options.iova_bits = IOVA_BITS_LEFT;
    /* Nothing but tables of five levels could show these. */
    if (ANY_DEFECT(DEFECT_SOFT_FIVE_AS_FOUR, DEFECT_SOFT_WALK_DOMAIN_FLUSH_4,
                   DEFECT_SOFT_WALK_RANGE_FLUSH_4, DEFECT_SOFT_WALK_ATTACH_4))
        soft_options.levels = 5;
}

void defects_install_virtual_functions(void)
{
    install_rules();
    right_backend = backend_soft;
    right_memory = soft_memory;
    right_config_write = vdev_config_write;
    if (ANY_DEFECT(DEFECT_MOVED_BLOCKED, DEFECT_ATS_OFF_NOT_BLOCKED))
        vdev_config_write = write_configuration;
    if (ANY_DEFECT(DEFECT_ATS_OFF_NOT_BLOCKED, DEFECT_ATTACH_LOSES_DMA, DEFECT_FIRST_LINE_LOST))
        backend_soft.set_translation = set_translation;
    if (ANY_DEFECT(DEFECT_LAST_BYTE_LOST, DEFECT_FIRST_LINE_LOST, DEFECT_LONG_ODD_CUT)) {
        soft_memory.copy_to = copy_to;
        soft_memory.fill = fill;
    }
    if (defect_active(DEFECT_LAST_BYTE_UNREAD))
        soft_memory.copy_from = copy_from;
}
