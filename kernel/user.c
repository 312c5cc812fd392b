/* SPDX-License-Identifier: MIT */
/* One call at CPL 3. */
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/percpu.h"
#include "kernel/trap.h"
#include "kernel/trap_internal.h"
#include "lib/string.h"

#define OPCODE_INT3 0xCC
#define CODE_PAGES  2 /* the code at `entry` may run across one page boundary */

void user_run_init(struct cpu *cpu)
{
    void *return_page;

    cpu->user.stack = gpa_of(memory_boot_pages(1));
    /* A RET at the end of the code lands here and leaves with INT3. */
    return_page = memory_boot_pages(1);
    memset(return_page, OPCODE_INT3, PAGE_SIZE);
    cpu->user.return_page = gpa_of(return_page);
    paging_set(cpu->user.return_page, PAGE_SIZE, PAGING_RX);
}

static void user_run_map(struct user_run *user, const void *entry)
{
    user->code = gpa_of(entry) & ~(PAGE_SIZE - 1);
    for (unsigned i = 0; i < CODE_PAGES; i++) {
        uint64_t page = user->code + i * PAGE_SIZE;
        enum paging_access access = paging_get(page);
        user->code_access[i] = (int)access;
        if (access == PAGING_RX)
            paging_set(page, PAGE_SIZE, (enum paging_access)(PAGING_RX | PAGING_USER));
    }
    paging_set(user->return_page, PAGE_SIZE, (enum paging_access)(PAGING_RX | PAGING_USER));
    paging_set(user->stack, PAGE_SIZE, (enum paging_access)(PAGING_RW | PAGING_USER));
    user->active = true;
}

void user_run_unmap(struct cpu *cpu)
{
    struct user_run *user = &cpu->user;
    if (!user->active)
        return;
    user->active = false;
    for (unsigned i = 0; i < CODE_PAGES; i++)
        if (user->code_access[i] == (int)PAGING_RX)
            paging_set(user->code + i * PAGE_SIZE, PAGE_SIZE, PAGING_RX);
    paging_set(user->return_page, PAGE_SIZE, PAGING_RX);
    paging_set(user->stack, PAGE_SIZE, PAGING_RW);
}

enum trap_vector user_call(const void *entry, uint64_t rcx, uint64_t rdx, uint64_t r8,
                           uint64_t *rax)
{
    struct user_run *user = &cpu_this()->user;
    struct cpu *cpu;

    user_run_map(user, entry);
    if (context_save(&user->context) == 0) {
        uint64_t *top = (uint64_t *)(user->stack + PAGE_SIZE - sizeof(uint64_t));
        *top = user->return_page;
        context_enter_user(gpa_of(entry), gpa_of(top), rcx, rdx, r8);
    }
    cpu = cpu_this();
    user_run_unmap(cpu);
    if (rax)
        *rax = cpu->user.rax;
    return cpu->user.vector;
}

void user_run_end(struct cpu *cpu, const struct trap_frame *frame)
{
    cpu->user.vector = (enum trap_vector)frame->vector;
    cpu->user.rax = frame->rax;
    context_restore(&cpu->user.context);
}
