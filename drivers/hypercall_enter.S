/* SPDX-License-Identifier: MIT */
/*
 * The instructions around a hypercall. Both functions make a near CALL of the first byte of the hypercall page with a
 * valid stack and know nothing of what is in the page: VMCALL or VMMCALL is the host's business (reference 1.3).
 */

/* struct hypercall_registers; hypercall_raw.c asserts these offsets. */
#define REG_RAX 0
#define REG_RBX 8
#define REG_RCX 16
#define REG_RDX 24
#define REG_RBP 32
#define REG_RSI 40
#define REG_RDI 48
#define REG_R8  56
#define REG_R9  64
#define REG_R10 72
#define REG_R11 80
#define REG_R12 88
#define REG_R13 96
#define REG_R14 104
#define REG_R15 112
#define REG_XMM 120 /* 16 bytes each, not aligned */

    .section .text.hot, "ax", @progbits

/* Registers that the compiler expects to survive a call: a host that clobbers it must fail its own test, not crash others. */
    .macro save_callers_registers
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    .endm

    .macro restore_callers_registers
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    .endm

/* RAX = hypercall_enter(RDI = entry, RSI = control, RDX = rdx, RCX = r8) */
    .globl hypercall_enter
    .type hypercall_enter, @function
hypercall_enter:
    save_callers_registers
    sub $8, %rsp
    mov %rcx, %r8
    mov %rsi, %rcx
    call *%rdi
    add $8, %rsp
    restore_callers_registers
    ret
    .size hypercall_enter, . - hypercall_enter

/*
 * hypercall_enter_registers(RDI = entry, RSI = registers)
 *
 * No register is left over to remember anything across the call, so the entry point and the struct wait on the stack.
 */
    .globl hypercall_enter_registers
    .type hypercall_enter_registers, @function
hypercall_enter_registers:
    save_callers_registers
    push $0 /* keeps the stack 16-byte aligned at the call */
    push %rsi
    push %rdi

    mov %rsi, %rax
    movdqu REG_XMM(%rax), %xmm0
    movdqu REG_XMM + 16(%rax), %xmm1
    movdqu REG_XMM + 32(%rax), %xmm2
    movdqu REG_XMM + 48(%rax), %xmm3
    movdqu REG_XMM + 64(%rax), %xmm4
    movdqu REG_XMM + 80(%rax), %xmm5
    mov REG_RBX(%rax), %rbx
    mov REG_RCX(%rax), %rcx
    mov REG_RDX(%rax), %rdx
    mov REG_RBP(%rax), %rbp
    mov REG_RSI(%rax), %rsi
    mov REG_RDI(%rax), %rdi
    mov REG_R8(%rax), %r8
    mov REG_R9(%rax), %r9
    mov REG_R10(%rax), %r10
    mov REG_R11(%rax), %r11
    mov REG_R12(%rax), %r12
    mov REG_R13(%rax), %r13
    mov REG_R14(%rax), %r14
    mov REG_R15(%rax), %r15
    call *(%rsp)

    push %rax
    mov 16(%rsp), %rax
    mov %rbx, REG_RBX(%rax)
    mov %rcx, REG_RCX(%rax)
    mov %rdx, REG_RDX(%rax)
    mov %rbp, REG_RBP(%rax)
    mov %rsi, REG_RSI(%rax)
    mov %rdi, REG_RDI(%rax)
    mov %r8, REG_R8(%rax)
    mov %r9, REG_R9(%rax)
    mov %r10, REG_R10(%rax)
    mov %r11, REG_R11(%rax)
    mov %r12, REG_R12(%rax)
    mov %r13, REG_R13(%rax)
    mov %r14, REG_R14(%rax)
    mov %r15, REG_R15(%rax)
    movdqu %xmm0, REG_XMM(%rax)
    movdqu %xmm1, REG_XMM + 16(%rax)
    movdqu %xmm2, REG_XMM + 32(%rax)
    movdqu %xmm3, REG_XMM + 48(%rax)
    movdqu %xmm4, REG_XMM + 64(%rax)
    movdqu %xmm5, REG_XMM + 80(%rax)
    pop %rcx
    mov %rcx, REG_RAX(%rax)

    add $24, %rsp /* entry, registers, padding */
    restore_callers_registers
    ret
    .size hypercall_enter_registers, . - hypercall_enter_registers

    .section .note.GNU-stack, "", @progbits
