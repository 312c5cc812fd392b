/* SPDX-License-Identifier: MIT */
/*
 * The local APICs are the guest's and are not virtualized: a message becomes an inter-processor
 * interrupt of the same vector, which a processor cannot tell from a message of the bus.
 */
#include "host/vdev/msi.h"

#include "host/base/instructions.h"
#include "host/base/local_apic.h"
#include "host/base/log.h"
#include "host/vdev/vdev.h"
#include "host/vdev/vdev_rules.h"

#define WINDOW_SHIFT                 20
#define ADDRESS_LOGICAL              (1u << 2)
#define ADDRESS_DESTINATION(address) ((uint32_t)((address) >> 12) & 0xFFu)
#define DATA_VECTOR_MASK             0xFFu
#define DATA_DELIVERY_MASK           0x700u
#define DATA_LOWEST                  0x100u
#define VECTOR_FIRST                 0x10u /* smaller ones are illegal */

#define COMMAND_LOGICAL (1u << 11)
#define COMMAND_ASSERT  (1u << 14)

static bool to_local_apic(uint64_t address, uint32_t data)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    uint32_t delivery = data & DATA_DELIVERY_MASK, vector = data & DATA_VECTOR_MASK;
    uint32_t command = vector | COMMAND_ASSERT | (address & ADDRESS_LOGICAL ? COMMAND_LOGICAL : 0);

    if (address >> WINDOW_SHIFT != vdev_rules.message_window || vector < VECTOR_FIRST ||
        (delivery != 0 && delivery != DATA_LOWEST) || !(base & APIC_BASE_ENABLE)) {
        host_log(LOG_TRACE, "message 0x%llx of 0x%x is not delivered\n",
                 (unsigned long long)address, data);
        return false;
    }
    /* There is no lowest-priority IPI in the x2APIC, and one target is as good as another. */
    return local_apic_send(ADDRESS_DESTINATION(address), command);
}

bool msi_deliver(const struct vdev_function *function, uint64_t address, uint32_t data)
{
    return function->send_message ? function->send_message(function->message_owner, address, data)
                                  : to_local_apic(address, data);
}

bool msi_send(const struct vdev_function *function, uint64_t address, uint32_t data)
{
    return vdev_rules.send_message(function, address, data);
}

bool msi_send_vector(uint32_t apic_id, uint8_t vector)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

    return (base & APIC_BASE_ENABLE) && local_apic_send(apic_id, vector | COMMAND_ASSERT);
}
