/* SPDX-License-Identifier: MIT */
/* Lists in parts, of which the host knows one place to go on for all processors. */
#include "abi/hypercall.h"
#include "host/base/processor.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/race_window.h"
#include "host/defects/seam.h"

static exit_handler *right_exit;
static bool goes_on[HOST_CPUS_MAX]; /* the processor comes back with the rest of its list */
static uint32_t place;              /* at which the last list that was interrupted goes on */
static uint32_t parts;              /* of lists, so far */

/* The place at which a list goes on that comes with `control`. */
static uint32_t place_of(uint64_t control, bool is_rest)
{
    uint32_t start = hv_control_rep_start(control);
    bool taken_for_rest = defect_active(DEFECT_LATE_LIST_OLD_PLACE) ? start != 0 : is_rest;

    if (taken_for_rest && place > start && place < hv_control_rep_count(control))
        return place;
    return start;
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t rip = cpu->guest->rip;
    bool is_rest = goes_on[cpu->index];

    if (hv_control_code(regs->rcx) != HVCALL_FLUSH_DEVICE_DOMAIN_LIST) {
        right_exit(cpu, regs);
        return;
    }
    if (is_rest && defect_active(DEFECT_LISTS_SHARE_PLACE))
        race_window_until_count(&parts, parts);
    regs->rcx = (regs->rcx & ~HV_CONTROL_REP_START_MASK) |
                hv_control(0, 0, place_of(regs->rcx, is_rest), 0);
    right_exit(cpu, regs);
    goes_on[cpu->index] = cpu->guest->rip == rip;
    if (goes_on[cpu->index])
        place = hv_control_rep_start(regs->rcx);
    parts++;
}

void defects_install_long_lists(void)
{
    if (ANY(DEFECT_LISTS_SHARE_PLACE, DEFECT_LATE_LIST_OLD_PLACE)) {
        right_exit = exit_handlers.hypercall;
        exit_handlers.hypercall = hypercall;
    }
}
