/* SPDX-License-Identifier: MIT */
/*
 * Nested tables that change under other processors. One that is in the host drops all on its next entry; one that is in
 * the guest is called by an NMI, whose intercept no guest can mask.
 */
#include "host/base/counters.h"
#include "host/base/instructions.h"
#include "host/base/lock.h"
#include "host/base/panic.h"
#include "host/base/reference_time.h"
#include "host/cpu/icr.h"
#include "host/cpu/inject.h"
#include "host/cpu/processors.h"
#include "host/cpu/vcpu.h"
#include "host/defects/defects.h"

#define ANSWER_TICKS 300000000ul /* of the reference time: 30 s */

void processors_enter_host(struct cpu *cpu)
{
    __atomic_store_n(&cpu->in_host, true, __ATOMIC_SEQ_CST);
}

/* A request that is not seen here finds the processor outside of the host, and calls it. */
void processors_leave_host(struct cpu *cpu)
{
    for (;;) {
        uint32_t wanted = __atomic_load_n(&cpu->flush_wanted, __ATOMIC_SEQ_CST);

        if (wanted != cpu->flush_done) {
            cpu->guest->tlb_control = TLB_FLUSH_ALL;
            __atomic_store_n(&cpu->flush_done, wanted, __ATOMIC_SEQ_CST);
        }
        __atomic_store_n(&cpu->in_host, false, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&cpu->flush_wanted, __ATOMIC_SEQ_CST) == wanted)
            return;
        processors_enter_host(cpu);
    }
}

static void send_nmi(struct cpu *cpu)
{
    __atomic_add_fetch(&cpu->calls_sent, 1, __ATOMIC_SEQ_CST);
    cpu_wrmsr(MSR_X2APIC_ICR, ((uint64_t)cpu->apic_id << ICR_DESTINATION_SHIFT) | ICR_ASSERT | ICR_MODE_NMI);
}

void processors_take_lock(struct cpu *cpu)
{
    while (!host_lock_try(&host_lock)) {
        while (!__atomic_load_n(&cpu->running, __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&cpu->parked, true, __ATOMIC_SEQ_CST);
            __builtin_ia32_pause();
        }
        __builtin_ia32_pause();
    }
}

void processors_park(struct cpu *cpu)
{
    uint64_t first = reference_time();

    if (!cpu->running)
        return;
    __atomic_store_n(&cpu->running, false, __ATOMIC_SEQ_CST);
    send_nmi(cpu);
    while (!__atomic_load_n(&cpu->parked, __ATOMIC_SEQ_CST)) {
        if (reference_time() - first > ANSWER_TICKS)
            host_panic("processor %u does not stop", cpu->index);
        __builtin_ia32_pause();
    }
}

static void call(struct cpu *cpu)
{
    uint64_t first = reference_time();
    uint32_t wanted = __atomic_add_fetch(&cpu->flush_wanted, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST))
        return;
    send_nmi(cpu);
    while (!__atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST) &&
           __atomic_load_n(&cpu->flush_done, __ATOMIC_SEQ_CST) != wanted) {
        if (reference_time() - first > ANSWER_TICKS)
            host_panic("processor %u does not answer", cpu->index);
        __builtin_ia32_pause();
    }
}

void processors_flush(const struct cpu *sender)
{
    for (unsigned i = 0; !defect_active(DEFECT_PAGE_ON_ONE_PROCESSOR) && i < processors_count(); i++) {
        struct cpu *cpu = cpu_by_index(i);

        if (cpu != sender && __atomic_load_n(&cpu->running, __ATOMIC_SEQ_CST))
            call(cpu);
    }
}

bool processors_others_run(void)
{
    for (unsigned i = 0; i < processors_count(); i++) {
        if (cpu_by_index(i) != cpu_current() && cpu_by_index(i)->running)
            return true;
    }
    return false;
}

uint64_t processors_exits_of_others(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < processors_count(); i++) {
        if (cpu_by_index(i) != cpu_current())
            sum += __atomic_load_n(&cpu_counters_of(i)->exits_total, __ATOMIC_RELAXED);
    }
    return sum;
}

bool processors_wait_for_lock(void)
{
    for (unsigned i = 0; i < processors_count(); i++) {
        const struct cpu *cpu = cpu_by_index(i);

        if (cpu != cpu_current() && cpu->running && __atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

/* An intercepted NMI stays pending until the host takes it, which it can with GIF set only. */
static void take_nmi(void)
{
    __asm__ volatile("stgi; nop; clgi" ::: "memory");
}

void exit_nmi(struct cpu *cpu)
{
    uint32_t sent = __atomic_load_n(&cpu->calls_sent, __ATOMIC_SEQ_CST);

    take_nmi();
    if (sent == cpu->calls_taken)
        cpu->guest->event_injection = EVENT_VALID | EVENT_TYPE_NMI | EXCEPTION_NMI;
    cpu->calls_taken = sent;
}
