/* SPDX-License-Identifier: MIT */
#include "kernel/sleep.h"

#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/percpu.h"
#include "kernel/time.h"

/* Until an interrupt, or `end`; the deadline of what runs here is not to be missed for it. */
static void halt(uint64_t now, uint64_t end)
{
    uint64_t deadline = cpu_this()->containment.deadline_ns;
    if (deadline != 0 && deadline < end)
        end = deadline;
    lapic_timer_arm(end > now ? end - now : 1);
    /* An interrupt that is pending is taken after HLT: STI works one instruction later. */
    __asm__ volatile("sti; hlt" : : : "memory");
}

bool sleep_until(bool (*condition)(void *argument), void *argument, uint64_t timeout_us,
                 uint64_t look_us)
{
    bool on = cpu_interrupts_are_on();
    for (uint64_t now = time_ns(), end = now + timeout_us * 1000;; now = time_ns()) {
        bool holds;
        uint64_t look;

        cpu_interrupts_off();
        holds = condition(argument);
        if (holds || now >= end) {
            if (on)
                cpu_interrupts_on();
            return holds;
        }
        look = now + look_us * 1000;
        halt(now, look < end ? look : end);
    }
}
