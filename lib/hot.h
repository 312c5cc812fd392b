/* SPDX-License-Identifier: MIT */
/*
 * Functions and data of every exit of the guest, and of every hypercall. The linker puts them
 * together (linker/): VMRUN and #VMEXIT empty the TLB, and each page that is used after them costs
 * a walk.
 */
#ifndef PVT_LIB_HOT_H
#define PVT_LIB_HOT_H

#define HOT      __attribute__((hot))
#define HOT_DATA __attribute__((section(".data.hot")))

#endif
