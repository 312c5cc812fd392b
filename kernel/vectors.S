/* SPDX-License-Identifier: MIT */
/* 256 entry points of 7 bytes each, and the common path that builds struct trap_frame. The place
 * of an entry tells its vector. */

/* Vectors with an error code: 8, 10..14, 17, 21, 29, 30. */
#define WITH_ERROR_CODE 0x60227d00

    .text
    .balign 16
    .globl trap_entries
trap_entries:
    .set vector, 0
    .rept 256
    .set with_error, 0
    .if vector < 32
    .set with_error, (WITH_ERROR_CODE >> vector) & 1
    .endif
    .if with_error == 0
    pushq $0
    .else
    .byte 0x66, 0x90 /* no operation */
    .endif
    call trap_common /* its return address becomes the vector */
    .set vector, vector + 1
    .endr

trap_common:
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov 120(%rsp), %rax
    lea trap_entries(%rip), %rcx
    sub %rcx, %rax
    xor %edx, %edx
    mov $7, %ecx
    div %ecx
    dec %eax
    mov %rax, 120(%rsp)
    cld
    /* CR0.TS left set by a test would make every SSE instruction of the handler fault again. */
    clts
    mov %rsp, %rdi
    mov %rsp, %rbx
    sub $512, %rsp
    and $-16, %rsp
    fxsave64 (%rsp)
    call trap_dispatch
    fxrstor64 (%rsp)
    mov %rbx, %rsp

    .globl trap_return
trap_return: /* RSP = struct trap_frame */
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp /* vector, error code */
    iretq

/* void descriptors_load(const struct table_register *gdt, const struct table_register *idt); also reloads CS and the data segments */
    .globl descriptors_load
descriptors_load:
    lgdt (%rdi)
    lidt (%rsi)
    pushq $0x08
    lea 1f(%rip), %rax
    push %rax
    lretq
1:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    ret

    .section .note.GNU-stack, "", @progbits
