/* SPDX-License-Identifier: MIT */
/* Registers and in-memory formats of an Intel VT-d unit in scalable mode (VT-d 4.1, chapters 6, 9
 * and 11), as far as used. */
#ifndef PVT_HOST_IOMMU_VTD_REGS_H
#define PVT_HOST_IOMMU_VTD_REGS_H

#include <stdint.h>

/* Register offsets. */
#define VTD_CAP    0x08u /* 64 bit */
#define VTD_ECAP   0x10u /* 64 bit */
#define VTD_GCMD   0x18u
#define VTD_GSTS   0x1Cu
#define VTD_RTADDR 0x20u /* 64 bit */
#define VTD_FSTS   0x34u
#define VTD_IQH    0x80u /* 64 bit */
#define VTD_IQT    0x88u /* 64 bit */
#define VTD_IQA    0x90u /* 64 bit */

static inline unsigned vtd_cap_nd(uint64_t cap)
{
    return 4 + 2 * (unsigned)(cap & 7);
}

/* Offset of the first fault recording register. */
static inline uint32_t vtd_cap_fro(uint64_t cap)
{
    return (uint32_t)(cap >> 24 & 0x3FF) * 16;
}

static inline unsigned vtd_cap_nfr(uint64_t cap)
{
    return (unsigned)(cap >> 40 & 0xFF) + 1;
}

/* Largest block that a page-selective invalidation takes: 2^n pages. */
static inline unsigned vtd_cap_mamv(uint64_t cap)
{
    return (unsigned)(cap >> 48 & 0x3F);
}

#define VTD_CAP_PSI   (UINT64_C(1) << 39)
#define VTD_CAP_FS1GP (UINT64_C(1) << 56)

#define VTD_ECAP_QI   (UINT64_C(1) << 1)
#define VTD_ECAP_SMTS (UINT64_C(1) << 43)
#define VTD_ECAP_FSTS (UINT64_C(1) << 47)

/* GCMD and GSTS share their bit positions; writing GCMD must repeat what is on (11.4.4). */
#define VTD_GCMD_TE         (UINT32_C(1) << 31)
#define VTD_GCMD_SRTP       (UINT32_C(1) << 30)
#define VTD_GCMD_QIE        (UINT32_C(1) << 26)
#define VTD_GSTS_PERSISTENT UINT32_C(0x96FFFFFF) /* without the one-shot commands */

#define VTD_RTADDR_TTM_SCALABLE (UINT64_C(1) << 10)
#define VTD_IQA_DW              (UINT64_C(1) << 11) /* 256-bit descriptors */
#define VTD_IQ_POINTER_SHIFT    5                   /* of a wide descriptor in IQH and IQT */

#define VTD_FSTS_PFO         (UINT32_C(1) << 0)
#define VTD_FSTS_PPF         (UINT32_C(1) << 1)
#define VTD_FSTS_IQE_ICE_ITE UINT32_C(0x70) /* queue error, completion error, time-out */
#define VTD_FSTS_FRI_SHIFT   8
#define VTD_FSTS_FRI_MASK    0xFFu

/* Fault recording register: two 64-bit halves (11.4.14). */
#define VTD_FRCD_SIZE     16u
#define VTD_FRCD_HIGH     8u  /* offset of the high half */
#define VTD_FRCD_F_OFFSET 12u /* 32-bit access whose top bit is F */
#define VTD_FRCD_F        (UINT64_C(1) << 63)
#define VTD_FRCD_F32      (UINT32_C(1) << 31)
#define VTD_FRCD_T1       (UINT64_C(1) << 62)
#define VTD_FRCD_FI       UINT64_C(0xFFFFFFFFFFFFF000)

static inline uint16_t vtd_frcd_sid(uint64_t high)
{
    return (uint16_t)high;
}

static inline uint8_t vtd_frcd_fr(uint64_t high)
{
    return (uint8_t)(high >> 32);
}

/* Root entry: two context tables of 128 entries for each bus (9.1). */
struct vtd_root_entry {
    uint64_t half[2]; /* functions 0..127 and 128..255 */
};
/* Scalable-mode context entry (9.4); val[1] is RID_PASID: 0. */
struct vtd_context_entry {
    uint64_t val[4];
};
/* Scalable-mode PASID table entry (9.6). */
struct vtd_pasid_entry {
    uint64_t val[8];
};

#define VTD_ENTRY_P      UINT64_C(1)
#define VTD_CONTEXT_HALF 128u

/* PASID entry, first word. The width is that of the second stage, but QEMU takes the check of
 * first-stage addresses from it: with 0 every IOVA above 2^29 faults as not canonical. 1 is 39
 * bits, 2 is 48. */
#define VTD_PASID_AW_39      (UINT64_C(1) << 2)
#define VTD_PASID_AW_48      (UINT64_C(2) << 2)
#define VTD_PASID_PGTT_FIRST (UINT64_C(1) << 6)
/* Third word: paging mode 0 (4 levels) and the top table. */

/* Wide invalidation descriptors (6.5.2): fields of the first word. */
struct vtd_descriptor {
    uint64_t val[4];
};

#define VTD_DESC_CC       UINT64_C(0x1)
#define VTD_DESC_IOTLB    UINT64_C(0x2)
#define VTD_DESC_WAIT     UINT64_C(0x5)
#define VTD_DESC_P_IOTLB  UINT64_C(0x6)
#define VTD_DESC_PC       UINT64_C(0x7)
#define VTD_DESC_G(g)     ((uint64_t)(g) << 4)
#define VTD_DESC_DID(did) ((uint64_t)(did) << 16)
/* Only the status write: with an interrupt as well, QEMU 10.0.2 ends in an assertion. */
#define VTD_DESC_WAIT_SW      (UINT64_C(1) << 5)
#define VTD_DESC_WAIT_DATA(d) ((uint64_t)(d) << 32)
#define VTD_DESC_CC_SID(s)    ((uint64_t)(s) << 32)
#define VTD_CC_GLOBAL         1
#define VTD_CC_DEVICE         3
#define VTD_IOTLB_GLOBAL      1
#define VTD_P_IOTLB_PASID     2
#define VTD_P_IOTLB_PAGES     3
#define VTD_PC_PASID          1
#define VTD_PC_GLOBAL         3

#endif
