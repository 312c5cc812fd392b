/* SPDX-License-Identifier: MIT */
/*
 * The processors beside the first. They stay with the firmware until the guest starts them by INIT
 * and start-up IPIs, in either mode of its APIC; the host then takes each over and enters the guest
 * on it.
 */
#ifndef PVT_HOST_CPU_PROCESSORS_H
#define PVT_HOST_CPU_PROCESSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/base/lock.h"
#include "host/cpu/vcpu.h"

/* At launch, on the host's own tables: gives every processor of the machine its VP index. `low` is
 * the address of TRAMPOLINE_BYTES reserved bytes below 1 MiB. Without them the guest is shown one
 * processor. */
void processors_init(uint64_t low);
/* Number of virtual processors. */
unsigned processors_count(void);

/* The guest writes INIT or START to its ICR, without a shorthand. False: refused. */
bool processors_command(const struct cpu *sender, uint64_t icr);
/* The same for every processor but the sender: the firmware starts processors so. */
bool processors_command_others(const struct cpu *sender, uint64_t icr);

/* The host's lock, for an exit. A processor that is to be stopped by INIT stays in here. */
void processors_wait_for_lock(struct cpu *cpu);
static inline void processors_take_lock(struct cpu *cpu)
{
    if (!host_lock_try(&host_lock))
        processors_wait_for_lock(cpu);
}
/* A processor that runs comes out of the guest and stays in processors_take_lock(). With the host's
 * lock held. */
void processors_park(struct cpu *cpu);

/* How long a processor may take to come out of the guest: 30 s of the reference time. */
#define PROCESSORS_ANSWER_TICKS 300000000ul
/* Makes a processor leave the guest, by an NMI. */
void processors_call_out(struct cpu *cpu);
/* #VMEXIT by an NMI: from processors_call_out(), or the guest's own. */
void exit_nmi(struct cpu *cpu);

/* Around the handling of an exit: between the two the processor holds nothing of the nested tables
 * that it would use again. */
static inline void processors_enter_host(struct cpu *cpu)
{
    __atomic_store_n(&cpu->in_host, true, __ATOMIC_SEQ_CST);
}

/* A request that is not seen here finds the processor outside of the host, and calls it. */
static inline void processors_leave_host(struct cpu *cpu)
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

#endif
