/* SPDX-License-Identifier: MIT */
/* Shared by the files ioat*.c. */
#ifndef PVT_HOST_VDEV_IOAT_PRIVATE_H
#define PVT_HOST_VDEV_IOAT_PRIVATE_H

#include "abi/ioat.h"
#include "host/softiommu/request.h"
#include "host/vdev/ioat.h"
#include "host/vdev/msi.h"
#include "lib/bits.h"

#define IOAT_XFERCAP_BITS 16u
#define IOAT_LENGTH_MAX   (1u << IOAT_XFERCAP_BITS)
#define IOAT_PIECES       (IOAT_LENGTH_MAX / PAGE_SIZE + 1) /* at any alignment */
/* Descriptors that run at a doorbell, and at each exit after it. */
#define IOAT_BATCH 64u

struct ioat {
    struct vdev_function *function;
    struct ioat_registers r; /* as the guest reads them, but for CHANSTS */
    struct msix_entry vector;
    bool message_pending; /* waits for the vector to be unmasked */

    unsigned status;    /* IOAT_STATUS_* */
    uint64_t next;      /* address of the descriptor that runs next */
    uint64_t completed; /* of the last one that is done */
    uint16_t processed; /* of DMACOUNT */
    bool watched;       /* waits for the next exit */

    /* The copy whose write is in flight, or nothing. */
    struct ioat_descriptor current;
    uint64_t current_at;
    struct softiommu_request request;
    struct softiommu_piece piece[IOAT_PIECES];
    uint8_t *buffer;
};

/* ioat_channel.c: DMACOUNT was written, or time has passed. */
void ioat_run(struct ioat *ioat, bool at_once);
/* Ends what is in flight: memory is touched. */
void ioat_settle(struct ioat *ioat);
uint64_t ioat_channel_status(const struct ioat *ioat);

/* ioat_message.c */
void ioat_interrupt(struct ioat *ioat);
/* The guest has changed what a message of the engine depends on. */
void ioat_message_retry(void *engine);

#endif
