/* SPDX-License-Identifier: MIT */
#include "host/cpu/entry_cost.h"

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/reference_time.h"
#include "host/cpu/vmcb.h"
#include "lib/bits.h"
#include "lib/string.h"

#define ROUNDS 20
#define PAIRS  100ull
/* Neither the host's nor the guest's. */
#define ASID 2

bool entry_cost_wanted;

/* In entry_cost.S. */
extern const uint8_t entry_cost_code[];
void entry_cost_pairs(struct vmcb *guest, uint64_t pairs);

/* A guest on the host's own tables that executes VMMCALL again and again: the exit leaves RIP at
 * the instruction. */
static void prepare(struct vmcb *guest, const struct cpu *cpu)
{
    memcpy(guest, cpu->guest, sizeof(*guest));
    guest->intercept_misc1 = INTERCEPT_SHUTDOWN;
    guest->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
    guest->asid = ASID;
    guest->nested_control = 0;
    guest->cr0 = cr0_read();
    guest->cr3 = cr3_read();
    guest->cr4 = cr4_read();
    guest->rip = (uintptr_t)entry_cost_code;
}

void entry_cost_tell(const struct cpu *cpu)
{
    struct vmcb *guest;
    uint64_t best = UINT64_MAX, hundredths;

    if (!entry_cost_wanted)
        return;
    guest = host_pages(1);
    prepare(guest, cpu);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = cpu_rdtsc(), cycles;

        entry_cost_pairs(guest, PAIRS);
        cycles = cpu_rdtsc() - start;
        best = cycles < best ? cycles : best;
        if ((uint32_t)guest->exit_code != EXIT_VMMCALL) {
            host_log(LOG_ERROR, "bench: a bare guest ended with exit code 0x%x\n",
                     (unsigned)guest->exit_code);
            return;
        }
    }
    /* cycles * 10^9 * 100 / hz / pairs */
    hundredths = best * 100000 / (tsc_frequency() / 1000000) / PAIRS;
    host_log(LOG_ERROR, "bench: name=vmrun_vmmcall ns=%lu.%02lu\n", hundredths / 100,
             hundredths % 100);
}
