/* SPDX-License-Identifier: MIT */
/* void enter_host(struct launch_args *args): see launch.h. Runs in the loader's image, so that the guest can go on in it. */
    .text
    .globl enter_host
enter_host:
    pushfq
    cli
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    lea 1f(%rip), %rax
    mov %rax, 0(%rdi)
    mov %rsp, 8(%rdi)
    mov 16(%rdi), %rsp
    xor %ebp, %ebp
    call *24(%rdi)
    ud2 /* the host does not return */
1:  /* the guest: only RSP and RIP are as above */
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    popfq
    ret

/* void boot_services_end(void) */
    .globl boot_services_end
boot_services_end:
    vmmcall
    ret

    .section .note.GNU-stack, "", @progbits
