/* SPDX-License-Identifier: MIT */
/* MSR accesses with values of the guest. The #GP handler knows the two instructions and continues at msr_fault. */
    .text
    .globl rdmsr_safe
rdmsr_safe: /* edi = msr, rsi = value */
    mov %edi, %ecx
    .globl rdmsr_safe_instruction
rdmsr_safe_instruction:
    rdmsr
    shl $32, %rdx
    mov %eax, %eax
    or %rdx, %rax
    mov %rax, (%rsi)
    mov $1, %eax
    ret

    .globl wrmsr_safe
wrmsr_safe: /* edi = msr, rsi = value */
    mov %edi, %ecx
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
    .globl wrmsr_safe_instruction
wrmsr_safe_instruction:
    wrmsr
    mov $1, %eax
    ret

    .globl msr_fault
msr_fault:
    xor %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
