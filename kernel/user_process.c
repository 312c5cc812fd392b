/* SPDX-License-Identifier: MIT */
#include "kernel/user_process.h"

#include "kernel/control.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/percpu.h"
#include "kernel/trap_internal.h"
#include "lib/bits.h"
#include "lib/string.h"

#define RFLAGS_FIXED      0x002ull
#define RFLAGS_INTERRUPTS 0x200ull /* so that the deadline reaches the program */
#define RPL_USER          3u

extern const uint8_t user_text_start[] __attribute__((visibility("hidden")));
extern const uint8_t user_text_end[] __attribute__((visibility("hidden")));
/* Return address of a program: exit with the value in RAX. */
extern const uint8_t user_return[] __attribute__((visibility("hidden")));

void user_enter(const struct trap_frame *frame) __attribute__((noreturn));

/* Of all programs, in bytes. */
static size_t code_size(void)
{
    return gpa_of(user_text_end) - gpa_of(user_text_start);
}

uint64_t user_process_code(const struct user_process *process)
{
    return process->space->base + USER_CODE_OFFSET;
}

static uint64_t address_of(const struct user_process *process, const void *in_image)
{
    return user_process_code(process) + (gpa_of(in_image) - gpa_of(user_text_start));
}

bool user_process_init(struct user_process *process, struct user_space *space)
{
    uint64_t size = align_up(code_size(), PAGE_SIZE);
    uint8_t *code = page_alloc(size / PAGE_SIZE, PAGE_SIZE);
    uint8_t *stack = page_alloc(1, PAGE_SIZE);

    *process = (struct user_process){.space = space};
    if (!code || !stack)
        return false;
    memcpy(code, user_text_start, code_size());
    if (user_space_map(space, user_process_code(process), gpa_of(code), size, USER_EXECUTE) !=
            STAGE1_OK ||
        user_space_map(space, space->base + USER_STACK_OFFSET, gpa_of(stack), PAGE_SIZE,
                       USER_READ_WRITE) != STAGE1_OK)
        return false;
    user_space_add_kernel(space);
    return true;
}

void user_process_start(struct user_process *process, user_program *program, uint64_t a, uint64_t b,
                        uint64_t c, uint64_t d)
{
    uint64_t top = process->space->base + USER_STACK_OFFSET + PAGE_SIZE - 2 * sizeof(uint64_t);
    struct stage1_walk walk;

    /* As after a CALL: a multiple of 16, less the return address. */
    top -= sizeof(uint64_t);
    if (stage1_walk(process->space->table, top, &walk) == STAGE1_OK)
        *(uint64_t *)gpa_pointer(walk.gpa) = address_of(process, user_return);
    process->frame = (struct trap_frame){
        .rdi = a,
        .rsi = b,
        .rdx = c,
        .rcx = d,
        .rip = address_of(process, (const void *)(uintptr_t)program),
        .cs = SELECTOR_USER_CODE | RPL_USER,
        .rflags = RFLAGS_FIXED | RFLAGS_INTERRUPTS,
        .rsp = top,
        .ss = SELECTOR_USER_DATA | RPL_USER,
    };
}

unsigned user_process_run(struct user_process *process)
{
    struct cpu *cpu = cpu_this();
    uint64_t root = user_space_root(process->space);

    if (context_save(&process->context) == 0) {
        cpu_interrupts_off();
        if (cr3_read() != root)
            cr3_write(root);
        cpu->process = process;
        user_enter(&process->frame);
    }
    return (unsigned)process->frame.vector;
}

void user_process_stop(struct cpu *cpu, const struct trap_frame *frame)
{
    struct user_process *process = cpu->process;

    process->frame = *frame;
    process->fault_address = cr2_read();
    cpu->process = NULL;
    context_restore(&process->context);
}

void user_process_flush(const struct user_process *process, uint64_t address, uint64_t length)
{
    if (cr3_read() != user_space_root(process->space))
        return;
    for (uint64_t at = address; at < address + length; at += PAGE_SIZE)
        tlb_flush_page(at);
}

void user_process_leave(void)
{
    unsigned levels;
    uint64_t root = gpa_of(paging_root(&levels));

    if (cr3_read() != root)
        cr3_write(root);
}
