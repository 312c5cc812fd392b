/* SPDX-License-Identifier: MIT */
#include "host/cpu/processors.h"

#include "host/base/counters.h"
#include "host/base/instructions.h"
#include "host/base/local_apic.h"
#include "host/base/lock.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/base/reference_time.h"
#include "host/cpu/descriptor_tables.h"
#include "host/cpu/icr.h"
#include "host/cpu/trampoline.h"
#include "host/cpu/vcpu.h"
#include "host/platform/madt.h"

#define CPUID_FEATURES    1u
#define CPUID_EBX_APIC_ID 24
#define START_AGAIN_TICKS 10000u /* of the reference time: 1 ms between two start-up IPIs */
#define START_TICKS                                                                                \
    300000000ul /* 30 s: an emulator on a busy machine may not get to it at once                   \
                 */

static struct {
    uint64_t root; /* CR3 of the host */
    unsigned count;
} processors;

static uint32_t own_apic_id(void)
{
    return cpu_cpuid(CPUID_FEATURES, 0).ebx >> CPUID_EBX_APIC_ID;
}

unsigned processors_count(void)
{
    return processors.count;
}

void processors_init(uint64_t low)
{
    uint32_t own = own_apic_id();
    const uint32_t *ids;
    unsigned count = madt_processors(&ids);

    processors.count = 1;
    processors.root = cr3_read();
    cpu_by_index(0)->apic_id = own;
    if (low == 0) {
        host_log(LOG_INFO, "1 of %u processors: no memory below 1 MiB to start others in\n", count);
        madt_hide_all_but(own);
        return;
    }
    trampoline_init(low);
    for (unsigned i = 0; i < count && processors.count < HOST_CPUS_MAX; i++)
        if (ids[i] != own)
            cpu_prepare(processors.count++)->apic_id = ids[i];
    host_log(LOG_INFO, "%u processors\n", processors.count);
}

static struct cpu *find(uint32_t apic_id)
{
    for (unsigned i = 0; i < processors.count; i++) {
        struct cpu *cpu = cpu_by_index(i);

        if (cpu->apic_id == apic_id)
            return cpu;
    }
    return NULL;
}

static void send(const struct cpu *target, uint64_t command)
{
    if (!local_apic_send(target->apic_id, (uint32_t)(ICR_ASSERT | command)))
        host_panic("the local APIC of processor %u stays busy", processor_index());
}

/* First C code of a processor that was started. The sender holds the host's lock until `arrived`.
 */
static void __attribute__((noreturn)) begin(void *argument)
{
    struct cpu *cpu = argument;

    cr3_write(processors.root);
    svm_enable(cpu);
    descriptor_tables_load(cpu);
    vcpu_reset(cpu);
    __atomic_store_n(&cpu->arrived, true, __ATOMIC_RELEASE);
    processors_leave_host(cpu);
    cpu_run(cpu, (uintptr_t)cpu->guest, (uintptr_t)cpu->host_state, cpu->stack_top);
}

/* A start-up IPI that comes before the INIT has been carried out is lost, so it is sent until the
 * processor answers. More of them do nothing. */
static void start(struct cpu *cpu, uint8_t vector)
{
    uint64_t first = reference_time(), last = first;

    cpu->start_vector = vector;
    cpu->arrived = false;
    cpu->starts++;
    cpu->in_host = cpu->running = true;
    cpu->parked = false;
    cpu->calls_taken = cpu->calls_sent;
    trampoline_aim(begin, cpu, cpu->stack_top);
    send(cpu, ICR_MODE_START | trampoline_vector());
    while (!__atomic_load_n(&cpu->arrived, __ATOMIC_ACQUIRE)) {
        uint64_t now = reference_time();

        if (now - first > START_TICKS)
            host_panic("the processor with APIC id %u does not start", cpu->apic_id);
        if (now - last > START_AGAIN_TICKS) {
            send(cpu, ICR_MODE_START | trampoline_vector());
            last = now;
        }
        __builtin_ia32_pause();
    }
    host_log(LOG_TRACE, "processor %u runs from vector 0x%x\n", cpu->index, vector);
}

/*
 * QEMU carries an INIT out in spite of an intercept, wherever the processor is; with the host's
 * lock in its hands, say. So it is sent to a processor that waits for it, and then for the host's
 * own start-up IPI.
 */
static void command(struct cpu *target, uint64_t icr)
{
    if ((icr & ICR_MODE_MASK) == ICR_MODE_INIT) {
        processors_park(target);
        target->waits_for_start = true;
        send(target, ICR_MODE_INIT);
    } else if (target->waits_for_start) {
        target->waits_for_start = false;
        start(target, (uint8_t)(icr & ICR_VECTOR_MASK));
    }
}

bool processors_command(const struct cpu *sender, uint64_t icr)
{
    /* An INIT of the first processor would start the firmware on it. */
    struct cpu *target = find((uint32_t)(icr >> ICR_DESTINATION_SHIFT));

    if ((icr & (ICR_SHORTHAND_MASK | ICR_LOGICAL)) || target == sender ||
        (target && target->index == 0))
        return false;
    if (!target || ((icr & ICR_MODE_MASK) == ICR_MODE_INIT && !(icr & ICR_ASSERT)))
        return true; /* no processor receives it */
    command(target, icr);
    return true;
}

bool processors_command_others(const struct cpu *sender, uint64_t icr)
{
    bool all = true;

    for (unsigned i = 0; i < processors.count; i++) {
        const struct cpu *cpu = cpu_by_index(i);

        if (cpu != sender)
            all &= processors_command(sender, (icr & ~ICR_SHORTHAND_MASK & ICR_LOW) |
                                                  (uint64_t)cpu->apic_id << ICR_DESTINATION_SHIFT);
    }
    return all;
}

/* One that is in the guest is called by an NMI, whose intercept no guest can mask. */
void processors_call_out(struct cpu *cpu)
{
    __atomic_add_fetch(&cpu->calls_sent, 1, __ATOMIC_SEQ_CST);
    send(cpu, ICR_MODE_NMI);
}

void processors_wait_for_lock(struct cpu *cpu)
{
    do {
        while (!__atomic_load_n(&cpu->running, __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&cpu->parked, true, __ATOMIC_SEQ_CST);
            __builtin_ia32_pause();
        }
        __builtin_ia32_pause();
    } while (!host_lock_try(&host_lock));
}

void processors_park(struct cpu *cpu)
{
    uint64_t first = reference_time();

    if (!cpu->running)
        return;
    __atomic_store_n(&cpu->running, false, __ATOMIC_SEQ_CST);
    processors_call_out(cpu);
    while (!__atomic_load_n(&cpu->parked, __ATOMIC_SEQ_CST)) {
        if (reference_time() - first > PROCESSORS_ANSWER_TICKS)
            host_panic("processor %u does not stop", cpu->index);
        __builtin_ia32_pause();
    }
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
