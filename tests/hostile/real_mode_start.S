/* SPDX-License-Identifier: MIT */
/*
 * Code of the test hostile.real_mode for the second processor, which starts a copy of it on a page below 1 MiB. The
 * places on that page are those of tests/hostile/real_mode.c.
 */
#define STACK_TOP    0xE00
#define MAILBOX      0xE00
#define DONE         0
#define REFUSED      2
#define REFUSED_REAL 4
#define REFUSED_16   6
#define REFUSED_32   8
#define ANSWER       12
#define REAL_VECTORS 16
#define GATES        22
#define SEGMENTS     28

#define SELECTOR_16 0x08
#define SELECTOR_32 0x10
#define SELECTOR_DS 0x18
#define CR0_PE      1
#define FORM_BYTES  3
#define ALL_WELL    1
#define OTHER_TRAP  2

/* No call has this code. VMRUN, VMLOAD and VMSAVE look at it first, as the address of a page. */
#define NO_SUCH_CALL 0xF000

    /* VMMCALL is the last one: its answer stays in EAX. */
    .macro forms
    mov $NO_SUCH_CALL, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    .byte 0x0F, 0x01, 0xD8 /* VMRUN */
    .byte 0x0F, 0x01, 0xDA /* VMLOAD */
    .byte 0x0F, 0x01, 0xDB /* VMSAVE */
    .byte 0x0F, 0x01, 0xDC /* STGI */
    .byte 0x0F, 0x01, 0xDD /* CLGI */
    .byte 0x0F, 0x01, 0xDE /* SKINIT */
    .byte 0x0F, 0x01, 0xDF /* INVLPGA */
    .byte 0x0F, 0x01, 0xD9 /* VMMCALL */
    .endm

    .section .rodata
    .globl hostile_real, hostile_real_ud, hostile_real_other, hostile_real_end
    .hidden hostile_real, hostile_real_ud, hostile_real_other, hostile_real_end
hostile_real:
    .code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $STACK_TOP, %sp
    lidtl MAILBOX + REAL_VECTORS
    forms
    mov MAILBOX + REFUSED, %ax
    mov %ax, MAILBOX + REFUSED_REAL
    lidtl MAILBOX + GATES
    lgdtl MAILBOX + SEGMENTS
    mov %cr0, %eax
    or $CR0_PE, %al
    mov %eax, %cr0
    ljmp $SELECTOR_16, $(protected_16 - hostile_real)

protected_16:
    mov $SELECTOR_DS, %ax
    mov %ax, %ds
    mov %ax, %ss
    forms
    mov MAILBOX + REFUSED, %ax
    mov %ax, MAILBOX + REFUSED_16
    ljmp $SELECTOR_32, $(protected_32 - hostile_real)

    .code32
protected_32:
    forms
    mov %eax, MAILBOX + ANSWER
    mov MAILBOX + REFUSED, %ax
    mov %ax, MAILBOX + REFUSED_32
    movw $ALL_WELL, MAILBOX + DONE
1:
    hlt
    jmp 1b

    .code16
hostile_real_ud: /* goes on after the instruction */
    incw MAILBOX + REFUSED
    push %bp
    mov %sp, %bp
    addw $FORM_BYTES, 2(%bp)
    pop %bp
    iret

hostile_real_other:
    movw $OTHER_TRAP, MAILBOX + DONE
2:
    hlt
    jmp 2b
hostile_real_end:
    .code64

    .section .note.GNU-stack, "", @progbits
