/* SPDX-License-Identifier: MIT */
/* Exceptions of the host itself: an MSR access with a guest's value is repaired, everything else is
 * fatal. */
#include "host/cpu/exceptions.h"

#include <stdbool.h>

#include "host/base/image_bounds.h"
#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/panic.h"

extern const uint8_t rdmsr_safe_instruction[], wrmsr_safe_instruction[], msr_fault[];

static void print_exception(const struct exception_frame *f)
{
    host_log(
        LOG_ERROR,
        "refhost: trap: vector=%llu error=0x%llx rip=0x%llx rsp=0x%llx cr2=0x%lx rflags=0x%llx\n",
        f->vector, f->error, f->rip, f->rsp, cr2_read(), f->rflags);
    host_log(LOG_ERROR,
             "refhost: regs: rax=0x%llx rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx rdi=0x%llx\n",
             f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi);
    host_log(LOG_ERROR,
             "refhost: regs: rbp=0x%llx r8=0x%llx r9=0x%llx r10=0x%llx r11=0x%llx r12=0x%llx\n",
             f->rbp, f->r8, f->r9, f->r10, f->r11, f->r12);
    host_log(LOG_ERROR, "refhost: regs: r13=0x%llx r14=0x%llx r15=0x%llx cr3=0x%lx\n", f->r13,
             f->r14, f->r15, cr3_read());
    panic_print_stack(f->rip, f->rsp, f->rbp);
}

void handle_exception(struct exception_frame *frame)
{
    static bool dying;

    if (frame->vector == EXCEPTION_GP && (frame->rip == (uintptr_t)rdmsr_safe_instruction ||
                                          frame->rip == (uintptr_t)wrmsr_safe_instruction)) {
        frame->rip = (uintptr_t)msr_fault;
        return;
    }
    /* The host's own, to call this processor out of the guest: that it came is all. */
    if (frame->vector == EXCEPTION_NMI)
        return;
    /* The report itself may fault, on a stack or an address that is no good. */
    if (dying)
        host_stop("panic: another exception while one was reported");
    dying = true;
    host_log(LOG_ERROR,
             "refhost: panic: exception %llu, error code 0x%llx, at image offset 0x%llx\n",
             frame->vector, frame->error, frame->rip - (uintptr_t)host_image_start);
    print_exception(frame);
    host_stop("an exception in the host");
}
