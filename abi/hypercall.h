/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_HYPERCALL_H
#define PVT_ABI_HYPERCALL_H

#include <stdint.h>

#include "status.h"

/* Control word, RCX on entry (Reference 2.1). */
#define HV_CONTROL_CODE_MASK        UINT64_C(0x000000000000FFFF)
#define HV_CONTROL_FAST             (UINT64_C(1) << 16)
#define HV_CONTROL_VAR_HEADER_SHIFT 17
#define HV_CONTROL_VAR_HEADER_MASK  UINT64_C(0x0000000007FE0000)
#define HV_CONTROL_NESTED           (UINT64_C(1) << 31)
#define HV_CONTROL_REP_COUNT_SHIFT  32
#define HV_CONTROL_REP_COUNT_MASK   UINT64_C(0x00000FFF00000000)
#define HV_CONTROL_REP_START_SHIFT  48
#define HV_CONTROL_REP_START_MASK   UINT64_C(0x0FFF000000000000)

/* Bits 30:27, 47:44 and 63:60 must be zero. */
#define HV_CONTROL_RESERVED_LOW    UINT64_C(0x0000000078000000)
#define HV_CONTROL_RESERVED_MIDDLE UINT64_C(0x0000F00000000000)
#define HV_CONTROL_RESERVED_HIGH   UINT64_C(0xF000000000000000)
#define HV_CONTROL_RESERVED                                                                        \
    (HV_CONTROL_RESERVED_LOW | HV_CONTROL_RESERVED_MIDDLE | HV_CONTROL_RESERVED_HIGH)

#define HV_REP_MAX 0xFFFu

/* Any flag below may be joined into `flags`; a count or start that does not fit its 12 bits is cut
 * to them. */
static inline uint64_t hv_control(uint16_t code, uint32_t rep_count, uint32_t rep_start,
                                  uint64_t flags)
{
    return flags | code |
           (((uint64_t)rep_count << HV_CONTROL_REP_COUNT_SHIFT) & HV_CONTROL_REP_COUNT_MASK) |
           (((uint64_t)rep_start << HV_CONTROL_REP_START_SHIFT) & HV_CONTROL_REP_START_MASK);
}

/* For `flags` of hv_control(): size of the header beyond its fixed part, in units of 8 bytes. */
static inline uint64_t hv_control_var_header(uint32_t qwords)
{
    return ((uint64_t)qwords << HV_CONTROL_VAR_HEADER_SHIFT) & HV_CONTROL_VAR_HEADER_MASK;
}

static inline uint16_t hv_control_code(uint64_t control)
{
    return (uint16_t)(control & HV_CONTROL_CODE_MASK);
}

static inline uint32_t hv_control_var_header_qwords(uint64_t control)
{
    return (uint32_t)((control & HV_CONTROL_VAR_HEADER_MASK) >> HV_CONTROL_VAR_HEADER_SHIFT);
}

static inline uint32_t hv_control_rep_count(uint64_t control)
{
    return (uint32_t)((control & HV_CONTROL_REP_COUNT_MASK) >> HV_CONTROL_REP_COUNT_SHIFT);
}

static inline uint32_t hv_control_rep_start(uint64_t control)
{
    return (uint32_t)((control & HV_CONTROL_REP_START_MASK) >> HV_CONTROL_REP_START_SHIFT);
}

/* Result, RAX on return (Reference 2.1). The other bits are to be ignored. */
#define HV_RESULT_STATUS_MASK UINT64_C(0x000000000000FFFF)
#define HV_RESULT_REPS_SHIFT  32
#define HV_RESULT_REPS_MASK   UINT64_C(0x00000FFF00000000)

/* A host may return a value that enum hv_status does not list. */
static inline enum hv_status hv_result_status(uint64_t result)
{
    return (enum hv_status)(result & HV_RESULT_STATUS_MASK);
}

/* Total number of elements done, those before rep start included. */
static inline uint32_t hv_result_reps(uint64_t result)
{
    return (uint32_t)((result & HV_RESULT_REPS_MASK) >> HV_RESULT_REPS_SHIFT);
}

static inline uint64_t hv_result(enum hv_status status, uint32_t reps)
{
    return ((uint64_t)status & HV_RESULT_STATUS_MASK) |
           (((uint64_t)reps << HV_RESULT_REPS_SHIFT) & HV_RESULT_REPS_MASK);
}

/* Parameter lists (Reference 2.1, 2.2): 8-byte aligned, padded to 8 bytes, inside one page, never
 * overlapping. */
