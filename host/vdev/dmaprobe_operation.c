/* SPDX-License-Identifier: MIT */
/* Memory accesses of an operation after its address is translated. */
#include "host/base/memory.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/dmaprobe_private.h"
#include "lib/string.h"

/* Only a unit that was told to leave its second stage out sends a request anywhere else. */
static bool is_memory(uint64_t spa, uint64_t size)
{
    return guest_is_ram(spa, size) || guest_is_hidden(spa, size);
}

static void fill(struct softiommu_request *request, uint64_t spa, uint64_t offset, uint64_t size)
{
    const struct slot *slot = request->owner;

    (void)offset;
    soft_memory.fill(spa, (uint8_t)slot->r.operand, size);
}

/* Notes the first difference only: offsets grow from piece to piece. The request itself holds the
 * position in the buffer, because the slot may have gone on since. */
static void compare(struct softiommu_request *request, uint64_t spa, uint64_t offset, uint64_t size)
{
    struct slot *slot = request->owner;
    const uint8_t *seen = (const uint8_t *)(uintptr_t)spa;
    const uint8_t *expected = (const uint8_t *)request->buffer + offset;

    if (!is_memory(spa, size))
        return;
    for (uint64_t i = 0; slot->r.status == DMAPROBE_OK && i < size; i++) {
        if (seen[i] != expected[i]) {
            slot->r.status = DMAPROBE_MISMATCH;
            slot->r.result = (uint64_t)(expected + i - slot_buffer(slot));
        }
    }
}

static uint64_t atomic4(const struct dmaprobe_request *r, uint32_t *at)
{
    uint32_t expected = (uint32_t)r->compare;

    switch (r->operation) {
    case DMAPROBE_ADD:
        return __atomic_fetch_add(at, (uint32_t)r->operand, __ATOMIC_ACQ_REL);
    case DMAPROBE_SWAP:
        return __atomic_exchange_n(at, (uint32_t)r->operand, __ATOMIC_ACQ_REL);
    default:
        __atomic_compare_exchange_n(at, &expected, (uint32_t)r->operand, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE);
        return expected;
    }
}

static uint64_t atomic8(const struct dmaprobe_request *r, uint64_t *at)
{
    uint64_t expected = r->compare;

    switch (r->operation) {
    case DMAPROBE_ADD:
        return __atomic_fetch_add(at, r->operand, __ATOMIC_ACQ_REL);
    case DMAPROBE_SWAP:
        return __atomic_exchange_n(at, r->operand, __ATOMIC_ACQ_REL);
    default:
        __atomic_compare_exchange_n(at, &expected, r->operand, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE);
        return expected;
    }
}

static uint64_t atomic_of_size(const struct dmaprobe_request *r, void *at, uint64_t size)
{
    return size == sizeof(uint32_t) ? atomic4(r, at) : atomic8(r, at);
}

struct dmaprobe_rules dmaprobe_rules = {.atomic = atomic_of_size};

/* Aligned to its size, so that it is one piece. */
static void atomic(struct softiommu_request *request, uint64_t spa, uint64_t offset, uint64_t size)
{
    struct slot *slot = request->owner;
    void *at = (void *)(uintptr_t)spa; /* NOLINT(performance-no-int-to-ptr) */

    (void)offset;
    if (!is_memory(spa, size))
        return;
    slot->r.result = dmaprobe_rules.atomic(&slot->r, at, size);
}

static void done(struct softiommu_request *request)
{
    struct slot *slot = request->owner;

    slot->probe->bytes += request->translated;
    slot->r.moved += request->translated;
    if (request->state == SOFTIOMMU_REQUEST_DRAINED)
        slot->r.drained++;
}

void operation_prepare(struct slot *slot, struct softiommu_request *request)
{
    request->owner = slot;
    request->done = done;
    request->touch = NULL;
    request->access = ORACLE_ACCESS_WRITE;
    request->buffer = slot_buffer(slot) + slot->done;
    switch (slot->r.operation) {
    case DMAPROBE_READ:
        request->access = ORACLE_ACCESS_READ;
        break;
    case DMAPROBE_COMPARE:
        request->access = ORACLE_ACCESS_READ;
        request->touch = compare;
        break;
    case DMAPROBE_FILL:
        request->touch = fill;
        break;
    case DMAPROBE_ADD:
    case DMAPROBE_SWAP:
    case DMAPROBE_COMPARE_SWAP:
        request->touch = atomic;
        break;
    default:
        break;
    }
}
