/* SPDX-License-Identifier: MIT */
/*
 * The local APICs are the guest's and are not virtualized: a message becomes an inter-processor interrupt of the same
 * vector, which a processor cannot tell from a message of the bus.
 */
#include "host/vdev/msi.h"

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/vdev/vdev_rules.h"

#define WINDOW_SHIFT                 20
#define ADDRESS_LOGICAL              (1u << 2)
#define ADDRESS_DESTINATION(address) ((uint32_t)((address) >> 12) & 0xFFu)
#define DATA_VECTOR_MASK             0xFFu
#define DATA_DELIVERY_MASK           0x700u
#define DATA_LOWEST                  0x100u
#define VECTOR_FIRST                 0x10u /* smaller ones are illegal */

#define APIC_BASE_X2APIC         (1ull << 10)
#define APIC_BASE_ENABLE         (1ull << 11)
#define APIC_BASE_ADDRESS        0x000FFFFFFFFFF000ull
#define APIC_COMMAND_LOW         0x300u
#define APIC_COMMAND_HIGH        0x310u
#define COMMAND_LOGICAL          (1u << 11)
#define COMMAND_PENDING          (1u << 12)
#define COMMAND_ASSERT           (1u << 14)
#define XAPIC_DESTINATION_SHIFT  24
#define X2APIC_DESTINATION_SHIFT 32
#define PENDING_LIMIT            100000u

static volatile uint32_t *apic_register(uint64_t base, unsigned offset)
{
    return (volatile uint32_t *)(uintptr_t)((base & APIC_BASE_ADDRESS) + offset);
}

static bool idle(uint64_t base)
{
    for (unsigned tries = 0; tries < PENDING_LIMIT; tries++) {
        if ((*apic_register(base, APIC_COMMAND_LOW) & COMMAND_PENDING) == 0)
            return true;
    }
    return false;
}

/* The guest may be between its two writes: what it wrote to the upper half is put back. */
static bool send_xapic(uint64_t base, uint32_t destination, uint32_t command)
{
    uint32_t high = *apic_register(base, APIC_COMMAND_HIGH);
    bool sent = idle(base);

    if (sent) {
        *apic_register(base, APIC_COMMAND_HIGH) = destination << XAPIC_DESTINATION_SHIFT;
        *apic_register(base, APIC_COMMAND_LOW) = command;
        sent = idle(base);
        *apic_register(base, APIC_COMMAND_HIGH) = high;
    }
    return sent;
}

static bool send(uint64_t base, uint32_t destination, uint32_t command)
{
    /* x2APIC has no lowest-priority IPI, and one target is as good as another. */
    if (base & APIC_BASE_X2APIC) {
        cpu_wrmsr(MSR_X2APIC_ICR, (uint64_t)destination << X2APIC_DESTINATION_SHIFT | command);
        return true;
    }
    return send_xapic(base, destination, command);
}

bool msi_send(uint64_t address, uint32_t data)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    uint32_t delivery = data & DATA_DELIVERY_MASK, vector = data & DATA_VECTOR_MASK;
    uint32_t command = vector | COMMAND_ASSERT | (address & ADDRESS_LOGICAL ? COMMAND_LOGICAL : 0);

    if (address >> WINDOW_SHIFT != vdev_rules.message_window || vector < VECTOR_FIRST ||
        (delivery != 0 && delivery != DATA_LOWEST) || !(base & APIC_BASE_ENABLE)) {
        host_log(LOG_TRACE, "message 0x%llx of 0x%x is not delivered\n", (unsigned long long)address, data);
        return false;
    }
    return send(base, ADDRESS_DESTINATION(address), command);
}

bool msi_send_vector(uint32_t apic_id, uint8_t vector)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

    return (base & APIC_BASE_ENABLE) && send(base, apic_id, vector | COMMAND_ASSERT);
}
