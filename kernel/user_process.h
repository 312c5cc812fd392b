/* SPDX-License-Identifier: MIT */
/*
 * A program at CPL 3 that runs until it wants something: the kernel waits in user_process_run() and
 * gets every system call and every exception. The deadline of the test counts on meanwhile.
 *
 * A program is a function marked USER_PROGRAM, of whose section a copy is mapped into the process.
 * It may use its arguments, its stack, memory that was mapped for it, and user_call_kernel();
 * nothing else of the image is there. Its loops over memory go through volatile pointers, or the
 * compiler makes calls of memset() and memcpy() of them, and it has no switch and no text, which
 * would need constants elsewhere.
 */
#ifndef PVT_KERNEL_USER_PROCESS_H
#define PVT_KERNEL_USER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/context.h"
#include "kernel/trap.h"
#include "kernel/user_space.h"

#define VECTOR_USER_CALL 0x80

#ifdef __clang__ /* makes no clones of functions, and does not know the attribute */
#define USER_PROGRAM __attribute__((section(".user_text"), noinline, used))
#else
#define USER_PROGRAM __attribute__((section(".user_text"), noinline, noclone, used))
#endif

/* System calls: number in RAX, arguments in RDI and RSI, result in RAX. All but the first are the
 * test's to define. */
enum user_call { USER_CALL_EXIT /* also by returning: RDI is the value */, USER_CALL_FIRST };

static inline __attribute__((always_inline)) uint64_t
user_call_kernel(uint64_t number, uint64_t first, uint64_t second)
{
    uint64_t result;

    __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "D"(first), "S"(second) : "memory");
    return result;
}

typedef uint64_t user_program(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* Layout of a process, from the base of its space on. The rest is free for mappings. */
#define USER_CODE_OFFSET  0x1000ull
#define USER_STACK_OFFSET 0x40000ull /* one page; nothing is mapped around it */
#define USER_DATA_OFFSET  0x200000ull

struct user_process {
    struct user_space *space;
    struct trap_frame frame; /* registers at the last stop, and for the next start */
    uint64_t fault_address;  /* CR2 at the last stop */
    struct context context;  /* of the kernel, while the program runs */
};

/* Maps copies of all programs and a stack into the space, and the kernel. False when memory is out.
 */
bool user_process_init(struct user_process *process, struct user_space *space);
/* The next run starts this program. */
void user_process_start(struct user_process *process, user_program *program, uint64_t a, uint64_t b,
                        uint64_t c, uint64_t d);
/* Runs it to its next stop: VECTOR_USER_CALL, or the exception. CR3 is the process's from here on,
 * until another process runs, user_process_leave(), or the end of the test. */
unsigned user_process_run(struct user_process *process);
/* INVLPG for each page, if the process's tree is the one in CR3; any other time nothing of it is
 * cached, since a change of CR3 drops everything. */
void user_process_flush(const struct user_process *process, uint64_t address, uint64_t length);
/* Back to the kernel's own tree; must come before the process's tables are freed. */
void user_process_leave(void);

/* First address of a program in the process, as CODE of which it may not write. */
uint64_t user_process_code(const struct user_process *process);

#endif
