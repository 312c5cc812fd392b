/* SPDX-License-Identifier: MIT */
/* Registers of the DMA self-test in QEMU's "rocker", memory BAR 0. */
#ifndef PVT_DRIVERS_DMA_ROCKER_H
#define PVT_DRIVERS_DMA_ROCKER_H

#define ROCKER_TEST_REG       0x0010 /* reads back twice what was written */
#define ROCKER_TEST_INTERRUPT 0x0020 /* sends the message with that number */
#define ROCKER_TEST_DMA_ADDR  0x0028 /* 64 bits */
#define ROCKER_TEST_DMA_SIZE  0x0030
#define ROCKER_TEST_DMA_CTRL  0x0034
#define ROCKER_REGISTERS      0x2000

#define ROCKER_CTRL_CLEAR  (1u << 0)
#define ROCKER_CTRL_FILL   (1u << 1)
#define ROCKER_CTRL_INVERT (1u << 2)

#endif
