/* SPDX-License-Identifier: MIT */
/* Shared by the files dmaprobe_*.c. */
#ifndef PVT_HOST_VDEV_DMAPROBE_PRIVATE_H
#define PVT_HOST_VDEV_DMAPROBE_PRIVATE_H

#include "abi/dmaprobe.h"
#include "host/softiommu/request.h"
#include "host/vdev/dmaprobe.h"

#define PAGE_SIZE_4K       4096u
#define PIECES             (DMAPROBE_LENGTH_MAX / PAGE_SIZE_4K + 1) /* at any alignment */
#define SWITCH_STEPS       6u /* of one switch, that of a defective unit included */
#define SWITCH_STEP_PIECES (DMAPROBE_BURST_MAX / PAGE_SIZE_4K + 1)

enum memory_index { MEMORY_REQUESTS, MEMORY_SCATTER, MEMORY_BUFFER };

struct slot {
    struct dmaprobe *probe;
    unsigned number;
    struct dmaprobe_request r; /* private copy, with the results so far */
    bool waiting;              /* for its time or its release */
    uint64_t due;              /* DELAYED: reference time */
    /* How far the pass has come: the element that is being handled, and bytes of it. */
    uint32_t element, element_done;
    uint64_t done; /* bytes of the pass */
    struct softiommu_request request;
    struct softiommu_piece piece[PIECES];
    /* REPEAT: more requests, one for each state that a switch goes through. */
    struct softiommu_request switch_step[SWITCH_STEPS];
    struct softiommu_piece switch_step_piece[SWITCH_STEPS][SWITCH_STEP_PIECES];
};

struct dmaprobe {
    struct vdev_function *function;
    struct dmaprobe_memory memory[DMAPROBE_MEMORIES];
    uint64_t bytes;
    uint32_t refused, completed, interrupts;
    struct slot slot[DMAPROBE_SLOTS];
};

static inline uint8_t *slot_buffer(const struct slot *slot)
{
    return slot->probe->memory[MEMORY_BUFFER].bytes + slot->r.buffer;
}

static inline bool bus_master(const struct dmaprobe *probe)
{
    return config_is_bus_master(probe->function->config);
}

/* dmaprobe_slot.c: the life of a request. */
void slot_start(struct slot *slot);
/* Time has come, or the guest has released it. */
void slot_let_go(struct slot *slot);
void slot_cancel(struct slot *slot);
/* Drops what is in flight, so that it never reaches memory. */
void slot_abandon(struct slot *slot);
/* REPEAT: ends the current pass and starts the next. */
void slot_repeat(struct slot *slot);
void slot_on_switch_step(struct slot *slot);
/* Looks at what is due, and gives a repeating request one pass. */
void slot_tick(struct slot *slot, uint64_t now);
/* Puts the results where the guest sees them. */
void slot_publish(const struct slot *slot);

/* dmaprobe_check.c: is every field inside its range? */
bool slot_request_valid(const struct slot *slot);
/* Part `index` of the request; of a scatter list as it is in the device's memory now. */
struct dmaprobe_element slot_element(const struct slot *slot, uint32_t index);

/* dmaprobe_transfer.c: one pass over the request's memory. */
void transfer_rewind(struct slot *slot);
/* Translates the next part and leaves it in flight. */
void transfer_begin(struct slot *slot);
/* Touches memory for what is in flight. False when more is to come; else the pass has ended as
 * slot->r says. */
bool transfer_end(struct slot *slot);
/* `length`, cut to what the request may still move after `done` bytes: the guest can change a
 * scatter list during the request. */
uint32_t transfer_bounded(const struct slot *slot, uint64_t done, uint32_t length);
/* All of INVERT, at once. */
void transfer_invert(struct slot *slot);

/* dmaprobe_operation.c: direction and effect of a request on memory. */
void operation_prepare(struct slot *slot, struct softiommu_request *request);

/* Written before launch only. */
struct dmaprobe_rules {
    /* Carries out the atomic operation of a valid request on `size` bytes, 4 or 8, at a host
     * address aligned to them; returns their old value. */
    uint64_t (*atomic)(const struct dmaprobe_request *r, void *at, uint64_t size);
};
extern struct dmaprobe_rules dmaprobe_rules;

#endif
