/* SPDX-License-Identifier: MIT */
#include "host/base/panic.h"

#include <stdbool.h>

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/cpu/cpu.h"
#include "host/platform/image.h"
#include "lib/return_address.h"

#define FRAMES_MAX 24

/* Canonical, and far above every address that the host maps. */
#define NOWHERE 0x00007F0000000000ull

struct frame_link {
    uint64_t caller_rbp, return_address;
};

static void print_frame(uint64_t rip)
{
    host_log(LOG_ERROR, "refhost: frame: rip=0x%lx offset=0x%lx\n", rip, rip - (uintptr_t)host_image_start);
}

static bool in_image(uint64_t rip)
{
    return rip >= (uintptr_t)host_image_start && rip < (uintptr_t)host_image_end;
}

void crash_print_stack(uint64_t rbp)
{
    const struct frame_link *link;

    for (unsigned n = 0; n < FRAMES_MAX && rbp % sizeof(uint64_t) == 0 && host_owns(rbp, sizeof(*link)); n++) {
        link = (const struct frame_link *)(uintptr_t)rbp;
        if (!in_image(link->return_address))
            return;
        print_frame(link->return_address);
        /* A caller's frame lies higher; anything else is a loop or garbage. */
        if (link->caller_rbp <= rbp)
            return;
        rbp = link->caller_rbp;
    }
}

/* A call to a bad address faults before the callee made a frame, and some functions never make one: the return address
 * is still on top of the stack. */
static void print_frameless(uint64_t rip, uint64_t rsp)
{
    uint64_t top;

    if (rsp % sizeof(uint64_t) != 0 || !host_owns(rsp, sizeof(top)))
        return;
    top = *(const uint64_t *)(uintptr_t)rsp;
    if (in_image(top - CALL_BYTES) &&
        (!in_image(rip) || return_address_of((const uint8_t *)(uintptr_t)(top - CALL_BYTES), top, rip)))
        print_frame(top);
}

void crash_print_exception(const struct exception_frame *f)
{
    host_log(LOG_ERROR, "refhost: trap: vector=%llu error=0x%llx rip=0x%llx rsp=0x%llx cr2=0x%lx rflags=0x%llx\n",
             f->vector, f->error, f->rip, f->rsp, cr2_read(), f->rflags);
    host_log(LOG_ERROR, "refhost: regs: rax=0x%llx rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx rdi=0x%llx\n", f->rax,
             f->rbx, f->rcx, f->rdx, f->rsi, f->rdi);
    host_log(LOG_ERROR, "refhost: regs: rbp=0x%llx r8=0x%llx r9=0x%llx r10=0x%llx r11=0x%llx r12=0x%llx\n", f->rbp,
             f->r8, f->r9, f->r10, f->r11, f->r12);
    host_log(LOG_ERROR, "refhost: regs: r13=0x%llx r14=0x%llx r15=0x%llx cr3=0x%lx\n", f->r13, f->r14, f->r15,
             cr3_read());
    print_frame(f->rip);
    print_frameless(f->rip, f->rsp);
    crash_print_stack(f->rbp);
}

/* The guest's frames, as far as its memory is mapped one to one, as under UEFI and in the suite's own kernel. */
static void print_guest_stack(uint64_t rip, uint64_t rsp, uint64_t rbp)
{
    struct frame_link link;
    uint8_t before[CALL_BYTES];
    uint64_t top;

    host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", rip);
    if (guest_read(rsp, &top, sizeof(top)) && guest_read(top - CALL_BYTES, before, sizeof(before)) &&
        return_address_of(before, top, rip))
        host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", top);
    for (unsigned n = 0; n < FRAMES_MAX && rbp % sizeof(uint64_t) == 0 && guest_read(rbp, &link, sizeof(link)); n++) {
        if (link.return_address == 0)
            return;
        host_log(LOG_ERROR, "refhost: guest-frame: rip=0x%lx\n", link.return_address);
        if (link.caller_rbp <= rbp)
            return;
        rbp = link.caller_rbp;
    }
}

void crash_print_guest(const char *why, const struct vmcb *v, const struct guest_registers *r)
{
    if (why)
        host_log(LOG_ERROR, "refhost: guest-panic: %s\n", why);
    host_log(LOG_ERROR, "refhost: guest-regs: rip=0x%lx rsp=0x%lx cs=0x%x ss=0x%x rflags=0x%lx rax=0x%lx\n", v->rip,
             v->rsp, v->cs.selector, v->ss.selector, v->rflags, v->rax);
    host_log(LOG_ERROR, "refhost: guest-regs: rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx rdi=0x%lx rbp=0x%lx\n", r->rbx,
             r->rcx, r->rdx, r->rsi, r->rdi, r->rbp);
    host_log(LOG_ERROR, "refhost: guest-regs: r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx r12=0x%lx r13=0x%lx\n", r->r8,
             r->r9, r->r10, r->r11, r->r12, r->r13);
    host_log(LOG_ERROR, "refhost: guest-regs: r14=0x%lx r15=0x%lx cr0=0x%lx cr2=0x%lx cr3=0x%lx cr4=0x%lx\n", r->r14,
             r->r15, v->cr0, v->cr2, v->cr3, v->cr4);
    host_log(LOG_ERROR, "refhost: guest-regs: efer=0x%lx dr6=0x%lx dr7=0x%lx gdtr=0x%lx idtr=0x%lx event=0x%lx\n",
             v->efer, v->dr6, v->dr7, v->gdtr.base, v->idtr.base, v->event_injection);
    print_guest_stack(v->rip, v->rsp, r->rbp);
}

static bool armed;

void crash_on_purpose_arm(void)
{
    armed = true;
}

void crash_on_purpose(void)
{
    if (armed)
        *(volatile uint64_t *)NOWHERE = 1;
}
