/* SPDX-License-Identifier: MIT */
/* The DMA engine that the reference host emulates as PCI functions (docs/dmaprobe.md). Not a part
 * of Hyper-V. */
#ifndef PVT_ABI_DMAPROBE_H
#define PVT_ABI_DMAPROBE_H

#include <stdint.h>

#include "assert.h"

/* Configuration space. The PCI-SIG has assigned the vendor id to no vendor that we know of. */
#define DMAPROBE_VENDOR        0x5056u
#define DMAPROBE_DEVICE        0x0D01u /* without ATS */
#define DMAPROBE_DEVICE_ATS    0x0D02u
#define DMAPROBE_DEVICE_BRIDGE 0x0D10u /* root port above some of the functions */

/* Memory BAR 0: 64 bits, prefetchable. Pages that are not named here read as ones. */
#define DMAPROBE_BAR_SIZE  0x200000u
#define DMAPROBE_REGISTERS 0x000000u /* one page */
#define DMAPROBE_REQUESTS                                                                          \
    0x001000u /* device memory: struct dmaprobe_request, one for each slot                         \
               */
#define DMAPROBE_SCATTER        0x010000u /* device memory: struct dmaprobe_element */
#define DMAPROBE_SCATTER_SIZE   0x010000u
#define DMAPROBE_BUFFER         0x100000u /* device memory */
#define DMAPROBE_BUFFER_SIZE    0x100000u
#define DMAPROBE_SLOTS          16u
#define DMAPROBE_LENGTH_MAX     0x100000u
#define DMAPROBE_BURST_MAX      0x10000u
#define DMAPROBE_DELAY_MAX      10000000u /* microseconds */
#define DMAPROBE_SCATTER_LENGTH (DMAPROBE_SCATTER_SIZE / 16u)

/* Registers: aligned accesses of 4 bytes, or of 8 where both halves exist. */
#define DMAPROBE_ID       0x00u /* R: DMAPROBE_ID_VALUE */
#define DMAPROBE_VERSION  0x04u /* R: 1 */
#define DMAPROBE_FEATURES 0x08u /* R */
#define DMAPROBE_CONTROL  0x0Cu /* W: DMAPROBE_CONTROL_RESET */
#define DMAPROBE_DOORBELL 0x10u /* W: number of the slot whose request starts */
#define DMAPROBE_RELEASE  0x14u /* W: bit n lets the held or repeating request of slot n go */
#define DMAPROBE_PENDING  0x18u /* R: bit n: the request of slot n is not finished */
#define DMAPROBE_REFUSED                                                                           \
    0x1Cu /* R: doorbells without effect since reset: no such slot, or not finished */
#define DMAPROBE_BYTES       0x20u /* R, 64 bits: bytes moved from or to memory since reset */
#define DMAPROBE_COMPLETED   0x28u /* R: requests finished since reset */
#define DMAPROBE_INTERRUPTS  0x2Cu /* R: messages sent since reset */
#define DMAPROBE_ID_VALUE    UINT32_C(0x50414D44) /* "DMAP" */
#define DMAPROBE_VERSION_1   1u
#define DMAPROBE_FEATURE_ATS (UINT32_C(1) << 0)

#define DMAPROBE_CONTROL_RESET (UINT32_C(1) << 0)

enum dmaprobe_operation {
    DMAPROBE_READ = 1,    /* memory to buffer */
    DMAPROBE_WRITE = 2,   /* buffer to memory */
    DMAPROBE_FILL = 3,    /* low byte of `operand` to memory */
    DMAPROBE_COMPARE = 4, /* reads memory and compares it with the buffer */
    DMAPROBE_INVERT = 5,  /* memory to buffer, inverts the bytes there, and writes them back */
    DMAPROBE_ADD = 6,     /* atomics on 4 or 8 aligned bytes; `result` is the old value */
    DMAPROBE_SWAP = 7,
    DMAPROBE_COMPARE_SWAP = 8,
};

/* `flags` of a request */
#define DMAPROBE_SCATTERED                                                                         \
    (UINT32_C(1) << 0) /* `iova` is an offset in the scatter memory, `elements` their number */
#define DMAPROBE_DELAYED                                                                           \
    (UINT32_C(1) << 1)                        /* touches memory `delay_us` after it was translated \
                                               */
