/* SPDX-License-Identifier: MIT */
/*
 * Runs a test so that control comes back whatever it does. The deadline is an interrupt: code that
 * keeps interrupts off can only be ended from outside of the machine.
 */
#include "kernel/backtrace.h"
#include "kernel/control.h"
#include "kernel/lapic.h"
#include "kernel/percpu.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "kernel/trap_internal.h"

static void fill_report(struct containment *containment, const struct trap_frame *frame)
{
    struct trap_report *report = containment->report;
    if (!report)
        return;
    report->frame = *frame;
    report->cr2 = cr2_read();
    report->backtrace_count = backtrace_of_frame(frame, report->backtrace, BACKTRACE_MAX);
}

static void __attribute__((noreturn)) leave(struct cpu *cpu, enum containment_end end)
{
    cpu->containment.end = end;
    context_restore(&cpu->containment.context);
}

/* Processor state that a test may have changed and that the harness cannot live without. */
static void restore_processor(struct cpu *cpu)
{
    const struct containment *containment = &cpu->containment;
    if (cr0_read() != containment->cr0)
        cr0_write(containment->cr0);
    if (cr4_read() != containment->cr4)
        cr4_write(containment->cr4);
    if (cr3_read() != containment->cr3)
        cr3_write(containment->cr3);
    descriptors_reload();
    user_run_unmap(cpu);
    cpu->process = NULL;
    cpu->catcher = NULL;
}

enum containment_end containment_run(void (*fn)(void *argument), void *argument,
                                     uint64_t deadline_us, struct trap_report *report)
{
    struct cpu *cpu = cpu_this();
    struct containment *containment = &cpu->containment;
    if (containment->active)
        panic("containment_run called inside of containment_run");
    *containment = (struct containment){
        .active = true, .report = report, .cr0 = cr0_read(), .cr3 = cr3_read(), .cr4 = cr4_read()};
    if (context_save(&containment->context) == 0) {
        if (deadline_us) {
            containment->deadline_ns = time_ns() + deadline_us * 1000;
            lapic_timer_arm(deadline_us * 1000);
        }
        cpu_interrupts_on();
        fn(argument);
        cpu_interrupts_off();
        containment->end = CONTAINMENT_RETURNED;
    }
    /* Read again: after a jump back the registers of this function hold what they held at
     * context_save(). */
    cpu = cpu_this();
    cpu_interrupts_off();
    lapic_timer_stop();
    cpu->containment.deadline_ns = 0;
    restore_processor(cpu);
    cpu->containment.active = false;
    return cpu->containment.end;
}

void containment_abort(void)
{
    struct cpu *cpu = cpu_this();
    if (!cpu->containment.active)
        panic("containment_abort called outside of containment_run");
    cpu_interrupts_off();
    leave(cpu, CONTAINMENT_ABORTED);
}

void containment_timer(struct cpu *cpu, const struct trap_frame *frame)
{
    struct containment *containment = &cpu->containment;
    uint64_t now;

    if (!containment->active || containment->deadline_ns == 0 || cpu->panicking)
        return;
    now = time_ns();
    if (now < containment->deadline_ns) {
        lapic_timer_arm(containment->deadline_ns - now);
        return;
    }
    fill_report(containment, frame);
    leave(cpu, CONTAINMENT_DEADLINE);
}

void containment_exception(struct cpu *cpu, const struct trap_frame *frame)
{
    fill_report(&cpu->containment, frame);
    leave(cpu, CONTAINMENT_EXCEPTION);
}
