/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_CPUID_H
#define PVT_ABI_CPUID_H

#include <stdint.h>

/*
 * Hypervisor CPUID leaves (Reference 1.1). A name is HV_CPUID_<leaf>_<register>_<bit or field>.
 * "Header only" marks bits of published headers that the public specification lacks: report them,
 * decide nothing.
 */

#define CPUID_1                        0x00000001u
#define CPUID_1_ECX_HYPERVISOR_PRESENT (UINT32_C(1) << 31)

/* Highest leaf (EAX) and vendor text (EBX, ECX, EDX = "Microsoft Hv"). Software must not decide on
 * the vendor. */
#define HV_CPUID_VENDOR             0x40000000u
#define HV_CPUID_VENDOR_EAX_MINIMUM 0x40000005u
#define HV_CPUID_VENDOR_EBX_MICR    UINT32_C(0x7263694D)
#define HV_CPUID_VENDOR_ECX_OSOF    UINT32_C(0x666F736F)
#define HV_CPUID_VENDOR_EDX_T_HV    UINT32_C(0x76482074)

/* The signature alone promises the MSRs GUEST_OS_ID, HYPERCALL and VP_INDEX. */
#define HV_CPUID_INTERFACE         0x40000001u
#define HV_CPUID_INTERFACE_EAX_HV1 UINT32_C(0x31237648) /* "Hv#1" */

/* EAX is the build number. */
#define HV_CPUID_VERSION                 0x40000002u
#define HV_CPUID_VERSION_EBX_MINOR_MASK  UINT32_C(0x0000FFFF)
#define HV_CPUID_VERSION_EBX_MAJOR_SHIFT 16

#define HV_CPUID_FEATURES                       0x40000003u
#define HV_CPUID_FEATURES_EAX_TIME_REF_COUNT    (UINT32_C(1) << 1)
#define HV_CPUID_FEATURES_EAX_SYNIC_MSRS        (UINT32_C(1) << 2)
#define HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS    (UINT32_C(1) << 5)
#define HV_CPUID_FEATURES_EAX_VP_INDEX          (UINT32_C(1) << 6)
#define HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS    (UINT32_C(1) << 11)
#define HV_CPUID_FEATURES_EBX_CREATE_PARTITIONS (UINT32_C(1) << 0)
/* Only allows HVCALL_GET_PARTITION_ID; device-domain calls do not need it, as they pass
 * HV_PARTITION_ID_SELF. */
#define HV_CPUID_FEATURES_EBX_PARTITION_ID (UINT32_C(1) << 1)
/* Advisory: there are hosts with VMBus that leave both clear. */
#define HV_CPUID_FEATURES_EBX_POST_MESSAGES       (UINT32_C(1) << 4)
#define HV_CPUID_FEATURES_EBX_SIGNAL_EVENTS       (UINT32_C(1) << 5)
#define HV_CPUID_FEATURES_EBX_CPU_MANAGEMENT      (UINT32_C(1) << 12)
#define HV_CPUID_FEATURES_EBX_EXTENDED_HYPERCALLS (UINT32_C(1) << 20)
#define HV_CPUID_FEATURES_EBX_ISOLATION           (UINT32_C(1) << 22)
#define HV_CPUID_FEATURES_EDX_XMM_INPUT           (UINT32_C(1) << 4)
#define HV_CPUID_FEATURES_EDX_FREQUENCY_MSRS      (UINT32_C(1) << 8)
#define HV_CPUID_FEATURES_EDX_XMM_OUTPUT          (UINT32_C(1) << 15)
#define HV_CPUID_FEATURES_EDX_SINT_POLLING        (UINT32_C(1) << 17)
#define HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK  (UINT32_C(1) << 18)
/* Header only. No guest driver checks them: presence is decided by calling
 * HVCALL_GET_IOMMU_CAPABILITIES. */
#define HV_CPUID_FEATURES_EDX_DEVICE_DOMAINS    (UINT32_C(1) << 24)
#define HV_CPUID_FEATURES_EDX_S1_DEVICE_DOMAINS (UINT32_C(1) << 25)

