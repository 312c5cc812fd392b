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

/* Intel's multiprocessor specification, B.4: 10 ms between INIT and start-up IPI. A second IPI is
 * due where the first one got lost; more do no harm. */
#define INIT_US   10000
#define START_US  20000
#define STARTS    50
#define SETTLE_US 1000
/* Two that wait for each other start at the same moment when both spin. */
#define SPIN_US 200

struct processor {
    enum smp_state state;
    bool up; /* written by this processor */

    void (*fn)(void *argument);
    void *argument;
    uint64_t deadline_us;
    uint32_t called, ended; /* counts; equal = idle */
    enum containment_end end;
    struct trap_report report;
};

static struct {
    uint32_t apic_ids[CPUS_MAX];
    unsigned count, present;
    unsigned starting; /* number of the processor that starts */
    struct processor processors[CPUS_MAX];
} smp;

static bool is_up(void *argument)
{
    const struct processor *p = argument;

    return __atomic_load_n(&p->up, __ATOMIC_ACQUIRE);
}

static bool is_done(void *argument)
{
    const struct processor *p = argument;

    return __atomic_load_n(&p->ended, __ATOMIC_ACQUIRE) == p->called;
}

bool smp_done(unsigned number)
{
    return is_done(&smp.processors[number]);
}

void smp_wake(void)
{
    const struct cpu *own = cpu_this();

    for (unsigned n = 0; n < smp.count; n++)
        if (cpu_at(n) != own && (n == 0 || smp.processors[n].state == SMP_READY))
            lapic_send(smp.apic_ids[n], LAPIC_FIXED | VECTOR_WAKE);
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

static void __attribute__((noreturn)) other_main(void)
{
    unsigned number = __atomic_load_n(&smp.starting, __ATOMIC_ACQUIRE);
    struct processor *p = &smp.processors[number];

    descriptors_load_for(number);
    lapic_init_other();
    __atomic_store_n(&p->up, true, __ATOMIC_RELEASE);
    for (;;) {
        uint32_t called;

        cpu_interrupts_off();
        called = __atomic_load_n(&p->called, __ATOMIC_ACQUIRE);
        if (called == p->ended) {
            __asm__ volatile("sti; hlt" : : : "memory");
            continue;
        }
        drop_translations();
        p->end = containment_run(p->fn, p->argument, p->deadline_us, &p->report);
        __atomic_store_n(&p->ended, called, __ATOMIC_RELEASE);
        lapic_send(smp.apic_ids[0], LAPIC_FIXED | VECTOR_WAKE);
    }
}

unsigned smp_count(unsigned *present)
{
    if (smp.count == 0) {
        smp.apic_ids[0] = lapic_id();
        smp.present = 1 + madt_find_others(smp.apic_ids[0], &smp.apic_ids[1], CPUS_MAX - 1);
        smp.count = smp.present < CPUS_MAX ? smp.present : CPUS_MAX;
    }
    if (present)
        *present = smp.present;
    return smp.count;
}

static enum smp_state bring_up(unsigned number)
{
    struct processor *p = &smp.processors[number];

    if (smp_count(NULL) == 1)
        return lapic_has_x2apic() ? SMP_ALONE : SMP_NO_X2APIC;
    if (number >= smp.count)
        return SMP_FEWER;
    descriptors_prepare(number);
    cpu_at(number)->containment.active = false;
    if (!smp_start_prepare(other_main, cpu_at(number)->stacks[STACK_MAIN].top))
        return SMP_NO_MEMORY;
    p->up = false;
    p->ended = p->called;
    __atomic_store_n(&smp.starting, number, __ATOMIC_RELEASE);
    lapic_prepare_messages();
    lapic_send(smp.apic_ids[number], LAPIC_INIT);
    time_delay_us(INIT_US);
    for (unsigned i = 0; i < STARTS && !is_up(p); i++) {
        lapic_send(smp.apic_ids[number], LAPIC_START | smp_start_page());
        time_wait(is_up, p, START_US);
    }
    if (is_up(p))
        return SMP_READY;
    lapic_send(smp.apic_ids[number], LAPIC_INIT); /* no late start as the next processor */
    return SMP_NO_ANSWER;
}

enum smp_state smp_start(unsigned number)
{
    struct processor *p = &smp.processors[number];

    if (p->state == SMP_OFF)
        p->state = bring_up(number);
    return p->state;
}

const char *smp_state_text(enum smp_state state)
{
    switch (state) {
    case SMP_OFF:
        return "the processor has not been started";
    case SMP_READY:
        return "the processor runs";
    case SMP_ALONE:
        return "this machine has one processor";
    case SMP_NO_X2APIC:
        return "this machine shows one processor, and that has no x2APIC, without which a host may "
               "hide the others";
    case SMP_FEWER:
        return "this machine has fewer processors";
    case SMP_NO_MEMORY:
        return "no memory below 640 KiB is free, where another processor would start";
    case SMP_NO_ANSWER:
        return "the other processor does not start";
    }
    return "unknown state";
}

void smp_call(unsigned number, void (*fn)(void *argument), void *argument, uint64_t deadline_us)
{
    struct processor *p = &smp.processors[number];

    if (p->state != SMP_READY || !is_done(p))
        panic("smp_call without a processor that is idle");
    p->fn = fn;
    p->argument = argument;
    p->deadline_us = deadline_us;
    __atomic_store_n(&p->called, p->called + 1, __ATOMIC_RELEASE);
    lapic_send(smp.apic_ids[number], LAPIC_FIXED | VECTOR_WAKE);
}

bool smp_wait(unsigned number, uint64_t timeout_us)
{
    return smp_sleep(is_done, &smp.processors[number], timeout_us);
}

enum containment_end smp_end(unsigned number)
{
    return smp.processors[number].end;
}

const struct trap_report *smp_report(unsigned number)
{
    return &smp.processors[number].report;
}

bool smp_settle(void)
{
    bool settled = true;

    for (unsigned n = 1; n < smp.count; n++) {
        struct processor *p = &smp.processors[n];

        if (p->state != SMP_READY || time_wait(is_done, p, SETTLE_US))
            continue;
        lapic_send(smp.apic_ids[n], LAPIC_INIT);
        p->ended = p->called;
        p->state = SMP_OFF;
        settled = false;
    }
    return settled;
}
