/* SPDX-License-Identifier: MIT */
/* Calls that go out exactly as given: the ground under the typed forms, and what malformed calls
 * are made of. */
#include "drivers/hypercall.h"

#include "abi/hypercall.h"
#include "drivers/hypercall_internal.h"
#include "lib/hot.h"

/* hypercall_enter.S knows the struct by these numbers. */
#define REGISTER_AT(field, offset)                                                                 \
    _Static_assert(offsetof(struct hypercall_registers, field) == (offset),                        \
                   #field " moved: change hypercall_enter.S")
REGISTER_AT(rax, 0);
REGISTER_AT(rbx, 8);
REGISTER_AT(rcx, 16);
REGISTER_AT(rdx, 24);
REGISTER_AT(rbp, 32);
REGISTER_AT(rsi, 40);
REGISTER_AT(rdi, 48);
REGISTER_AT(r8, 56);
REGISTER_AT(r9, 64);
REGISTER_AT(r10, 72);
REGISTER_AT(r11, 80);
REGISTER_AT(r12, 88);
REGISTER_AT(r13, 96);
REGISTER_AT(r14, 104);
REGISTER_AT(r15, 112);
REGISTER_AT(xmm, 120);

static uint64_t calls_sent;

uint64_t hypercall_count(void)
{
    return calls_sent;
}

static enum trap_vector (*sender)(struct hypercall_registers *registers);

void hypercall_send_with(enum trap_vector (*with)(struct hypercall_registers *registers))
{
    sender = with;
}

bool hypercall_is_sent_elsewhere(void)
{
    return sender;
}

static void (*reporter)(uint64_t control, uint64_t rdx, uint64_t rax);
static uint64_t calls_reported;

uint64_t hypercall_reported_count(void)
{
    return calls_reported;
}

void hypercall_report_to(void (*report)(uint64_t control, uint64_t rdx, uint64_t rax))
{
    reporter = report;
}

HOT static uint64_t reported(uint64_t control, uint64_t rdx, uint64_t rax)
{
    if (reporter) {
        __atomic_add_fetch(&calls_reported, 1, __ATOMIC_RELAXED);
        reporter(control, rdx, rax);
    }
    return rax;
}

static uint64_t raw_by_sender(uint64_t control, uint64_t rdx, uint64_t r8)
{
    struct hypercall_registers registers = {.rcx = control, .rdx = rdx, .r8 = r8};

    return sender(&registers) == TRAP_NONE ? registers.rax
                                           : hv_result(HV_STATUS_FEATURE_UNAVAILABLE, 0);
}

static const struct hypercall_recorder *recorder;

void hypercall_record_by(const struct hypercall_recorder *by)
{
    recorder = by;
}

HOT static uint64_t raw(uint64_t control, uint64_t rdx, uint64_t r8)
{
    const void *entry = hypercall_entry();

    if (sender)
        return reported(control, rdx, raw_by_sender(control, rdx, r8));
    if (!entry)
        return hv_result(HV_STATUS_FEATURE_UNAVAILABLE, 0);
    __atomic_add_fetch(&calls_sent, 1, __ATOMIC_RELAXED);
    return reported(control, rdx, hypercall_enter(entry, control, rdx, r8));
}

static uint64_t recorded_raw(uint64_t control, uint64_t rdx, uint64_t r8)
{
    struct hypercall_registers registers = {.rcx = control, .rdx = rdx, .r8 = r8};
    uint32_t number = recorder->before(&registers);

    registers.rax = raw(control, rdx, r8);
    recorder->after(number, &registers, TRAP_NONE);
    return registers.rax;
}

HOT uint64_t hypercall_raw(uint64_t control, uint64_t rdx, uint64_t r8)
{
    return recorder ? recorded_raw(control, rdx, r8) : raw(control, rdx, r8);
}

struct register_call {
    const void *entry;
    struct hypercall_registers *registers;
};

static void enter_with_registers(void *argument)
{
    struct register_call *call = argument;

    hypercall_enter_registers(call->entry, call->registers);
}

static void (*register_reporter)(const struct hypercall_registers *sent, uint64_t rax);

void hypercall_report_registers_to(void (*report)(const struct hypercall_registers *sent,
                                                  uint64_t rax))
{
    register_reporter = report;
}

static enum trap_vector raw_registers(struct hypercall_registers *registers)
{
    const struct hypercall_registers sent = *registers;
    enum trap_vector vector = sender ? sender(registers) : hypercall_raw_registers_here(registers);

    if (register_reporter && vector == TRAP_NONE)
        register_reporter(&sent, registers->rax);
    return vector;
}

enum trap_vector hypercall_raw_registers(struct hypercall_registers *registers)
{
    struct hypercall_registers sent;
    enum trap_vector vector;
    uint32_t number;

    if (!recorder)
        return raw_registers(registers);
    sent = *registers;
    number = recorder->before(&sent);
    vector = raw_registers(registers);
    sent.rax = registers->rax;
    recorder->after(number, &sent, vector);
    return vector;
}

enum trap_vector hypercall_raw_registers_here(struct hypercall_registers *registers)
{
    struct register_call call = {.entry = hypercall_entry(), .registers = registers};

    if (!call.entry) {
        registers->rax = hv_result(HV_STATUS_FEATURE_UNAVAILABLE, 0);
        return TRAP_NONE;
    }
    __atomic_add_fetch(&calls_sent, 1, __ATOMIC_RELAXED);
    return trap_catch(enter_with_registers, &call, NULL);
}
