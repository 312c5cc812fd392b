/* SPDX-License-Identifier: MIT */
/*
 * Registers and descriptors of Intel's I/OAT DMA engine (CBDMA), version 3.x, as the chipset and
 * Xeon datasheets publish them: the part that copies of memory need.
 */
#ifndef PVT_ABI_IOAT_H
#define PVT_ABI_IOAT_H

#include <stddef.h>
#include <stdint.h>

#define IOAT_VENDOR     0x8086u
#define IOAT_DEVICE     0x2021u /* the engine of the first generation of Xeon Scalable */
#define IOAT_CLASS_CODE 0x088000u

#define IOAT_BAR_SIZE 0x4000u
/* Of the engine as a whole. */
#define IOAT_CHANCNT       0x00u /* 8 bits */
#define IOAT_XFERCAP       0x01u /* 8 bits: binary logarithm of the longest copy; 0: 32 */
#define IOAT_INTRCTRL      0x03u /* 8 bits */
#define IOAT_ATTNSTATUS    0x04u /* bit n: channel n has sent an interrupt; reading clears it */
#define IOAT_CBVER         0x08u /* 8 bits: major 7:4, minor 3:0 */
#define IOAT_DMACAPABILITY 0x10u
/* The table of MSI-X vectors, in the model. */
#define IOAT_MSIX_TABLE 0x2000u
#define IOAT_MSIX_PBA   0x3000u

/* Of a channel, from IOAT_CHANNEL(n) on. */
#define IOAT_CHANNEL(n) (0x80u * ((n) + 1u))
#define IOAT_CHANCTRL   0x00u /* 16 bits */
#define IOAT_DMA_COMP   0x02u /* 16 bits: which layouts of descriptors there are */
#define IOAT_CHANCMD    0x04u /* 8 bits */
#define IOAT_DMACOUNT   0x06u /* 16 bits: descriptors that may run, since CHAINADDR was written */
#define IOAT_CHANSTS    0x08u /* 64 bits */
#define IOAT_CHAINADDR  0x10u /* 64 bits: of the first descriptor */
#define IOAT_CHANCMP    0x18u /* 64 bits: CHANSTS is written there; 0: nowhere */
#define IOAT_CHANERR    0x28u /* write 1 to clear */
#define IOAT_CHANERRMSK 0x2Cu

/* The same as they lie in the BAR. */
struct ioat_channel_registers {
    uint16_t chanctrl, dma_comp;
    uint8_t chancmd, reserved;
    uint16_t dmacount;
    uint64_t chansts, chainaddr, chancmp, reserved2;
    uint32_t chanerr, chanerrmsk;
};
_Static_assert(offsetof(struct ioat_channel_registers, dmacount) == IOAT_DMACOUNT, "DMACOUNT");
_Static_assert(offsetof(struct ioat_channel_registers, chancmp) == IOAT_CHANCMP, "CHANCMP");
_Static_assert(offsetof(struct ioat_channel_registers, chanerrmsk) == IOAT_CHANERRMSK, "ERRMSK");

struct ioat_registers {
    uint8_t chancnt, xfercap, reserved, intrctrl;
    uint32_t attnstatus;
    uint8_t cbver, reserved2[0x77];
    struct ioat_channel_registers channel;
};
_Static_assert(offsetof(struct ioat_registers, attnstatus) == IOAT_ATTNSTATUS, "ATTNSTATUS");
_Static_assert(offsetof(struct ioat_registers, cbver) == IOAT_CBVER, "CBVER");
_Static_assert(offsetof(struct ioat_registers, channel) == IOAT_CHANNEL(0), "of the first channel");

#define IOAT_VERSION_3_3             0x33u
#define IOAT_VERSION_MAJOR(v)        ((v) >> 4)
#define IOAT_INTRCTRL_MASTER_ENABLE  0x01u
#define IOAT_INTRCTRL_PENDING        0x06u /* an interrupt waits, and one is being sent */
#define IOAT_INTRCTRL_VECTOR_CONTROL 0x08u
#define IOAT_DMA_COMP_V2             0x02u

#define IOAT_CHANCTRL_ERR_INT 0x10u /* interrupt when the channel halts by an error */
#define IOAT_CHANCMD_SUSPEND  0x04u
#define IOAT_CHANCMD_RESET    0x20u

/* CHANSTS: status, and bits 63:6 of the last descriptor that is done. */
#define IOAT_STATUS_MASK      0x7u
#define IOAT_STATUS_DONE_AT   (~UINT64_C(0x3F))
#define IOAT_STATUS_ACTIVE    0u
#define IOAT_STATUS_IDLE      1u
#define IOAT_STATUS_SUSPENDED 2u
#define IOAT_STATUS_HALTED    3u

#define IOAT_ERROR_NEXT_ADDRESS 0x004u /* a descriptor cannot be read */
#define IOAT_ERROR_READ         0x100u
#define IOAT_ERROR_WRITE        0x200u
#define IOAT_ERROR_CONTROL      0x400u
#define IOAT_ERROR_LENGTH       0x800u

struct ioat_descriptor {
    uint32_t size;    /* bytes to copy */
    uint32_t control; /* IOAT_CONTROL_* */
    uint64_t source, destination;
    uint64_t next; /* address of the next descriptor */
    uint64_t reserved[4];
};
_Static_assert(sizeof(struct ioat_descriptor) == 64, "size of an IOAT descriptor");
_Static_assert(offsetof(struct ioat_descriptor, source) == 8, "source in an IOAT descriptor");
_Static_assert(offsetof(struct ioat_descriptor, next) == 24, "next in an IOAT descriptor");

#define IOAT_CONTROL_INTERRUPT    0x01u
#define IOAT_CONTROL_COMPLETION   0x08u       /* writes CHANSTS to CHANCMP when it is done */
#define IOAT_CONTROL_NULL         0x20u       /* copies nothing */
#define IOAT_CONTROL_OPERATION(c) ((c) >> 24) /* 0: copy */

#endif
