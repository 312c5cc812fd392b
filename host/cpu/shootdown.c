/* SPDX-License-Identifier: MIT */
/*
 * Nested tables that change under other processors. One that is in the host drops all on its next
 * entry; one that is in the guest is called by an NMI, whose intercept no guest can mask.
 */
#include "host/cpu/shootdown.h"

#include "host/base/instructions.h"
#include "host/base/panic.h"
#include "host/base/reference_time.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/processors.h"
#include "host/cpu/vcpu.h"

static void call(struct cpu *cpu)
{
    uint64_t first = reference_time();
    uint32_t wanted = __atomic_add_fetch(&cpu->flush_wanted, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST))
        return;
    if (!cpu_rules.calls_in_any_mode && !(cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC))
        return;
    processors_call_out(cpu);
    while (!__atomic_load_n(&cpu->in_host, __ATOMIC_SEQ_CST) &&
           __atomic_load_n(&cpu->flush_done, __ATOMIC_SEQ_CST) != wanted) {
        if (reference_time() - first > PROCESSORS_ANSWER_TICKS)
            host_panic("processor %u does not answer", cpu->index);
        __builtin_ia32_pause();
    }
}

void shootdown_nested_tlb(const struct cpu *sender)
{
    for (unsigned i = 0; i < processors_count(); i++) {
        struct cpu *cpu = cpu_by_index(i);

        if (cpu != sender && __atomic_load_n(&cpu->running, __ATOMIC_SEQ_CST) &&
            cpu_rules.shootdown(sender->index, i))
            call(cpu);
    }
}
