/* SPDX-License-Identifier: MIT */
/*
 * The way of another processor from its start-up IPI to the kernel: real mode, protected mode, long mode. The code runs
 * as a copy on a page below 1 MiB; the parameters after it are those of kernel/smp_start.c.
 */
#define MSR_EFER 0xC0000080
#define CR0_PE   0x00000001
#define CODE32   0x08
#define CODE64   0x10
#define DATA     0x18

#define AT(field) (smp_start_parameters - smp_start_code + (field))
#define GDT_POINTER 0
#define FAR32       8
#define FAR64       16
#define CR0_VALUE   24
#define CR3_LOW     28
#define CR4_VALUE   32
#define EFER_VALUE  36
#define CR3_VALUE   40
#define STACK       48
#define ENTRY       56
#define BASE        64

    .section .rodata
    .balign 16
    .globl smp_start_code
    .hidden smp_start_code
smp_start_code:
    .code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    mov AT(BASE), %ebx
    lgdtl AT(GDT_POINTER)
    mov %cr0, %eax
    or $CR0_PE, %eax
    mov %eax, %cr0
    ljmpl *AT(FAR32)

    .code32
    .globl smp_start_protected
    .hidden smp_start_protected
smp_start_protected: /* ebx = address of this page */
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov AT(CR4_VALUE)(%ebx), %eax
    mov %eax, %cr4
    mov AT(CR3_LOW)(%ebx), %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    mov AT(EFER_VALUE)(%ebx), %eax
    xor %edx, %edx
    wrmsr
    mov AT(CR0_VALUE)(%ebx), %eax
    mov %eax, %cr0
    ljmpl *AT(FAR64)(%ebx)

    .code64
    .globl smp_start_long
    .hidden smp_start_long
smp_start_long:
    mov %ebx, %ebx
    /* The tables themselves may lie above 4 GiB; so far a copy of the topmost one was in use. */
    mov AT(CR3_VALUE)(%rbx), %rax
    mov %rax, %cr3
    mov AT(STACK)(%rbx), %rsp
    mov AT(ENTRY)(%rbx), %rax
    xor %ebp, %ebp
    call *%rax
    ud2

    .balign 16
    .globl smp_start_parameters
    .hidden smp_start_parameters
smp_start_parameters:
    .skip 104
    .globl smp_start_end
    .hidden smp_start_end
smp_start_end:

    .section .note.GNU-stack, "", @progbits
