/* SPDX-License-Identifier: MIT */
/* Sleep states of the chipset: the processors lose their state and start in the firmware, without
 * the host, while memory stays as the guest left it. */
#define TEST_GROUP "hostile"
#include "drivers/pci.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/bits.h"
#include "tests/hostile/hostile.h"

/* Registers of an ICH9: function 00:1f.0 (13.1.14 and 13.1.15) and its block of power management
 * (13.8.3). */
#define ICH9_LPC       0x29188086u
#define ICH9_BDF       0x00F8u
#define PM_BASE        0x40u
#define PM_BASE_MASK   0xFF80u
#define ACPI_CONTROL   0x44u
#define ACPI_ENABLE    (1u << 7)
#define PM1_ENABLE     0x02u
#define PM1_ENABLE_RTC (1u << 10)
#define PM1_CONTROL    0x04u
#define SLEEP_TYPE     10 /* 12:10 */
#define SLEEP_TYPES    8u
#define SLEEP_ENABLE   (1u << 13)
/* Sleep types of QEMU's. */
#define SUSPEND   1u
#define HIBERNATE 2u
#define WAIT_US   2000u
/* OVMF puts the block there, also on a machine that hides the function. */
#define FIRMWARE_BLOCK 0x600u
#define NOTHING        0xFFFFu

/* Of a PC's real-time clock (MC146818): an alarm in every second. */
#define RTC_INDEX        0x70u
#define RTC_DATA         0x71u
#define RTC_ALARM_SECOND 0x01u
#define RTC_ALARM_MINUTE 0x03u
#define RTC_ALARM_HOUR   0x05u
#define RTC_ALARM_ANY    0xC0u
#define RTC_B            0x0Bu
#define RTC_B_ALARM      (1u << 5)

/* First port of the block. */
static uint16_t power_management(void)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++)
        if (f[i].segment == 0 && f[i].bdf == ICH9_BDF && !f[i].vpci &&
            pci_read32(&f[i], 0) == ICH9_LPC && (pci_read32(&f[i], ACPI_CONTROL) & ACPI_ENABLE))
            return (uint16_t)(pci_read32(&f[i], PM_BASE) & PM_BASE_MASK);
    return FIRMWARE_BLOCK;
}

/* Stores to the control register, each with SLP_EN: of the word, of its upper byte, and of a double
 * word that begins before it. */
static void ask(uint16_t block, unsigned type)
{
    uint16_t port = (uint16_t)(block + PM1_CONTROL);
    uint32_t value = cpu_in16(port) & ~((SLEEP_TYPES - 1) << SLEEP_TYPE);

    value |= (uint32_t)type << SLEEP_TYPE | SLEEP_ENABLE;
    cpu_out16(port, (uint16_t)value);
    cpu_out8((uint16_t)(port + 1), (uint8_t)(value >> 8));
    cpu_out32((uint16_t)(port - 2), value << 16);
    cpu_out32(port, value);
}

static void rtc_write(uint8_t index, uint8_t value)
{
    cpu_out8(RTC_INDEX, index);
    cpu_out8(RTC_DATA, value);
}

static uint8_t rtc_read(uint8_t index)
{
    cpu_out8(RTC_INDEX, index);
    return cpu_in8(RTC_DATA);
}

STRESS(sleep_states,
       PROMISE("No sleep state takes the processors away from the host and leaves memory as it is")
       COVERS("ISO-3") DEVICES(NONE) KINDS("bad-input")
       STEPS("Sets an alarm that would wake the machine, and asks for sleep state S3 by each store "
             "that reaches the chipset's control register, then for the states that a chipset of "
             "QEMU does not know.")
       EXPECTS("The guest goes on, and the register does not hold the state.")
       IF_IT_FAILS("The machine sleeps, and wakes up in its firmware without the host. Code that "
                   "the guest has left in memory runs, and reaches the memory of the host. The run "
                   "ends with a second start of the firmware, or without an end."))
{
    static const uint8_t alarms[] = {RTC_ALARM_SECOND, RTC_ALARM_MINUTE, RTC_ALARM_HOUR};
    uint16_t block = power_management(), enabled, control;
    unsigned chosen = 0;
    uint8_t old_b;

    need_integrity(t, NULL);
    if (cpu_in16((uint16_t)(block + PM1_CONTROL)) == NOTHING)
        SKIP("the machine has no chipset whose sleep states are known");
    old_b = rtc_read(RTC_B);
    enabled = cpu_in16((uint16_t)(block + PM1_ENABLE));
    for (unsigned i = 0; i < ARRAY_SIZE(alarms); i++)
        rtc_write(alarms[i], RTC_ALARM_ANY);
    cpu_out16((uint16_t)(block + PM1_ENABLE), (uint16_t)(enabled | PM1_ENABLE_RTC));
    rtc_write(RTC_B, old_b | RTC_B_ALARM);
    control = cpu_in16((uint16_t)(block + PM1_CONTROL));
    for (unsigned type = SUSPEND; type < SLEEP_TYPES; type++) {
        if (type == HIBERNATE)
            continue; /* it ends the machine */
        STEP("sleep type %llu", type);
        ask(block, type);
        time_delay_us(WAIT_US);
        if (cpu_in16((uint16_t)(block + PM1_CONTROL)) != control)
            chosen = type;
        cpu_out16((uint16_t)(block + PM1_CONTROL), control);
    }
    rtc_write(RTC_B, old_b);
    cpu_out16((uint16_t)(block + PM1_ENABLE), enabled);
    CHECK_EQ(chosen, 0, "sleep type that the chipset took");
}
