/* SPDX-License-Identifier: MIT */
/*
 * Registers of QEMU's "edu" device, memory BAR 0 (docs/specs/edu in QEMU). A transfer runs 100 ms
 * after its start, in one piece, and moves data between memory and a 4 KiB buffer inside the device
 * that nothing else can reach.
 */
#ifndef PVT_DRIVERS_DMA_EDU_REGISTERS_H
#define PVT_DRIVERS_DMA_EDU_REGISTERS_H

#define EDU_ID 0x00
#define EDU_INTERRUPT_RAISE                                                                        \
    0x60 /* bits that were written stay set until they are written to DONE */
#define EDU_INTERRUPT_DONE 0x64
#define EDU_DMA_SOURCE     0x80 /* 64 bits each */
#define EDU_DMA_TARGET     0x88
#define EDU_DMA_COUNT      0x90
#define EDU_DMA_COMMAND    0x98
#define EDU_REGISTERS      0x100000

#define EDU_COMMAND_RUN       (1u << 0) /* clear again when the transfer has ended */
#define EDU_COMMAND_TO_MEMORY (1u << 1)

#define EDU_BUFFER_ADDRESS 0x40000u /* of the device's own buffer, as source or target */
#define EDU_BUFFER_SIZE    4096u

/* Place of the byte that fill writes, once the device is prepared. */
#define EDU_FILL_OFFSET 2048u
#define EDU_FILL_SIZE   1024u

#endif
