/* SPDX-License-Identifier: MIT */
/* Switches of control flow; the layout of struct context is asserted in kernel/context.h. */

#define USER_DATA 0x1b
#define USER_CODE 0x23
#define RFLAGS_FOR_USER 0x202 /* IF, so that the deadline reaches code at CPL 3 */

    .text

    .globl context_save
context_save:
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 48(%rdi)
    mov (%rsp), %rax
    mov %rax, 56(%rdi)
    pushfq
    popq 64(%rdi)
    stmxcsr 72(%rdi)
    fnstcw 76(%rdi)
    xor %eax, %eax
    ret

    .globl context_restore
context_restore:
    /* FNINIT drops an x87 exception that is still pending. */
    fninit
    fldcw 76(%rdi)
    ldmxcsr 72(%rdi)
    mov 0(%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov 56(%rdi), %rdx
    mov $1, %eax
    pushq 64(%rdi)
    popfq
    jmp *%rdx

    .globl context_call_on_stack
context_call_on_stack:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsp
    xor %ebp, %ebp /* ends the frame-pointer chain */
    call *%rax
    ud2

    .globl context_enter_user
context_enter_user:
    xchg %rcx, %rdx
    pushq $USER_DATA
    pushq %rsi
    pushq $RFLAGS_FOR_USER
    pushq $USER_CODE
    pushq %rdi
    xor %eax, %eax
    xor %ebx, %ebx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    iretq

    .section .note.GNU-stack, "", @progbits
