/* SPDX-License-Identifier: MIT */
#include "host/cpu/guest_crash.h"

#include "host/base/frame_link.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "lib/return_address.h"

/* The guest's frames, as far as its memory is mapped one to one, as under UEFI and in the suite's
 * own kernel. */
static void print_guest_stack(uint64_t rip, uint64_t rsp, uint64_t rbp)
{
    struct frame_link link;
    uint8_t before[CALL_BYTES];
    uint64_t top;

    host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", rip);
    if (guest_read(rsp, &top, sizeof(top)) &&
        guest_read(top - CALL_BYTES, before, sizeof(before)) && return_address_of(before, top, rip))
        host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", top);
    for (unsigned n = 0;
         n < FRAMES_MAX && rbp % sizeof(uint64_t) == 0 && guest_read(rbp, &link, sizeof(link));
         n++) {
        if (link.return_address == 0)
            return;
        host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", link.return_address);
        if (link.caller_rbp <= rbp)
            return;
        rbp = link.caller_rbp;
    }
}

void guest_crash_print(const char *why, const struct vmcb *v, const struct guest_registers *r)
{
    if (why)
        host_log(LOG_ERROR, "refhost: guest-panic: %s\n", why);
    host_log(LOG_ERROR,
             "refhost: guest-regs: rip=0x%lx rsp=0x%lx cs=0x%x ss=0x%x rflags=0x%lx rax=0x%lx\n",
             v->rip, v->rsp, v->cs.selector, v->ss.selector, v->rflags, v->rax);
    host_log(LOG_ERROR,
             "refhost: guest-regs: rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx rdi=0x%lx rbp=0x%lx\n",
             r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp);
    host_log(LOG_ERROR,
             "refhost: guest-regs: r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx r12=0x%lx r13=0x%lx\n",
             r->r8, r->r9, r->r10, r->r11, r->r12, r->r13);
    host_log(LOG_ERROR,
             "refhost: guest-regs: r14=0x%lx r15=0x%lx cr0=0x%lx cr2=0x%lx cr3=0x%lx cr4=0x%lx\n",
             r->r14, r->r15, v->cr0, v->cr2, v->cr3, v->cr4);
    host_log(
        LOG_ERROR,
        "refhost: guest-regs: efer=0x%lx dr6=0x%lx dr7=0x%lx gdtr=0x%lx idtr=0x%lx event=0x%lx\n",
        v->efer, v->dr6, v->dr7, v->gdtr.base, v->idtr.base, v->event_injection);
    print_guest_stack(v->rip, v->rsp, r->rbp);
}
