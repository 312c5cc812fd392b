/* SPDX-License-Identifier: MIT */
/*
 * The local APIC is the guest's, but for what takes a processor away from the host: SMI, INIT,
 * start-up. In x2APIC mode those registers are MSRs; here is the page of the xAPIC (APM volume
 * 2, 16.3.2). Reads cost no exit.
 */
#include "host/cpu/local_apic_page.h"

#include "host/base/local_apic.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/cpu/icr.h"
#include "host/cpu/processors.h"
#include "host/platform/guarded_registers.h"
#include "host/platform/machine_rules.h"
#include "lib/bits.h"

#define REGISTER_BYTES 16u /* of which the first four count */
#define APIC_ID        0x020u
#define ENTRY_MCE      0x2F0u
#define COMMAND        0x300u
#define COMMAND_HIGH   0x310u
#define ENTRY_FIRST    0x320u
#define ENTRY_LAST     0x370u
#define EXTENDED_FIRST 0x500u
#define EXTENDED_LAST  0x530u

#define DESTINATION_SHIFT 24

static volatile uint32_t *apic_register(unsigned offset)
{
    return (volatile uint32_t *)(uintptr_t)(LOCAL_APIC_PAGE + offset);
}

static bool is_entry(unsigned offset)
{
    return offset == ENTRY_MCE || (offset >= ENTRY_FIRST && offset <= ENTRY_LAST) ||
           (offset >= EXTENDED_FIRST && offset <= EXTENDED_LAST);
}

static bool write_command(uint32_t value)
{
    uint64_t destination = *apic_register(COMMAND_HIGH) >> DESTINATION_SHIFT;
    uint64_t icr = destination << ICR_DESTINATION_SHIFT | value, mode = value & ICR_MODE_MASK;

    if (mode == ICR_MODE_SMI)
        return false;
    if (mode == ICR_MODE_INIT || mode == ICR_MODE_START)
        return (value & ICR_SHORTHAND_MASK) == ICR_SHORTHAND_OTHERS
                   ? processors_command_others(cpu_current(), icr)
                   : processors_command(cpu_current(), icr);
    *apic_register(COMMAND) = value;
    return true;
}

static bool write_register(unsigned offset, unsigned size, uint64_t value)
{
    /* QEMU takes a store to the first register, which does not exist, for a message with any
     * delivery mode. Another APIC id would hide the processor from the host. */
    if (size != 4 || offset % REGISTER_BYTES != 0 || offset == 0 || offset == APIC_ID)
        return false;
    if (offset == COMMAND)
        return write_command((uint32_t)value);
    if (is_entry(offset) && !delivery_allowed((uint32_t)value))
        return false;
    *apic_register(offset) = (uint32_t)value;
    return true;
}

static void page_write(uint64_t gpa, unsigned size, uint64_t value)
{
    unsigned offset = (unsigned)(gpa % PAGE_SIZE);

    if (!write_register(offset, size, value))
        host_log(LOG_TRACE, "store of 0x%lx to register 0x%x of the local APIC: dropped\n", value,
                 offset);
}

void local_apic_page_init(void)
{
    guarded_register_add(LOCAL_APIC_PAGE, page_write, "stores to the local APIC");
    guest_protect(LOCAL_APIC_PAGE + PAGE_SIZE, LOCAL_APIC_WINDOW - PAGE_SIZE,
                  "messages to local APICs");
}
