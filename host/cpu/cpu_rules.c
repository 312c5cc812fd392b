/* SPDX-License-Identifier: MIT */
#include "host/cpu/cpu_rules.h"

#include "abi/cpuid.h"
#include "abi/oracle.h"
#include "lib/hot.h"

/* VMMCALL; RET. */
static const uint8_t hypercall_code[] = {0x0F, 0x01, 0xD9, 0xC3};

static bool reaches(unsigned sender, unsigned other)
{
    (void)sender, (void)other;
    return true;
}

HOT_DATA struct cpu_rules cpu_rules = {
    .vendor = {HV_CPUID_ISOLATION, HV_CPUID_VENDOR_EBX_MICR, HV_CPUID_VENDOR_ECX_OSOF,
               HV_CPUID_VENDOR_EDX_T_HV},
    .interface = {.eax = HV_CPUID_INTERFACE_EAX_HV1},
    .features =
        {
            .eax = HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS | HV_CPUID_FEATURES_EAX_VP_INDEX |
                   HV_CPUID_FEATURES_EAX_TIME_REF_COUNT | HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS,
            .edx = HV_CPUID_FEATURES_EDX_FREQUENCY_MSRS | HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK |
                   HV_CPUID_FEATURES_EDX_DEVICE_DOMAINS | HV_CPUID_FEATURES_EDX_S1_DEVICE_DOMAINS,
        },
    .oracle = {HV_ORACLE_CPUID_FEATURES, HV_ORACLE_CPUID_EBX_PVTO, HV_ORACLE_CPUID_ECX_RACL,
               HV_ORACLE_CPUID_EDX_E},
    .oracle_features = {.eax = HV_ORACLE_VERSION,
                        .ebx = HV_ORACLE_FEATURE_FAULT | HV_ORACLE_FEATURE_COUNTERS |
                               HV_ORACLE_FEATURE_INFO},
    .hypercall_cpl_max = 0,
    .hypercall_code = hypercall_code,
    .hypercall_code_size = sizeof(hypercall_code),
    .hypercall_page_writable = false,
    .hidden_access = EXCEPTION_GP,
    .prefixes_counted = true,
    .access_start_checked = true,
    .calls_in_any_mode = true,
    .sint_polling = true,
    .shootdown = reaches,
};
