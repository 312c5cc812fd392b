/* SPDX-License-Identifier: MIT */
/* Handling of the 256 vectors, and the two ways to survive an exception on purpose. */
#include "kernel/trap.h"

#include "kernel/cpu.h"
#include "kernel/lapic.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/trap_internal.h"
#include "kernel/user_process.h"

#define VECTOR_NMI             2
#define VECTOR_FIRST_INTERRUPT 32
#define CPL_MASK               3

void trap_init(void)
{
    descriptors_prepare(0);
    descriptors_load_for(0);
    user_run_init(cpu_this());
}

static void interrupt(struct cpu *cpu, const struct trap_frame *frame)
{
    lapic_eoi((unsigned)frame->vector);
    if (frame->vector == VECTOR_DEADLINE)
        containment_timer(cpu, frame);
    /* Anything else is left over from firmware or sent by a device under test: no code waits for
     * it. */
}

void trap_dispatch(struct trap_frame *frame)
{
    struct cpu *cpu = cpu_this();
    bool user = (frame->cs & CPL_MASK) == CPL_MASK;
    if (frame->vector == VECTOR_NMI)
        return;
    if (user && cpu->process &&
        (frame->vector < VECTOR_FIRST_INTERRUPT || frame->vector == VECTOR_USER_CALL))
        user_process_stop(cpu, frame);
    if (frame->vector >= VECTOR_FIRST_INTERRUPT) {
        interrupt(cpu, frame);
        return;
    }
    if (user && cpu->user.active)
        user_run_end(cpu, frame);
    if (cpu->catcher) {
        struct trap_catcher *catcher = cpu->catcher;
        catcher->vector = (enum trap_vector)frame->vector;
        catcher->error = frame->error;
        context_restore(&catcher->context);
    }
    if (cpu->containment.active && !cpu->panicking)
        containment_exception(cpu, frame);
    panic_trap(frame);
}

enum trap_vector trap_catch(void (*fn)(void *argument), void *argument, uint64_t *error)
{
    struct cpu *cpu = cpu_this();
    struct trap_catcher catcher = {.outer = cpu->catcher, .vector = TRAP_NONE};
    cpu->catcher = &catcher;
    if (context_save(&catcher.context) == 0)
        fn(argument);
    cpu->catcher = catcher.outer;
    if (error)
        *error = catcher.error;
    return *(volatile enum trap_vector *)&catcher.vector;
}

struct msr_access {
    uint32_t msr;
    uint64_t value;
};

static void msr_read(void *argument)
{
    struct msr_access *access = argument;
    access->value = cpu_rdmsr(access->msr);
}

static void msr_write(void *argument)
{
    const struct msr_access *access = argument;
    cpu_wrmsr(access->msr, access->value);
}

enum trap_vector msr_read_safe(uint32_t msr, uint64_t *value)
{
    struct msr_access access = {.msr = msr};
    enum trap_vector vector = trap_catch(msr_read, &access, NULL);
    *value = access.value;
    return vector;
}

enum trap_vector msr_write_safe(uint32_t msr, uint64_t value)
{
    struct msr_access access = {.msr = msr, .value = value};
    return trap_catch(msr_write, &access, NULL);
}
