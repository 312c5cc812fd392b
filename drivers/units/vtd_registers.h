/* SPDX-License-Identifier: MIT */
/* Registers and tables of Intel VT-d in scalable mode (specification, revision 5.10, chapters 6, 7,
 * 9 and 11), as far as this driver and the tests of the unit use them. */
#ifndef PVT_DRIVERS_UNITS_VTD_REGISTERS_H
#define PVT_DRIVERS_UNITS_VTD_REGISTERS_H

#include "lib/bits.h"

/* 11.4: registers. */
#define VTD_CAP    0x08u
#define VTD_ECAP   0x10u
#define VTD_GCMD   0x18u
#define VTD_GSTS   0x1Cu
#define VTD_RTADDR 0x20u
#define VTD_CCMD   0x28u
#define VTD_FSTS   0x34u
#define VTD_FECTL  0x38u
#define VTD_IQH    0x80u
#define VTD_IQT    0x88u
#define VTD_IQA    0x90u
#define VTD_ICS    0x9Cu
#define VTD_IECTL  0xA0u

/* 11.4.2: CAP. */
#define VTD_CAP_DOMAIN_BITS(cap) (4u + 2u * (unsigned)((cap)&7u))
#define VTD_CAP_RWBF             BIT(4)
#define VTD_CAP_MGAW(cap)        ((unsigned)((cap) >> 16 & 0x3F) + 1u)
#define VTD_CAP_FRO(cap)         ((unsigned)((cap) >> 24 & 0x3FF) * 16u) /* first fault record */
#define VTD_CAP_PSI              BIT(39)
#define VTD_CAP_NFR(cap)         ((unsigned)((cap) >> 40 & 0xFF) + 1u) /* fault records */
#define VTD_CAP_MAMV(cap)        ((unsigned)((cap) >> 48 & 0x3F))
#define VTD_CAP_FS1GP            BIT(56)

/* 11.4.3: ECAP. */
#define VTD_ECAP_QI        BIT(1)
#define VTD_ECAP_DT        BIT(2)
#define VTD_ECAP_IR        BIT(3)
#define VTD_ECAP_EIM       BIT(4)
#define VTD_ECAP_PT        BIT(6)
#define VTD_ECAP_IRO(ecap) ((unsigned)((ecap) >> 8 & 0x3FF) * 16u)
#define VTD_ECAP_NEST      BIT(26)
#define VTD_ECAP_PRS       BIT(29)
#define VTD_ECAP_PASID     BIT(40)
#define VTD_ECAP_PDS       BIT(42)
#define VTD_ECAP_SMTS      BIT(43)
#define VTD_ECAP_SSTS      BIT(46)
#define VTD_ECAP_FSTS      BIT(47)

#define VTD_WIDTH_4_LEVELS 48u

/* 11.4.4: GCMD and GSTS share their bits. */
#define VTD_COMMAND_TE   BIT(31)
#define VTD_COMMAND_SRTP BIT(30)
#define VTD_COMMAND_QIE  BIT(26)
/* Commands that take effect once: GSTS shows their last outcome, and they must not be written back
 * (11.4.4.1). */
#define VTD_STATUS_KEPT 0x96FFFFFFu

#define VTD_RTADDR_SCALABLE BIT(10)
#define VTD_IQA_LARGE       BIT(11) /* descriptors of 256 bits */
#define VTD_IQT_SHIFT       5
#define VTD_IQT_HALF        BIT(4) /* reserved where descriptors have 256 bits */

/* 11.4.6.1: CCMD. */
#define VTD_CCMD_ICC          BIT(63)
#define VTD_CCMD_GLOBAL       (1ull << 61)
#define VTD_CCMD_ACTUAL(ccmd) ((unsigned)((ccmd) >> 59 & 3u))

