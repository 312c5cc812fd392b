/* SPDX-License-Identifier: MIT */
/* A request as the guest wrote it: every field may be anything. */
#include "host/vdev/dmaprobe_private.h"
#include "lib/string.h"

#define MODES (DMAPROBE_DELAYED | DMAPROBE_HELD | DMAPROBE_REPEAT)

static bool is_atomic(const struct dmaprobe_request *r)
{
    return r->operation >= DMAPROBE_ADD;
}

static bool uses_buffer(const struct dmaprobe_request *r)
{
    return r->operation != DMAPROBE_FILL && !is_atomic(r);
}

struct dmaprobe_element slot_element(const struct slot *slot, uint32_t index)
{
    struct dmaprobe_element element = {.iova = slot->r.iova, .length = slot->r.length};

    if (slot->r.flags & DMAPROBE_SCATTERED)
        memcpy(&element,
               slot->probe->memory[MEMORY_SCATTER].bytes + slot->r.iova + index * sizeof(element),
               sizeof(element));
    return element;
}

static bool flags_valid(const struct dmaprobe_request *r)
{
    uint32_t modes = r->flags & MODES;

    if (r->flags & ~DMAPROBE_FLAGS_ALL)
        return false;
    /* At most one of delayed, held, repeating; LATE belongs to the first two. */
    if ((modes & (modes - 1)) != 0 ||
        ((r->flags & DMAPROBE_LATE) && !(modes & (DMAPROBE_DELAYED | DMAPROBE_HELD))))
        return false;
    if ((modes == DMAPROBE_DELAYED && r->delay_us > DMAPROBE_DELAY_MAX))
        return false;
    /* A refused element would leave a hole in the buffer. */
    if ((r->flags & DMAPROBE_EACH) &&
        (modes != 0 || !(r->flags & DMAPROBE_SCATTERED) || r->operation != DMAPROBE_FILL))
        return false;
    return r->operation != DMAPROBE_INVERT || (modes == 0 && !(r->flags & DMAPROBE_SCATTERED));
}

static bool lengths_valid(const struct slot *slot)
{
    const struct dmaprobe_request *r = &slot->r;
    uint32_t limit = r->flags & DMAPROBE_REPEAT ? DMAPROBE_BURST_MAX : DMAPROBE_LENGTH_MAX;
    uint64_t total = 0;

    if (r->flags & DMAPROBE_SCATTERED) {
        if (is_atomic(r) || r->iova % sizeof(struct dmaprobe_element) != 0 ||
            r->iova > DMAPROBE_SCATTER_SIZE || r->elements == 0 ||
            r->elements > (DMAPROBE_SCATTER_SIZE - r->iova) / sizeof(struct dmaprobe_element))
            return false;
        for (uint32_t i = 0; i < r->elements; i++) {
            if (slot_element(slot, i).length == 0)
                return false;
            total += slot_element(slot, i).length;
        }
    } else {
        total = r->length;
    }
    if (total == 0 || total > limit)
        return false;
    if (is_atomic(r))
        return (total == 4 || total == 8) && r->iova % total == 0;
    return !uses_buffer(r) ||
           (r->buffer < DMAPROBE_BUFFER_SIZE && total <= DMAPROBE_BUFFER_SIZE - r->buffer);
}

bool slot_request_valid(const struct slot *slot)
{
    const struct dmaprobe_request *r = &slot->r;

    return r->operation >= DMAPROBE_READ && r->operation <= DMAPROBE_COMPARE_SWAP &&
           flags_valid(r) && lengths_valid(slot);
}