#define DMAPROBE_HELD      (UINT32_C(1) << 2) /* touches memory when it is released */
#define DMAPROBE_LATE      (UINT32_C(1) << 3) /* with one of both: is translated only then */
#define DMAPROBE_INTERRUPT (UINT32_C(1) << 4) /* message when finished */
#define DMAPROBE_REPEAT    (UINT32_C(1) << 5) /* again and again until released */
#define DMAPROBE_EACH      (UINT32_C(1) << 6) /* a refused element does not end the list */
#define DMAPROBE_FLAGS_ALL UINT32_C(0x7F)

enum dmaprobe_state {
    DMAPROBE_IDLE = 0,
    DMAPROBE_RUNNING = 1,
    DMAPROBE_FINISHED = 2,
};

enum dmaprobe_status {
    DMAPROBE_OK = 0,
    DMAPROBE_FAULT = 1,       /* refused by the IOMMU: fault_class, fault_reason, fault_iova */
    DMAPROBE_MISMATCH = 2,    /* COMPARE: `result` is the offset of the first byte that differs */
    DMAPROBE_BAD_REQUEST = 3, /* a field is outside its range */
    DMAPROBE_NO_MASTER = 4,   /* bus mastering is off */
    DMAPROBE_CANCELLED = 5,   /* reset */
};

struct dmaprobe_element {
    uint64_t iova;
    uint32_t length; /* bytes */
    uint32_t reserved;
};
ABI_SIZE(struct dmaprobe_element, 16);
ABI_OFFSET(struct dmaprobe_element, iova, 0);
ABI_OFFSET(struct dmaprobe_element, length, 8);
ABI_OFFSET(struct dmaprobe_element, reserved, 12);

struct dmaprobe_request {
    /* Read by the device once, at the doorbell. */
    uint32_t operation;
    uint32_t flags;
    uint64_t iova;
    uint32_t length; /* bytes, 1..DMAPROBE_LENGTH_MAX; of a scatter list: unused */
    uint32_t buffer; /* offset in the buffer */
    uint64_t operand, compare;
    uint32_t delay_us;
    uint32_t elements;
    uint64_t reserved[2];
    /* Written by the device. */
    uint32_t state;
    uint32_t status;
    uint32_t fault_class;  /* enum oracle_fault_class */
    uint32_t fault_reason; /* as the software IOMMU numbers it */
    uint64_t fault_iova;
    uint64_t moved; /* bytes really moved from or to memory */
    uint64_t result;
    uint32_t drained; /* how often memory was touched because an invalidation waited for it */
    uint32_t repeats; /* REPEAT: passes that ended without a fault */
    uint32_t faults;  /* REPEAT: passes that ended with one; the fields above tell the last */
    uint32_t reserved2[3];
};
ABI_SIZE(struct dmaprobe_request, 128);
ABI_OFFSET(struct dmaprobe_request, operation, 0);
ABI_OFFSET(struct dmaprobe_request, flags, 4);
ABI_OFFSET(struct dmaprobe_request, iova, 8);
ABI_OFFSET(struct dmaprobe_request, length, 16);
ABI_OFFSET(struct dmaprobe_request, buffer, 20);
ABI_OFFSET(struct dmaprobe_request, operand, 24);
ABI_OFFSET(struct dmaprobe_request, compare, 32);
ABI_OFFSET(struct dmaprobe_request, delay_us, 40);
ABI_OFFSET(struct dmaprobe_request, elements, 44);
ABI_OFFSET(struct dmaprobe_request, state, 64);
ABI_OFFSET(struct dmaprobe_request, status, 68);
ABI_OFFSET(struct dmaprobe_request, fault_class, 72);
ABI_OFFSET(struct dmaprobe_request, fault_reason, 76);
ABI_OFFSET(struct dmaprobe_request, fault_iova, 80);
ABI_OFFSET(struct dmaprobe_request, moved, 88);
ABI_OFFSET(struct dmaprobe_request, result, 96);
ABI_OFFSET(struct dmaprobe_request, drained, 104);
ABI_OFFSET(struct dmaprobe_request, repeats, 108);
ABI_OFFSET(struct dmaprobe_request, faults, 112);

#endif
