/* SPDX-License-Identifier: MIT */
/*
 * What a processor executes after a start-up IPI, in a copy on a page below 1 MiB: from real mode straight to long mode.
 * The parameters (struct trampoline_parameters) follow the code.
 */
#define MSR_EFER 0xC0000080

#define AT(field) (trampoline_parameters - trampoline_code + (field))
#define GDT_POINTER 0
#define FAR_POINTER 8
#define CR0_VALUE   16
#define CR3_VALUE   20
#define CR4_VALUE   24
#define EFER_VALUE  28
#define STACK       32
#define ENTRY       40
#define ARGUMENT    48

    .section .rodata
    .balign 16
    .globl trampoline_code
trampoline_code:
    .code16
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl AT(GDT_POINTER)
    mov AT(CR4_VALUE), %eax
    mov %eax, %cr4
    mov AT(CR3_VALUE), %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    mov AT(EFER_VALUE), %eax
    xor %edx, %edx
    wrmsr
    mov AT(CR0_VALUE), %eax
    mov %eax, %cr0
    ljmpl *AT(FAR_POINTER)

    .code64
    .globl trampoline_long_mode
trampoline_long_mode:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov trampoline_parameters + STACK(%rip), %rsp
    mov trampoline_parameters + ARGUMENT(%rip), %rdi
    mov trampoline_parameters + ENTRY(%rip), %rax
    xor %ebp, %ebp
    call *%rax
    ud2

    .balign 16
    .globl trampoline_parameters
trampoline_parameters:
    .skip 80 /* struct trampoline_parameters */
    .globl trampoline_end
trampoline_end:

    .section .note.GNU-stack, "", @progbits
