/* SPDX-License-Identifier: MIT */
/*
 * The end of the run by the kernel's own mistake. The lines are for tools too:
 *   # panic: <text>
 *   # regs: <name>=0x... ...
 *   # frame: rip=0x<address> offset=0x<address in the ELF file>
 *   Bail out! panic: <text>
 */
#include "kernel/panic.h"

#include <stdarg.h>

#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/control.h"
#include "kernel/image.h"
#include "kernel/percpu.h"
#include "kernel/power.h"
#include "kernel/trap.h"
#include "lib/bits.h"
#include "lib/fmt.h"

static panic_witness called_last;

void panic_set_witness(panic_witness witness)
{
    called_last = witness;
}

static void enter(void)
{
    struct cpu *cpu;

    cpu_interrupts_off();
    cpu = cpu_this();
    if (cpu->panicking) {
        console_fresh_line();
        console_printf("# panic: another fault while panicking\nBail out! panic in panic\n");
        power_off(POWER_ERROR);
    }
    cpu->panicking = true;
    cpu->catcher = NULL;
    console_fresh_line();
}

static void print_frame(uint64_t rip)
{
    console_printf("# frame: rip=0x%llx offset=0x%llx\n", (unsigned long long)rip,
                   (unsigned long long)(rip - image_base()));
}

static void print_backtrace(const uint64_t *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_frame(addresses[i]);
}

static void print_registers(const struct trap_frame *f)
{
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rax", f->rax},     {"rbx", f->rbx},       {"rcx", f->rcx},     {"rdx", f->rdx},
        {"rsi", f->rsi},     {"rdi", f->rdi},       {"rbp", f->rbp},     {"rsp", f->rsp},
        {"r8", f->r8},       {"r9", f->r9},         {"r10", f->r10},     {"r11", f->r11},
        {"r12", f->r12},     {"r13", f->r13},       {"r14", f->r14},     {"r15", f->r15},
        {"rip", f->rip},     {"rflags", f->rflags}, {"cs", f->cs},       {"ss", f->ss},
        {"cr0", cr0_read()}, {"cr2", cr2_read()},   {"cr3", cr3_read()}, {"cr4", cr4_read()},
    };
    const unsigned per_line = 6;
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
        console_printf("%s %s=0x%llx%s", i % per_line == 0 ? "# regs:" : "", registers[i].name,
                       (unsigned long long)registers[i].value,
                       i % per_line == per_line - 1 ? "\n" : "");
    console_fresh_line();
}

static void __attribute__((noreturn))
leave(const char *text, const uint64_t *addresses, size_t count)
{
    if (called_last)
        called_last(text, addresses, count);
    console_printf("Bail out! panic: %s\n", text);
    power_off(POWER_ERROR);
}

void panic(const char *format, ...)
{
    uint64_t addresses[BACKTRACE_MAX];
    va_list arguments;
    char text[256];
    size_t count;

    enter();
    va_start(arguments, format);
    fmt_vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    console_printf("# panic: %s\n", text);
    count = backtrace_from((uint64_t)__builtin_frame_address(0), addresses, BACKTRACE_MAX);
    print_backtrace(addresses, count);
    leave(text, addresses, count);
}

void panic_trap(const struct trap_frame *frame)
{
    uint64_t addresses[BACKTRACE_MAX + 1] = {frame->rip};
    char text[128];
    size_t count;

    enter();
    fmt_snprintf(text, sizeof(text), "exception %u, error code 0x%llx, at 0x%llx",
                 (unsigned)frame->vector, (unsigned long long)frame->error,
                 (unsigned long long)frame->rip);
    console_printf("# panic: %s\n", text);
    print_registers(frame);
    count = 1 + backtrace_of_frame(frame, addresses + 1, BACKTRACE_MAX);
    print_backtrace(addresses, count);
    leave(text, addresses, count);
}
