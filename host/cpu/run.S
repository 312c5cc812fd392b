/* SPDX-License-Identifier: MIT */
/*
 * The loop around VMRUN. The host is compiled without vector instructions, so the guest's stay in the registers; debug
 * registers 0-3, XCR0 and the local APIC are the guest's, too. Between #VMEXIT and VMRUN the global interrupt flag is clear:
 * nothing interrupts the host, and interrupts that are pending are taken by the guest.
 *
 * Stack of the loop, from the top: cpu, physical address of the host state, physical address of the guest's VMCB; below
 * them struct guest_registers while the exit is handled.
 */
#include "host/cpu/general_registers.inc"

    .section .text.hot, "ax", @progbits
    .globl cpu_run
cpu_run: /* rdi = cpu, rsi = guest VMCB, rdx = host state, rcx = top of the stack (16-byte aligned) */
    clgi
    mov %rcx, %rsp
    push %rdi
    push %rdx
    push %rsi
    /* The entry registers of a launched guest do not matter: its entry point restores what it needs from its stack. */
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
1:
    mov (%rsp), %rax
    vmload %rax
    vmrun %rax
    .globl after_vmrun
after_vmrun:
    vmsave %rax
    push_general_registers
    mov 8*15(%rsp), %rax
    vmload %rax
    mov 8*16(%rsp), %rdi
    mov %rsp, %rsi
    cld
    sub $8, %rsp
    xor %ebp, %ebp
    call handle_exit
    add $8, %rsp
    pop_general_registers
    jmp 1b

    .section .note.GNU-stack, "", @progbits