/* 11.4.7: FSTS and FECTL. */
#define VTD_FSTS_OVERFLOW    BIT(0)
#define VTD_FSTS_PENDING     BIT(1)
#define VTD_FSTS_QUEUE       BIT(4)
#define VTD_FSTS_INDEX(fsts) ((unsigned)((fsts) >> 8 & 0xFF))
#define VTD_EVENT_MASKED     BIT(31) /* of FECTL and IECTL */
#define VTD_EVENT_PENDING    BIT(30)

/* 11.4.9.4: ICS. */
#define VTD_ICS_COMPLETE 1u

/* 11.4.7.6: a fault record, high half. */
#define VTD_FAULT_F          BIT(63)
#define VTD_FAULT_READ       BIT(62)
#define VTD_FAULT_PASID      BIT(31) /* the request had one */
#define VTD_FAULT_ATOMIC     BIT(28)
#define VTD_FAULT_REASON(hi) ((uint8_t)((hi) >> 32))
#define VTD_FAULT_SOURCE(hi) ((uint16_t)(hi))

/* 9: entries. */
#define VTD_PRESENT            BIT(0)
#define VTD_FAULTS_OFF         BIT(1) /* FPD, of context, PASID directory and PASID entries */
#define VTD_PASID_WIDTH_48     (2ull << 2)
#define VTD_PASID_FIRST_STAGE  (1ull << 6)
#define VTD_PASID_PASS_THROUGH (4ull << 6)

/* 6.5: descriptors. */
#define VTD_INVALIDATE_CONTEXT   0x1ull
#define VTD_INVALIDATE_IOTLB     0x2ull
#define VTD_INVALIDATE_DEVICE    0x3ull
#define VTD_INVALIDATE_INTERRUPT 0x4ull
#define VTD_INVALIDATE_WAIT      0x5ull
#define VTD_INVALIDATE_PASID_TLB 0x6ull
#define VTD_INVALIDATE_PASID     0x7ull
#define VTD_GLOBAL               (1ull << 4)
#define VTD_DOMAIN               (2ull << 4) /* of context cache and IOTLB */
#define VTD_PAGES                (3ull << 4) /* of the IOTLB */
#define VTD_CONTEXT_DEVICE       (3ull << 4)
#define VTD_PASID_GLOBAL         (3ull << 4)
#define VTD_PASID_DOMAIN         (0ull << 4)
#define VTD_PASID_ONE            (1ull << 4)
#define VTD_TLB_ALL_OF_PASID     (2ull << 4)
#define VTD_TLB_PAGES_OF_PASID   (3ull << 4)
#define VTD_WAIT_EVENT           (1ull << 4)
#define VTD_WAIT_STATUS          (1ull << 5)
#define VTD_WAIT_FENCE           (1ull << 6)
#define VTD_DOMAIN_SHIFT         16
#define VTD_SOURCE_SHIFT         32
#define VTD_STATUS_SHIFT         32

/* 7.1.3: reasons. The first three are those of legacy mode, which some units use in scalable mode
 * as well. */
#define VTD_REASON_LEGACY_ROOT     0x01
#define VTD_REASON_LEGACY_CONTEXT  0x02
#define VTD_REASON_LEGACY_BEYOND   0x04
#define VTD_REASON_ROOT_ABSENT     0x39
#define VTD_REASON_CONTEXT_ABSENT  0x41
#define VTD_REASON_DIRECTORY       0x51
#define VTD_REASON_PASID_ABSENT    0x59
#define VTD_REASON_PASID_INVALID   0x5B
#define VTD_REASON_TABLE           0x70
#define VTD_REASON_NOT_PRESENT     0x71
#define VTD_REASON_RESERVED        0x72
#define VTD_REASON_TOP_TABLE       0x73
#define VTD_REASON_NON_CANONICAL   0x80
#define VTD_REASON_PRIVILEGE       0x81
#define VTD_REASON_BEYOND          0x83
#define VTD_REASON_WRITE           0x85
#define VTD_REASON_INTERRUPT_RANGE 0x87

#endif
