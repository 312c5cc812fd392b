/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_MSR_H
#define PVT_ABI_MSR_H

#include <stdint.h>

/* Synthetic MSRs (Reference 1.2). Only the first three are promised by the interface signature. */
#define HV_MSR_GUEST_OS_ID    0x40000000u /* per partition; 0 at reset */
#define HV_MSR_HYPERCALL      0x40000001u /* per partition */
#define HV_MSR_VP_INDEX       0x40000002u /* per VP; read-only */
#define HV_MSR_RESET          0x40000003u
#define HV_MSR_VP_RUNTIME     0x40000010u
#define HV_MSR_TIME_REF_COUNT 0x40000020u
#define HV_MSR_REFERENCE_TSC  0x40000021u
#define HV_MSR_TSC_FREQUENCY  0x40000022u
#define HV_MSR_APIC_FREQUENCY 0x40000023u
#define HV_MSR_VP_ASSIST_PAGE                                                                      \
    0x40000073u /* per VP; bit 0 enables, bits 63:12 are the page number */

/* HV_MSR_HYPERCALL. RSVDP bits are ignored on read and must be written back as they were read. */
#define HV_HYPERCALL_MSR_ENABLE UINT64_C(0x0000000000000001)
#define HV_HYPERCALL_MSR_LOCKED UINT64_C(0x0000000000000002)
#define HV_HYPERCALL_MSR_RSVDP  UINT64_C(0x0000000000000FFC)
#define HV_HYPERCALL_MSR_GPFN   UINT64_C(0xFFFFFFFFFFFFF000)

/* Value that enables the page at `gpa` and keeps what the reader of `old` must preserve
 * (Reference 1.3, step 7). */
static inline uint64_t hv_hypercall_msr_enable(uint64_t old, uint64_t gpa)
{
    return (gpa & HV_HYPERCALL_MSR_GPFN) | (old & HV_HYPERCALL_MSR_RSVDP) | HV_HYPERCALL_MSR_ENABLE;
}

/* HV_MSR_GUEST_OS_ID: any non-zero value identifies the guest; this is the suggested layout for
 * open-source systems. */
#define HV_GUEST_OS_ID_OPEN_SOURCE   (UINT64_C(1) << 63)
#define HV_GUEST_OS_ID_TYPE_SHIFT    56
#define HV_GUEST_OS_ID_TYPE_MASK     UINT64_C(0x7F00000000000000)
#define HV_GUEST_OS_ID_ID_SHIFT      48
#define HV_GUEST_OS_ID_ID_MASK       UINT64_C(0x00FF000000000000)
#define HV_GUEST_OS_ID_VERSION_SHIFT 16
#define HV_GUEST_OS_ID_VERSION_MASK  UINT64_C(0x0000FFFFFFFF0000)
#define HV_GUEST_OS_ID_BUILD_MASK    UINT64_C(0x000000000000FFFF)

enum hv_guest_os_type {
    HV_GUEST_OS_TYPE_LINUX = 1,
    HV_GUEST_OS_TYPE_FREEBSD = 2,
    HV_GUEST_OS_TYPE_XEN = 3,
    HV_GUEST_OS_TYPE_ILLUMOS = 4,
};

static inline uint64_t hv_guest_os_id_open_source(uint8_t os_type, uint8_t os_id, uint32_t version,
                                                  uint16_t build)
{
    return HV_GUEST_OS_ID_OPEN_SOURCE |
           (((uint64_t)os_type << HV_GUEST_OS_ID_TYPE_SHIFT) & HV_GUEST_OS_ID_TYPE_MASK) |
           ((uint64_t)os_id << HV_GUEST_OS_ID_ID_SHIFT) |
           ((uint64_t)version << HV_GUEST_OS_ID_VERSION_SHIFT) | build;
}

#endif
