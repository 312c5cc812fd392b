/* SPDX-License-Identifier: MIT */
#include "kernel/smp.h"

#include <stddef.h>

#include "kernel/control.h"
#include "kernel/lapic.h"
#include "kernel/madt.h"
#include "kernel/percpu.h"
#include "kernel/sleep.h"
#include "kernel/smp_start.h"
#include "kernel/time.h"

#define SECOND 1u /* index of the processor */

/* Intel's multiprocessor specification, B.4: 10 ms between INIT and start-up IPI. A second IPI is
 * due where the first one got lost; more do no harm. */
#define INIT_US   10000
#define START_US  20000
#define STARTS    50
#define SETTLE_US 1000
/* Two that wait for each other start at the same moment when both spin. */
#define SPIN_US 200

static struct {
    enum smp_state state;
    uint32_t apic_ids[2];
    bool up; /* written by the second processor */

    void (*fn)(void *argument);
    void *argument;
    uint64_t deadline_us;
    uint32_t called, ended; /* counts; equal = idle */
    enum containment_end end;
    struct trap_report report;
} smp;

static bool is_up(void *unused)
{
    (void)unused;
    return __atomic_load_n(&smp.up, __ATOMIC_ACQUIRE);
}

bool smp_done(void)
{
    return __atomic_load_n(&smp.ended, __ATOMIC_ACQUIRE) == smp.called;
}

static bool is_done(void *unused)
{
    (void)unused;
    return smp_done();
}

void smp_wake(void)
{
    bool first = cpu_this() == cpu_at(0);
    lapic_send(smp.apic_ids[first ? SECOND : 0], LAPIC_FIXED | VECTOR_WAKE);
}

bool smp_sleep(bool (*condition)(void *argument), void *argument, uint64_t timeout_us)
{
    if (time_wait(condition, argument, timeout_us < SPIN_US ? timeout_us : SPIN_US))
        return true;
    return sleep_until(condition, argument, timeout_us, timeout_us);
}

/* The first processor may have changed the tables since. */
static void drop_translations(void)
{
    cr3_write(cr3_read());
}

static void __attribute__((noreturn)) second_main(void)
{
    descriptors_load_for(SECOND);
    lapic_init_other();
    __atomic_store_n(&smp.up, true, __ATOMIC_RELEASE);
    for (;;) {
        uint32_t called;

        cpu_interrupts_off();
        called = __atomic_load_n(&smp.called, __ATOMIC_ACQUIRE);
        if (called == smp.ended) {
            __asm__ volatile("sti; hlt" : : : "memory");
            continue;
        }
        drop_translations();
        smp.end = containment_run(smp.fn, smp.argument, smp.deadline_us, &smp.report);
        __atomic_store_n(&smp.ended, called, __ATOMIC_RELEASE);
        smp_wake();
    }
}

static enum smp_state bring_up(void)
{
    smp.apic_ids[0] = lapic_id();
    if (!madt_find_other(smp.apic_ids[0], &smp.apic_ids[SECOND]))
        return lapic_has_x2apic() ? SMP_ALONE : SMP_NO_X2APIC;
    descriptors_prepare(SECOND);
    cpu_at(SECOND)->containment.active = false;
    if (!smp_start_prepare(second_main, cpu_at(SECOND)->stacks[STACK_MAIN].top))
        return SMP_NO_MEMORY;
    smp.up = false;
    smp.ended = smp.called;
    lapic_prepare_messages();
    lapic_send(smp.apic_ids[SECOND], LAPIC_INIT);
    time_delay_us(INIT_US);
    for (unsigned i = 0; i < STARTS && !is_up(NULL); i++) {
        lapic_send(smp.apic_ids[SECOND], LAPIC_START | smp_start_page());
        time_wait(is_up, NULL, START_US);
    }
    return is_up(NULL) ? SMP_READY : SMP_NO_ANSWER;
}

enum smp_state smp_start(void)
{
    if (smp.state == SMP_OFF)
        smp.state = bring_up();
    return smp.state;
}

const char *smp_state_text(enum smp_state state)
{
    switch (state) {
    case SMP_OFF:
        return "the second processor has not been started";
    case SMP_READY:
        return "two processors run";
    case SMP_ALONE:
        return "this machine has one processor";
    case SMP_NO_X2APIC:
        return "this machine shows one processor, and that has no x2APIC, without which a host may "
               "hide the others";
    case SMP_NO_MEMORY:
        return "no memory below 640 KiB is free, where a second processor would start";
    case SMP_NO_ANSWER:
        return "the second processor does not start";
    }
    return "unknown state";
}

void smp_call(void (*fn)(void *argument), void *argument, uint64_t deadline_us)
{
    if (smp.state != SMP_READY || !smp_done())
        panic("smp_call without a second processor that is idle");
    smp.fn = fn;
    smp.argument = argument;
    smp.deadline_us = deadline_us;
    __atomic_store_n(&smp.called, smp.called + 1, __ATOMIC_RELEASE);
    smp_wake();
}

bool smp_wait(uint64_t timeout_us)
{
    return smp_sleep(is_done, NULL, timeout_us);
}

enum containment_end smp_end(void)
{
    return smp.end;
}

const struct trap_report *smp_report(void)
{
    return &smp.report;
}

bool smp_settle(void)
{
    if (smp.state != SMP_READY || time_wait(is_done, NULL, SETTLE_US))
        return true;
    lapic_send(smp.apic_ids[SECOND], LAPIC_INIT);
    smp.ended = smp.called;
    smp.state = SMP_OFF;
    return false;
}