#define HV_CPUID_RECOMMENDATIONS                         0x40000004u
#define HV_CPUID_RECOMMENDATIONS_EAX_DMA_REMAPPING       (UINT32_C(1) << 6)
#define HV_CPUID_RECOMMENDATIONS_EAX_INTERRUPT_REMAPPING (UINT32_C(1) << 7)
#define HV_CPUID_RECOMMENDATIONS_EAX_NO_AUTO_EOI         (UINT32_C(1) << 9)
#define HV_CPUID_RECOMMENDATIONS_EAX_NESTED              (UINT32_C(1) << 12)
#define HV_CPUID_RECOMMENDATIONS_ECX_PHYSICAL_ADDRESS_WIDTH_MASK                                   \
    UINT32_C(0x0000007F) /* 0 = not reported */

/* EAX = virtual processors, EBX = logical processors, ECX = interrupt vectors that can be remapped.
 */
#define HV_CPUID_LIMITS 0x40000005u

#define HV_CPUID_HARDWARE                         0x40000006u
#define HV_CPUID_HARDWARE_EAX_DMA_REMAPPING       (UINT32_C(1) << 4)
#define HV_CPUID_HARDWARE_EAX_INTERRUPT_REMAPPING (UINT32_C(1) << 5)
#define HV_CPUID_HARDWARE_EAX_DMA_PROTECTION      (UINT32_C(1) << 7)
#define HV_CPUID_HARDWARE_EBX_DEVICE_DOMAIN_INPUT_WIDTH_MASK                                       \
    UINT32_C(0x000000FF) /* header only                                                            \
                          */

/* Root partition only. */
#define HV_CPUID_CPU_MANAGEMENT 0x40000007u

/* Shared virtual memory of the older PASID-space interface, not of device domains. Header only.
 * EBX = number of PASID spaces, ECX = largest page request queue of a device. */
#define HV_CPUID_SVM                      0x40000008u
#define HV_CPUID_SVM_EAX_SUPPORTED        (UINT32_C(1) << 0)
#define HV_CPUID_SVM_EAX_MAX_PASIDS_SHIFT 11
#define HV_CPUID_SVM_EAX_MAX_PASIDS_MASK  UINT32_C(0xFFFFF800)

#define HV_CPUID_NESTED_FEATURES                    0x40000009u
#define HV_CPUID_NESTED_FEATURES_EAX_HYPERCALL_MSRS (UINT32_C(1) << 5)
#define HV_CPUID_NESTED_FEATURES_EAX_VP_INDEX       (UINT32_C(1) << 6)
#define HV_CPUID_NESTED_FEATURES_EDX_XMM_INPUT      (UINT32_C(1) << 4)
#define HV_CPUID_NESTED_FEATURES_EDX_XMM_OUTPUT     (UINT32_C(1) << 15)

#define HV_CPUID_NESTED_VIRTUALIZATION 0x4000000Au

#define HV_CPUID_ISOLATION                                0x4000000Cu
#define HV_CPUID_ISOLATION_EAX_PARAVISOR                  (UINT32_C(1) << 0)
#define HV_CPUID_ISOLATION_EBX_TYPE_MASK                  UINT32_C(0x0000000F)
#define HV_CPUID_ISOLATION_EBX_SHARED_GPA_BOUNDARY_ACTIVE (UINT32_C(1) << 5)
#define HV_CPUID_ISOLATION_EBX_SHARED_GPA_BOUNDARY_SHIFT  6
#define HV_CPUID_ISOLATION_EBX_SHARED_GPA_BOUNDARY_MASK   UINT32_C(0x00000FC0)

enum hv_isolation_type {
    HV_ISOLATION_NONE = 0,
    HV_ISOLATION_VBS = 1,
    HV_ISOLATION_SNP = 2,
    HV_ISOLATION_TDX = 3,
    HV_ISOLATION_CCA = 4,
};

#endif
