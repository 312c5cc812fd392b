/* SPDX-License-Identifier: MIT */
/* Exceptions of the host itself: an MSR access with a guest's value is repaired, everything else is fatal. */
#include "host/cpu/exceptions.h"

#include "host/cpu/instructions.h"
#include "host/launch/image.h"
#include "host/log.h"

extern const uint8_t rdmsr_safe_instruction[], wrmsr_safe_instruction[], msr_fault[];

void handle_exception(struct exception_frame *frame)
{
    if (frame->vector == EXCEPTION_GP &&
        (frame->rip == (uintptr_t)rdmsr_safe_instruction || frame->rip == (uintptr_t)wrmsr_safe_instruction)) {
        frame->rip = (uintptr_t)msr_fault;
        return;
    }
    /* The host's own, to call this processor out of the guest: that it came is all. */
    if (frame->vector == EXCEPTION_NMI)
        return;
    host_log(LOG_ERROR, "exception %llu error 0x%llx in the host at image offset 0x%llx, cr2 0x%llx\n", frame->vector,
             frame->error, frame->rip - (uintptr_t)host_image_start, (unsigned long long)read_cr2());
    host_log(LOG_ERROR, "rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", frame->rax, frame->rbx, frame->rcx,
             frame->rdx);
    host_log(LOG_ERROR, "rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n", frame->rsi, frame->rdi, frame->rbp,
             frame->rsp);
    host_log(LOG_ERROR, "r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n", frame->r8, frame->r9, frame->r10,
             frame->r11);
    host_log(LOG_ERROR, "r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n", frame->r12, frame->r13, frame->r14,
             frame->r15);
    host_die("an exception in the host");
}
