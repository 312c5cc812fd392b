/* SPDX-License-Identifier: MIT */
/* Registers of the synthetic interrupt controller that are one for several, or take what they may
 * not. */
#include <stddef.h>

#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/processor.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/synic.h"

static struct synthetic_msr right;
static uint64_t taken[HOST_CPUS_MAX][HV_SINTS]; /* what had to be refused; 0: nothing */

static bool is_sint(uint32_t msr)
{
    return msr >= HV_MSR_SINT0 && msr <= HV_MSR_SINT15;
}

/* Others than that of VMBus. */
static void write_others(const struct cpu *cpu, uint32_t sint, uint64_t value)
{
    const uint32_t neighbor = sint ^ 1u;

    if (defect_active(DEFECT_SINT_OF_PAIR) && neighbor != VMBUS_SINT)
        (void)synic_msr_write(cpu->index, HV_MSR_SINT0 + neighbor, value);
    for (uint32_t vp = 0; defect_active(DEFECT_SINT_OF_ALL) && vp < synic_vps(); vp++)
        (void)synic_msr_write(vp, HV_MSR_SINT0 + sint, value);
}

static bool write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    const uint32_t sint = msr - HV_MSR_SINT0;
    const uint64_t vector = value & HV_SINT_VECTOR_MASK;

    if (!is_sint(msr) || sint == VMBUS_SINT)
        return right.write(cpu, msr, value);
    if (sint == HV_SINTS - 1 && defect_active(DEFECT_SINT_LAST_DROPPED))
        return true;
    taken[cpu->index][sint] = 0;
    if (right.write(cpu, msr, value)) {
        write_others(cpu, sint, value);
        return true;
    }
    if (defect_active(DEFECT_SINT_EXCEPTION_TAKEN) ||
        (vector == HV_SINT_VECTOR_FIRST - 1 && defect_active(DEFECT_SINT_FIFTEEN_TAKEN))) {
        taken[cpu->index][sint] = value | HV_SINT_POLLING;
        return true;
    }
    if (defect_active(DEFECT_SINT_REFUSED_KEPT))
        taken[cpu->index][sint] = value | HV_SINT_POLLING;
    return false;
}

static bool read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    if (is_sint(msr) && taken[cpu->index][msr - HV_MSR_SINT0] != 0) {
        *value = taken[cpu->index][msr - HV_MSR_SINT0] & ~HV_SINT_POLLING;
        return true;
    }
    return right.read(cpu, msr, value);
}

void defects_install_synic_registers(void)
{
    if (!ANY(DEFECT_SINT_OF_PAIR, DEFECT_SINT_OF_ALL, DEFECT_SINT_LAST_DROPPED,
             DEFECT_SINT_EXCEPTION_TAKEN, DEFECT_SINT_FIFTEEN_TAKEN, DEFECT_SINT_REFUSED_KEPT))
        return;
    right = synthetic_msr;
    synthetic_msr = (struct synthetic_msr){read, write};
}
