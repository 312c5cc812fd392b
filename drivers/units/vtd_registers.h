/* SPDX-License-Identifier: MIT */
/* Registers and tables of Intel VT-d in scalable mode (specification, revision 4.1, chapters 6, 9
 * and 11), as far as this driver uses them. */
#ifndef PVT_DRIVERS_UNITS_VTD_REGISTERS_H
#define PVT_DRIVERS_UNITS_VTD_REGISTERS_H

#include "lib/bits.h"

/* 11.4: registers. */
#define VTD_CAP    0x08u
#define VTD_ECAP   0x10u
#define VTD_GCMD   0x18u
#define VTD_GSTS   0x1Cu
#define VTD_RTADDR 0x20u
#define VTD_FSTS   0x34u
#define VTD_IQT    0x88u
#define VTD_IQA    0x90u

#define VTD_CAP_FRO_SHIFT 24 /* offset of the fault records, in units of 16 bytes: 10 bits */
#define VTD_CAP_MAMV(cap) ((unsigned)((cap) >> 48 & 0x3F))
#define VTD_CAP_PSI       BIT(39)
#define VTD_ECAP_PT       BIT(6)
#define VTD_ECAP_SMTS     BIT(43)
#define VTD_ECAP_FSTS     BIT(47)

#define VTD_COMMAND_TE   BIT(31)
#define VTD_COMMAND_SRTP BIT(30)
#define VTD_COMMAND_QIE  BIT(26)
/* Commands that take effect once: GSTS shows their last outcome, and they must not be written back
 * (11.4.4.1). */
#define VTD_STATUS_KEPT 0x96FFFFFFu

#define VTD_RTADDR_SCALABLE BIT(10)
#define VTD_IQA_LARGE       BIT(11) /* descriptors of 256 bits */
#define VTD_IQT_SHIFT       5

/* 11.4.7: FSTS. */
#define VTD_FSTS_OVERFLOW BIT(0)
#define VTD_FSTS_QUEUE    BIT(4)

/* 11.4.14: a fault record, high half. */
#define VTD_FAULT_F          BIT(63)
#define VTD_FAULT_READ       BIT(62)
#define VTD_FAULT_REASON(hi) ((uint8_t)((hi) >> 32))
#define VTD_FAULT_SOURCE(hi) ((uint16_t)(hi))

/* 9: entries. */
#define VTD_PRESENT            BIT(0)
#define VTD_PASID_WIDTH_48     (2ull << 2)
#define VTD_PASID_FIRST_STAGE  (1ull << 6)
#define VTD_PASID_PASS_THROUGH (4ull << 6)

/* 6.5: descriptors. */
#define VTD_INVALIDATE_CONTEXT   0x1ull
#define VTD_INVALIDATE_IOTLB     0x2ull
#define VTD_INVALIDATE_WAIT      0x5ull
#define VTD_INVALIDATE_PASID_TLB 0x6ull
#define VTD_INVALIDATE_PASID     0x7ull
#define VTD_GLOBAL               (1ull << 4)
#define VTD_CONTEXT_DEVICE       (3ull << 4)
#define VTD_PASID_GLOBAL         (3ull << 4)
#define VTD_PASID_ONE            (1ull << 4)
#define VTD_TLB_ALL_OF_PASID     (2ull << 4)
#define VTD_TLB_PAGES_OF_PASID   (3ull << 4)
#define VTD_WAIT_STATUS          (1ull << 5)
#define VTD_DOMAIN_SHIFT         16
#define VTD_SOURCE_SHIFT         32
#define VTD_STATUS_SHIFT         32

/* 7.1.3 and 7.3: reasons. */
#define VTD_REASON_CONTEXT_ABSENT  0x02
#define VTD_REASON_BEYOND          0x04
#define VTD_REASON_PASID_ABSENT    0x59
#define VTD_REASON_PASID_INVALID   0x5B
#define VTD_REASON_TABLE           0x70
#define VTD_REASON_NOT_PRESENT     0x71
#define VTD_REASON_RESERVED        0x72
#define VTD_REASON_TOP_TABLE       0x73
#define VTD_REASON_NON_CANONICAL   0x80
#define VTD_REASON_PRIVILEGE       0x81
#define VTD_REASON_WRITE           0x85
#define VTD_REASON_INTERRUPT_RANGE 0x87

/* ACPI table DMAR (8.1): a header of 48 bytes, then remapping structures; type 0 describes a unit
 * (8.3). */
#define DMAR_STRUCTURES 48u
#define DMAR_TYPE_UNIT  0u
#define DMAR_UNIT_BASE  8u
#define DMAR_UNIT_SIZE  16u

#endif
