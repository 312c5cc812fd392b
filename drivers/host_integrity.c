/* SPDX-License-Identifier: MIT */
#include "drivers/host_integrity.h"

#include "drivers/hypercall.h"
#include "kernel/cpu.h"
#include "lib/fmt.h"

bool host_integrity_present(void)
{
    static enum { UNKNOWN, ABSENT, PRESENT } state;
    struct cpuid_result leaf;

    if (state == UNKNOWN && hypercall_init()->state == HYPERCALL_READY) {
        leaf = cpu_cpuid(HV_INTEGRITY_CPUID, 0);
        state = leaf.eax == HV_INTEGRITY_VERSION && leaf.ebx == HV_INTEGRITY_CPUID_EBX_PVTI &&
                        leaf.ecx == HV_INTEGRITY_CPUID_ECX_NTEG &&
                        leaf.edx == HV_INTEGRITY_CPUID_EDX_RITY
                    ? PRESENT
                    : ABSENT;
    }
    return state == PRESENT;
}

bool host_integrity_check(bool all_pages, struct integrity_output *found)
{
    struct integrity_input input = {.flags = all_pages ? INTEGRITY_ALL_PAGES : 0};

    return host_integrity_present() &&
           hypercall_simple(HVCALL_HOST_INTEGRITY, &input, sizeof(input), found, sizeof(*found)) ==
               HV_STATUS_SUCCESS;
}

const char *host_integrity_damage(char *text, size_t size)
{
    struct integrity_output found;

    if (!host_integrity_present())
        return NULL;
    if (!host_integrity_check(true, &found))
        return "the host does not compare its own memory any more";
    if (found.constants_changed == 0 && found.words_changed == 0)
        return NULL;
    fmt_snprintf(text, size,
                 "the host's own memory has changed: %llu ranges of text and constants, %llu words "
                 "of unused pages, the "
                 "first at 0x%llx",
                 (unsigned long long)found.constants_changed,
                 (unsigned long long)found.words_changed, (unsigned long long)found.first_changed);
    return text;
}
