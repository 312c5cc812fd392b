/* SPDX-License-Identifier: MIT */
/* Exceptions of the host itself: an MSR access with a guest's value is repaired, everything else is fatal. */
#include "host/cpu/exceptions.h"

#include <stdbool.h>

#include "host/base/instructions.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/platform/image.h"

extern const uint8_t rdmsr_safe_instruction[], wrmsr_safe_instruction[], msr_fault[];

void handle_exception(struct exception_frame *frame)
{
    static bool dying;

    if (frame->vector == EXCEPTION_GP &&
        (frame->rip == (uintptr_t)rdmsr_safe_instruction || frame->rip == (uintptr_t)wrmsr_safe_instruction)) {
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
    host_log(LOG_ERROR, "refhost: panic: exception %llu, error code 0x%llx, at image offset 0x%llx\n", frame->vector,
             frame->error, frame->rip - (uintptr_t)host_image_start);
    crash_print_exception(frame);
    host_stop("an exception in the host");
}
