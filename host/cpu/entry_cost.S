/* SPDX-License-Identifier: MIT */
/* Pairs of VMRUN and VMMCALL without anything between them. */
    .text
    .globl entry_cost_code
entry_cost_code:
    vmmcall

    .globl entry_cost_pairs
entry_cost_pairs: /* rdi = VMCB, rsi = how many, above 0 */
    clgi
    mov %rdi, %rax
1:  vmrun %rax
    dec %rsi
    jnz 1b
    stgi
    ret

    .section .note.GNU-stack, "", @progbits
