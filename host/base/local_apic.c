/* SPDX-License-Identifier: MIT */
#include "host/base/local_apic.h"

#include "host/base/instructions.h"

#define COMMAND_LOW              0x300u
#define COMMAND_HIGH             0x310u
#define COMMAND_PENDING          (1u << 12)
#define XAPIC_DESTINATION_SHIFT  24
#define X2APIC_DESTINATION_SHIFT 32
#define PENDING_LIMIT            100000u
#define CPUID_FEATURES           1u
#define CPUID_ECX_X2APIC         (1u << 21)

static volatile uint32_t *apic_register(unsigned offset)
{
    return (volatile uint32_t *)(uintptr_t)(LOCAL_APIC_PAGE + offset);
}

static bool idle(void)
{
    for (unsigned tries = 0; tries < PENDING_LIMIT; tries++)
        if ((*apic_register(COMMAND_LOW) & COMMAND_PENDING) == 0)
            return true;
    return false;
}

/* The guest may be between its two writes: what it wrote to the upper half is put back. */
static bool send_xapic(uint32_t destination, uint32_t command)
{
    uint32_t high = *apic_register(COMMAND_HIGH);
    bool sent = idle();

    if (sent) {
        *apic_register(COMMAND_HIGH) = destination << XAPIC_DESTINATION_SHIFT;
        *apic_register(COMMAND_LOW) = command;
        sent = idle();
        *apic_register(COMMAND_HIGH) = high;
    }
    return sent;
}

static void send_x2apic(uint32_t destination, uint32_t command)
{
    cpu_wrmsr(MSR_X2APIC_ICR, (uint64_t)destination << X2APIC_DESTINATION_SHIFT | command);
}

bool local_apic_send(uint32_t destination, uint32_t command)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

    if ((base & APIC_BASE_X2APIC) != 0) {
        send_x2apic(destination, command);
        return true;
    }
    if ((base & APIC_BASE_ENABLE) != 0)
        return send_xapic(destination, command);
    /* A guest that has switched its APIC off has lost the state of it; on for the time of one
     * message. */
    cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if ((cpu_cpuid(CPUID_FEATURES, 0).ecx & CPUID_ECX_X2APIC) == 0) {
        bool sent = send_xapic(destination, command);

        cpu_wrmsr(MSR_APIC_BASE, base);
        return sent;
    }
    cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    send_x2apic(destination, command);
    cpu_wrmsr(MSR_APIC_BASE, base);
    return true;
}
