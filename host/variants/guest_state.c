/* SPDX-License-Identifier: MIT */
/* Other legal hosts in CPUID, the MSRs and the hypercall page. */
#include "abi/cpuid.h"
#include "abi/msr.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/msr.h"
#include "host/domains/private.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"

#define JUMP_TARGET 0x80

/* A jump at the start, and the code at its target: VMMCALL; RET. */
static const uint8_t jump_code[] = {
    0xEB, JUMP_TARGET - 2, [2 ... JUMP_TARGET - 1] = 0xCC, [JUMP_TARGET] = 0x0F, 0x01, 0xD9, 0xC3,
};

/* The code ends where a guest cannot know. */
static void change_page(uint8_t *page)
{
    page[cpu_rules.hypercall_code_size]++;
}

static struct synthetic_msr usual_msr;
static msr_read usual_read;

static struct domain *any_domain(void)
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        for (struct domain *domain = domain_table.bucket[i]; domain; domain = domain->next)
            if (!domain->reserved)
                return domain;
    return NULL;
}

/* Of a guest that has gone. Its devices are blocked. */
static void end_domains(void)
{
    const struct translation blocked = translation_blocked();

    for (struct domain *domain = any_domain(); domain; domain = any_domain()) {
        while (domain->devices) {
            device_switch(domain->devices, &blocked);
            device_move(domain->devices, NULL);
        }
        (void)domain_delete(domain);
    }
}

static bool write_msr(struct cpu *cpu, uint32_t number, uint64_t value)
{
    bool done = usual_msr.write(cpu, number, value);

    if (done && number == HV_MSR_GUEST_OS_ID && value == 0)
        end_domains();
    return done;
}

#define FIRMWARE_ID   UINT64_C(0x8100000000000001)
#define FIRMWARE_PAGE UINT64_C(0x000C0000) /* no memory of the guest */

/* Before the guest can look: firmware was here. */
static bool read_msr(struct cpu *cpu, uint32_t number, uint64_t *value)
{
    static bool prepared;

    if (!prepared && (number == HV_MSR_GUEST_OS_ID || number == HV_MSR_HYPERCALL)) {
        prepared = true;
        (void)synthetic_msr.write(cpu, HV_MSR_GUEST_OS_ID, FIRMWARE_ID);
        (void)synthetic_msr.write(cpu, HV_MSR_HYPERCALL,
                                  FIRMWARE_PAGE | HV_HYPERCALL_MSR_LOCKED |
                                      HV_HYPERCALL_MSR_ENABLE);
    }
    return usual_read(cpu, number, value);
}

static void install_leaves(void)
{
    /* "Another Host": the name is for reports, the interface is in the next leaf. */
    if (variant_active(VARIANT_CPUID_OTHER_VENDOR))
        cpu_rules.vendor = (struct cpuid_result){
            .eax = cpu_rules.vendor.eax, .ebx = 0x746F6E41, .ecx = 0x20726568, .edx = 0x74736F48};
    if (variant_active(VARIANT_CPUID_FIVE_LEAVES))
        cpu_rules.vendor.eax = HV_CPUID_VENDOR_EAX_MINIMUM;
    if (variant_active(VARIANT_NO_ORACLE))
        cpu_rules.oracle = cpu_rules.oracle_features = (struct cpuid_result){0};
}

void variants_install_guest_state(void)
{
    install_leaves();
    if (variant_active(VARIANT_NO_REFERENCE_TIME))
        cpu_rules.features.eax &= ~HV_CPUID_FEATURES_EAX_TIME_REF_COUNT;
    if (variant_active(VARIANT_CPUID_NO_DOMAIN_BITS))
        cpu_rules.features.edx &=
            ~(HV_CPUID_FEATURES_EDX_DEVICE_DOMAINS | HV_CPUID_FEATURES_EDX_S1_DEVICE_DOMAINS);
    if (variant_active(VARIANT_NO_FREQUENCY_MSRS) || variant_active(VARIANT_NO_REFERENCE_TIME)) {
        cpu_rules.features.eax &= ~HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS;
        cpu_rules.features.edx &= ~HV_CPUID_FEATURES_EDX_FREQUENCY_MSRS;
    }
    if (variant_active(VARIANT_OWN_PARTITION_ID))
        cpu_rules.features.ebx |= HV_CPUID_FEATURES_EBX_PARTITION_ID;
    if (variant_active(VARIANT_FAST_XMM))
        cpu_rules.features.edx |= HV_CPUID_FEATURES_EDX_XMM_INPUT;
    if (variant_active(VARIANT_OS_ID_ENDS_DOMAINS)) {
        usual_msr = synthetic_msr;
        synthetic_msr.write = write_msr;
    }
    if (variant_active(VARIANT_PAGE_LOCKED)) {
        usual_read = synthetic_msr.read;
        synthetic_msr.read = read_msr;
    }
    cpu_rules.sint_polling = !variant_active(VARIANT_NO_SINT_POLLING);
    cpu_rules.vps_count_down = variant_active(VARIANT_VPS_COUNT_DOWN);
    if (variant_active(VARIANT_PAGE_CODE_CHANGES))
        cpu_rules.hypercall_page_comes = change_page;
    if (variant_active(VARIANT_OTHER_PAGE_CODE)) {
        cpu_rules.hypercall_code = jump_code;
        cpu_rules.hypercall_code_size = sizeof(jump_code);
    }
}