#define HV_PAGE_SIZE           4096u
#define HV_PAGE_SHIFT          12
#define HV_PARAMETER_ALIGNMENT 8u
#define HV_FAST_INPUT_MAX      16u  /* RDX and R8 */
#define HV_FAST_XMM_INPUT_MAX  112u /* and XMM0 to XMM5 */

/* Partition ids (Reference 3.1). A guest names itself as SELF. */
#define HV_PARTITION_ID_INVALID UINT64_C(0)
#define HV_PARTITION_ID_SELF    UINT64_C(0xFFFFFFFFFFFFFFFF)

/* Calls of a guest (Reference 3.1). All are simple calls except FLUSH_DEVICE_DOMAIN_LIST, a rep
 * call. */
#define HVCALL_CREATE_DEVICE_DOMAIN        0x00B1u
#define HVCALL_ATTACH_DEVICE_DOMAIN        0x00B2u
#define HVCALL_DETACH_DEVICE_DOMAIN        0x00C4u /* guests stopped using it in 2026 */
#define HVCALL_DELETE_DEVICE_DOMAIN        0x00C5u
#define HVCALL_CONFIGURE_DEVICE_DOMAIN     0x00CEu
#define HVCALL_FLUSH_DEVICE_DOMAIN         0x00D0u
#define HVCALL_FLUSH_DEVICE_DOMAIN_LIST    0x00D1u
#define HVCALL_GET_IOMMU_CAPABILITIES      0x0125u
#define HVCALL_GET_LOGICAL_DEVICE_PROPERTY 0x0127u

/* Neighbors that the device-domain interface touches. */
#define HVCALL_GET_PARTITION_ID          0x0046u
#define HVCALL_POST_MESSAGE              0x005Cu
#define HVCALL_SIGNAL_EVENT              0x005Du
#define HVCALL_RETARGET_DEVICE_INTERRUPT 0x007Eu
#define HVCALL_EXTENDED_BASE             0x8000u /* codes above it are extended calls */

/* Root and stage-2 calls, unused here: named so that a trace can be read. */
#define HVCALL_ATTACH_DEVICE                 0x0082u
#define HVCALL_DETACH_DEVICE                 0x0083u
#define HVCALL_MAP_DEVICE_GPA_PAGES          0x00B3u
#define HVCALL_UNMAP_DEVICE_GPA_PAGES        0x00B4u
#define HVCALL_QUERY_DEVICE_DOMAIN           0x00C6u
#define HVCALL_MAP_SPARSE_DEVICE_GPA_PAGES   0x00C7u
#define HVCALL_UNMAP_SPARSE_DEVICE_GPA_PAGES 0x00C8u

/* Known by name only: layout and class are not public. 0x0126 has not even a name. */
#define HVCALL_PROCESS_IOMMU_PRQ              0x00C3u
#define HVCALL_QUERY_DEVICE_DOMAIN_PROPERTIES 0x00CFu
#define HVCALL_ENABLE_DEVICE_INTERRUPT        0x00D5u
#define HVCALL_UNKNOWN_0126                   0x0126u

/* The older PASID-space family, known by name only; not part of the device-domain interface. */
#define HVCALL_CREATE_PASID_SPACE              0x009Du
#define HVCALL_DELETE_PASID_SPACE              0x009Eu
#define HVCALL_SET_PASID_ADDRESS_SPACE         0x009Fu
#define HVCALL_FLUSH_PASID_ADDRESS_SPACE       0x00A0u
#define HVCALL_FLUSH_PASID_ADDRESS_LIST        0x00A1u
#define HVCALL_ATTACH_PASID_SPACE              0x00A2u
#define HVCALL_DETACH_PASID_SPACE              0x00A3u
#define HVCALL_ENABLE_PASID                    0x00A4u
#define HVCALL_DISABLE_PASID                   0x00A5u
#define HVCALL_ACKNOWLEDGE_DEVICE_PAGE_REQUEST 0x00A6u
#define HVCALL_CREATE_DEVICE_PR_QUEUE          0x00A7u
#define HVCALL_DELETE_DEVICE_PR_QUEUE          0x00A8u
#define HVCALL_SET_DEVICE_PRQ_PROPERTY         0x00A9u
#define HVCALL_GET_PHYSICAL_DEVICE_PROPERTY    0x00AAu
#define HVCALL_SET_PHYSICAL_DEVICE_PROPERTY    0x00ABu

#endif
