/* SPDX-License-Identifier: MIT */
/* Bits of an entry of the processor's page tables (APM volume 2, 5.4). */
#ifndef PVT_KERNEL_PAGING_BITS_H
#define PVT_KERNEL_PAGING_BITS_H

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITABLE (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_PWT      (1ull << 3)
#define PTE_PCD      (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
/* Hardware may set these in an entry that it uses; bit 10 is extended accessed (VT-d 9.7). */
#define PTE_MARKS   (PTE_ACCESSED | PTE_DIRTY | 1ull << 10)
#define PTE_LARGE   (1ull << 7)
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000FFFFFFFFFF000ull

/* PAT entry 3 is "uncacheable" after reset. */
#define PTE_UNCACHED (PTE_PCD | PTE_PWT)

#endif
