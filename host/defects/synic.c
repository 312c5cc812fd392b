/* SPDX-License-Identifier: MIT */
/* Registers of the synthetic interrupt controller that do something else than they say. The guest
 * reads what it wrote. */
#include <stddef.h>

#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/memory.h"
#include "host/base/processor.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/synic.h"

#define SINT (HV_MSR_SINT0 + VMBUS_SINT)

static struct synthetic_msr right;
static struct vp {
    uint64_t simp, siefp, sint; /* as the guest wrote them */
    bool masked;                /* once, after it was not */
    bool polled;
    uint8_t vector; /* the first one that was not masked; 0: none yet */
} vps[HOST_CPUS_MAX];

static uint64_t *written(uint32_t vp, uint32_t msr)
{
    return msr == HV_MSR_SIMP    ? &vps[vp].simp
           : msr == HV_MSR_SIEFP ? &vps[vp].siefp
           : msr == SINT         ? &vps[vp].sint
                                 : NULL;
}

static uint64_t instead_of_sint(struct vp *vp, uint64_t value)
{
    bool masked = (value & HV_SINT_MASKED) != 0;
    uint64_t vector = value & HV_SINT_VECTOR_MASK;

    if (!masked && vp->vector == 0)
        vp->vector = (uint8_t)vector;
    vp->polled |= (value & HV_SINT_POLLING) != 0;
    vp->masked |= masked && vp->vector != 0 && vector != vp->vector;
    if (defect_active(DEFECT_SINT_MASK_IGNORED) && vector >= HV_SINT_VECTOR_FIRST)
        return value & ~HV_SINT_MASKED;
    if (defect_active(DEFECT_SINT_POLLING_REQUESTS) && vector >= HV_SINT_VECTOR_FIRST)
        return value & ~HV_SINT_POLLING;
    if (defect_active(DEFECT_SINT_POLLING_STAYS) && vp->polled)
        return value | HV_SINT_POLLING;
    if (defect_active(DEFECT_SINT_UNMASK_IGNORED) && vp->masked)
        return value | HV_SINT_MASKED;
    if (defect_active(DEFECT_SINT_FIRST_VECTOR) && vp->vector != 0)
        return (value & ~HV_SINT_VECTOR_MASK) | vp->vector;
    if (defect_active(DEFECT_SINT_OF_FIRST) && vp != &vps[0])
        return vps[0].sint;
    return value;
}

/* Both are enabled, and the page is another one. */
static bool moves(uint64_t from, uint64_t to)
{
    return (from & to & HV_SYNIC_PAGE_ENABLE) != 0 && ((from ^ to) & HV_SYNIC_PAGE_GPFN) != 0;
}

static uint64_t instead_of(uint32_t index, uint32_t msr, uint64_t value)
{
    uint64_t now = 0;

    if (msr == SINT)
        return instead_of_sint(&vps[index], value);
    (void)synic_msr_read(index, msr, &now);
    if (moves(now, value) &&
        defect_active(msr == HV_MSR_SIMP ? DEFECT_SIMP_MOVE_IGNORED : DEFECT_SIEFP_MOVE_IGNORED))
        return now;
    for (uint32_t i = 0; msr == HV_MSR_SIEFP && defect_active(DEFECT_SIEFP_OF_LAST) &&
                         (value & HV_SYNIC_PAGE_ENABLE) != 0 && i < synic_vps();
         i++)
        (void)synic_msr_write(i, msr, value);
    return value;
}

static bool more_wait(uint32_t vp)
{
    uint64_t page = 0;
    uint32_t word = 0;

    (void)synic_msr_read(vp, HV_MSR_SIMP, &page);
    (void)guest_load32((page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message) +
                           offsetof(struct hv_message, size),
                       &word);
    return (word & (uint32_t)HV_MESSAGE_FLAG_PENDING << 8) != 0;
}

/* The messages that it brings request no vector. */
static bool end_in_silence(struct cpu *cpu, uint64_t value)
{
    uint64_t sint = 0;
    bool done;

    (void)synic_msr_read(cpu->index, SINT, &sint);
    (void)synic_msr_write(cpu->index, SINT, sint | HV_SINT_MASKED);
    done = right.write(cpu, HV_MSR_EOM, value);
    (void)synic_msr_write(cpu->index, SINT, sint);
    if (defect_active(DEFECT_EOM_VECTOR_AT_LAST) && !more_wait(cpu->index) &&
        !(sint & HV_SINT_MASKED))
        synic_send_vector(cpu->index, (uint8_t)(sint & HV_SINT_VECTOR_MASK));
    return done;
}

static bool write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t *kept = written(cpu->index, msr);

    if (msr == HV_MSR_EOM && ANY(DEFECT_EOM_WITHOUT_VECTOR, DEFECT_EOM_VECTOR_AT_LAST))
        return end_in_silence(cpu, value);
    if (!kept)
        return right.write(cpu, msr, value);
    if (!right.write(cpu, msr, instead_of(cpu->index, msr, value)))
        return false;
    *kept = value;
    return true;
}

static bool read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    const uint64_t *kept = written(cpu->index, msr);

    if (!right.read(cpu, msr, value))
        return false;
    if (kept && *kept != 0)
        *value = *kept;
    return true;
}

void defects_install_synic(void)
{
    if (!ANY(DEFECT_SINT_POLLING_REQUESTS, DEFECT_SINT_POLLING_STAYS, DEFECT_SINT_MASK_IGNORED,
             DEFECT_SINT_UNMASK_IGNORED, DEFECT_SINT_FIRST_VECTOR, DEFECT_SINT_OF_FIRST,
             DEFECT_SIMP_MOVE_IGNORED, DEFECT_SIEFP_MOVE_IGNORED, DEFECT_SIEFP_OF_LAST,
             DEFECT_EOM_WITHOUT_VECTOR, DEFECT_EOM_VECTOR_AT_LAST))
        return;
    right = synthetic_msr;
    synthetic_msr = (struct synthetic_msr){read, write};
}
