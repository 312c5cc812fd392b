/* SPDX-License-Identifier: MIT */
/* Local APIC (APM volume 2, chapter 16). */
#include "kernel/lapic.h"

#include <stdbool.h>

#include "kernel/control.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "kernel/trap.h"

#define APIC_BASE_ENABLED (1ull << 11)
#define APIC_BASE_X2APIC  (1ull << 10)
#define APIC_BASE_ADDRESS 0x000FFFFFFFFFF000ull

#define CPUID_FEATURES   1u
#define CPUID_EDX_APIC   (1u << 9)
#define CPUID_ECX_X2APIC (1u << 21)

/* Register offsets of the xAPIC page; the x2APIC MSR is MSR_X2APIC + offset / 16. */
enum lapic_register {
    LAPIC_ID = 0x20,
    LAPIC_TPR = 0x80,
    LAPIC_EOI = 0xB0,
    LAPIC_SVR = 0xF0,
    LAPIC_ISR = 0x100, /* eight registers, 32 vectors each */
    LAPIC_IRR = 0x200, /* likewise */
    LAPIC_ICR = 0x300, /* one register of 64 bits in the x2APIC, two in the page */
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3E0,
};

#define MSR_X2APIC         0x800u
#define SVR_ENABLE         (1u << 8)
#define LVT_MASKED         (1u << 16)
#define DIVIDE_BY_16       0x3
#define CALIBRATION_US     100
#define NS_PER_SECOND      1000000000ull
#define ARM_EARLY_FRACTION 32
#define ARM_NS_MAX         (16 * NS_PER_SECOND)
#define XAPIC_ID_SHIFT     24
#define ICR_ASSERT         (1u << 14)
#define ICR_PENDING        (1u << 12)
#define ICR_WAIT_US        1000

static struct {
    bool x2apic;
    volatile uint32_t *registers;
    uint64_t timer_hz;
} lapic;

static uint32_t lapic_read(unsigned reg)
{
    if (lapic.x2apic)
        return (uint32_t)cpu_rdmsr(MSR_X2APIC + reg / 16);
    return lapic.registers[reg / sizeof(uint32_t)];
}

static void lapic_write(unsigned reg, uint32_t value)
{
    if (lapic.x2apic)
        cpu_wrmsr(MSR_X2APIC + reg / 16, value);
    else
        lapic.registers[reg / sizeof(uint32_t)] = value;
}

/* An error here only moves the moment of the interrupt: the handler compares with the TSC clock. A
 * processor that is held up in here makes the timer seem slow, and the interrupt early. */
static void calibrate(void)
{
    uint64_t start;
    uint32_t left;
    uint64_t elapsed;

    start = time_ns();
    lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
    time_delay_us(CALIBRATION_US);
    left = lapic_read(LAPIC_TIMER_CURRENT);
    elapsed = time_ns() - start;
    lapic_write(LAPIC_TIMER_INITIAL, 0);
    lapic.timer_hz = (uint64_t)(UINT32_MAX - left) * NS_PER_SECOND / elapsed;
    if (lapic.timer_hz == 0)
        panic("the local APIC timer does not count");
}

static void enable(void)
{
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_DEADLINE);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED); /* the 8259 */
    lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
}

bool lapic_has_x2apic(void)
{
    return cpu_cpuid(CPUID_FEATURES, 0).ecx & CPUID_ECX_X2APIC;
}

void lapic_init(void)
{
    uint64_t base;

    if (!(cpu_cpuid(CPUID_FEATURES, 0).edx & CPUID_EDX_APIC))
        panic("the processor has no local APIC");
    base = cpu_rdmsr(MSR_APIC_BASE);
    if (!(base & APIC_BASE_ENABLED)) {
        base |= APIC_BASE_ENABLED;
        cpu_wrmsr(MSR_APIC_BASE, base);
    }
    lapic.x2apic = base & APIC_BASE_X2APIC;
    if (!lapic.x2apic)
        lapic.registers = paging_map_mmio(base & APIC_BASE_ADDRESS, 4096);
    enable();
    calibrate();
    lapic_write(LAPIC_LVT_TIMER, VECTOR_DEADLINE);
}

static void x2apic_on(void)
{
    cpu_wrmsr(MSR_APIC_BASE, cpu_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLED | APIC_BASE_X2APIC);
}

void lapic_prepare_messages(void)
{
    if (lapic.x2apic || !lapic_has_x2apic())
        return;
    x2apic_on();
    lapic.x2apic = true;
}

void lapic_init_other(void)
{
    if (lapic.x2apic)
        x2apic_on();
    enable();
    lapic_write(LAPIC_LVT_TIMER, VECTOR_DEADLINE);
}

static bool sent(void *unused)
{
    (void)unused;
    return !(lapic_read(LAPIC_ICR) & ICR_PENDING);
}

void lapic_send(uint32_t apic_id, unsigned message)
{
    if (lapic.x2apic) {
        /* No fence comes with this write: what the message is about must be visible before. */
        cpu_memory_barrier();
        cpu_wrmsr(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | ICR_ASSERT | message);
        return;
    }
    lapic_write(LAPIC_ICR_HIGH, apic_id << XAPIC_ID_SHIFT);
    lapic_write(LAPIC_ICR, ICR_ASSERT | message);
    time_wait(sent, NULL, ICR_WAIT_US);
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);
    return lapic.x2apic ? id : id >> XAPIC_ID_SHIFT;
}

void lapic_timer_arm(uint64_t ns)
{
    uint64_t ticks;

    /* Keeps the product below 2^64 for a timer of up to 1 GHz. */
    if (ns > ARM_NS_MAX)
        ns = ARM_NS_MAX;
    /* A little early, so that an error of the calibration does not make it late: the handler arms
     * again for the rest.
     */
    ticks = (ns - ns / ARM_EARLY_FRACTION) * lapic.timer_hz / NS_PER_SECOND;
    if (ticks == 0)
        ticks = 1;
    lapic_write(LAPIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

void lapic_timer_stop(void)
{
    lapic_write(LAPIC_TIMER_INITIAL, 0);
}

void lapic_eoi(unsigned vector)
{
    if (!lapic.x2apic && !lapic.registers)
        return;
    if (lapic_read(LAPIC_ISR + vector / 32 * 16) >> (vector % 32) & 1)
        lapic_write(LAPIC_EOI, 0);
}

uint32_t lapic_requested_of(unsigned first)
{
    return lapic_read(LAPIC_IRR + first / 32 * 0x10);
}

bool lapic_requested(unsigned vector)
{
    return lapic_requested_of(vector) >> vector % 32 & 1;
}
