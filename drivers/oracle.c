/* SPDX-License-Identifier: MIT */
#include "drivers/oracle.h"

#include "abi/hypercall.h"
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "kernel/cpu.h"

static struct {
    unsigned count;
    struct oracle_fault last[ORACLE_FAULTS_KEPT];
} taken;

/* Other hypervisors use the same leaf for something else: every register of the signature is
 * compared. */
static uint32_t find_features(void)
{
    struct cpuid_result signature, features;

    if (hypercall_init()->state != HYPERCALL_READY)
        return 0;
    signature = cpu_cpuid(HV_ORACLE_CPUID, 0);
    if (signature.eax < HV_ORACLE_CPUID_FEATURES || signature.ebx != HV_ORACLE_CPUID_EBX_PVTO ||
        signature.ecx != HV_ORACLE_CPUID_ECX_RACL || signature.edx != HV_ORACLE_CPUID_EDX_E)
        return 0;
    features = cpu_cpuid(HV_ORACLE_CPUID_FEATURES, 0);
    return features.eax == HV_ORACLE_VERSION ? features.ebx : 0;
}

/* Asked for once: CPUID is an exit, and this is asked after every faulting DMA. */
static uint32_t oracle_features(void)
{
    static struct {
        bool known;
        uint32_t features;
    } cache;

    if (!cache.known) {
        cache.features = find_features();
        cache.known = true;
    }
    return cache.features;
}

bool oracle_present(void)
{
    return oracle_features() != 0;
}

bool oracle_read_fault(uint64_t device_id, struct oracle_fault *fault)
{
    struct oracle_fault_input in = {.device_id = device_id, .flags = ORACLE_FAULT_CLEAR};

    return (oracle_features() & HV_ORACLE_FEATURE_FAULT) != 0 &&
           hypercall_simple(HVCALL_ORACLE_FAULT, &in, sizeof(in), fault, sizeof(*fault)) ==
               HV_STATUS_SUCCESS;
}

bool oracle_take_fault(uint64_t device_id, struct oracle_fault *fault)
{
    if (iommu_start() || !iommu()->take_fault(device_id, fault))
        return false;
    if (fault->valid & ORACLE_FAULT_VALID)
        taken.last[taken.count++ % ORACLE_FAULTS_KEPT] = *fault;
    return true;
}

void oracle_faults_forget(void)
{
    taken.count = 0;
}

const struct oracle_fault *oracle_faults_taken(unsigned *count)
{
    *count = taken.count;
    return taken.last;
}

bool oracle_counters(struct oracle_counters *counters)
{
    struct oracle_counters_input in = {0};

    return (oracle_features() & HV_ORACLE_FEATURE_COUNTERS) != 0 &&
           hypercall_simple(HVCALL_ORACLE_COUNTERS, &in, sizeof(in), counters, sizeof(*counters)) ==
               HV_STATUS_SUCCESS;
}

bool oracle_info(struct oracle_info *info)
{
    if ((oracle_features() & HV_ORACLE_FEATURE_INFO) == 0 ||
        hypercall_simple(HVCALL_ORACLE_INFO, NULL, 0, info, sizeof(*info)) != HV_STATUS_SUCCESS)
        return false;
    info->backend[sizeof(info->backend) - 1] = '\0';
    info->defect[sizeof(info->defect) - 1] = '\0';
    info->host_version[sizeof(info->host_version) - 1] = '\0';
    info->variant[sizeof(info->variant) - 1] = '\0';
    return true;
}
