/* SPDX-License-Identifier: MIT */
#include "host/cpu/guest_state.h"

#include <stdbool.h>

#include "host/base/instructions.h"
#include "lib/bits.h"

#define LOW_HALF BITS(31, 0)

static bool wide(const struct vmcb *guest)
{
    return (guest->cs.attributes & SEGMENT_LONG) && (guest->cs.attributes & SEGMENT_DEFAULT_BIG);
}

void guest_state_repair(struct vmcb *guest)
{
    /* MOV to CR0 raises no #GP for these bits in QEMU's emulation (measured), but VMRUN refuses
     * them. */
    guest->cr0 &= LOW_HALF;
    if ((guest->cr0 & CR0_NW) && !(guest->cr0 & CR0_CD))
        guest->cr0 &= ~CR0_NW;
    if ((guest->cr0 & CR0_PG) && !(guest->cr0 & CR0_PE))
        guest->cr0 &= ~CR0_PG;
    if (!(guest->cr0 & CR0_PG))
        guest->efer &= ~EFER_LMA;
    guest->dr6 &= LOW_HALF;
    guest->dr7 &= LOW_HALF;
    /* The same for CR4.PAE in long mode and for a code segment that is both 64 and 32 bits wide. */
    if ((guest->efer & EFER_LME) && (guest->cr0 & CR0_PG)) {
        guest->cr4 |= CR4_PAE;
        if (wide(guest))
            guest->cs.attributes &= (uint16_t)~SEGMENT_DEFAULT_BIG;
    }
}

const char *guest_state_refused(const struct vmcb *guest)
{
    bool long_paging = (guest->efer & EFER_LME) && (guest->cr0 & CR0_PG);

    if (!(guest->efer & EFER_SVME))
        return "EFER.SVME is clear";
    if (guest->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_FFXSR))
        return "EFER has a reserved bit";
    if ((guest->cr0 & ~LOW_HALF) || (guest->dr6 & ~LOW_HALF) || (guest->dr7 & ~LOW_HALF))
        return "the upper half of CR0, DR6 or DR7 is not zero";
    if ((guest->cr0 & CR0_NW) && !(guest->cr0 & CR0_CD))
        return "CR0.NW without CR0.CD";
    if (long_paging && !(guest->cr4 & CR4_PAE))
        return "long mode without CR4.PAE";
    if (long_paging && !(guest->cr0 & CR0_PE))
        return "long mode without CR0.PE";
    if (long_paging && wide(guest))
        return "a code segment with both L and D";
    if (guest->asid == 0 || !(guest->intercept_misc2 & INTERCEPT_VMRUN))
        return "no ASID, or no intercept of VMRUN";
    return NULL;
}
