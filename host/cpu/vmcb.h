/* SPDX-License-Identifier: MIT */
/* Virtual machine control block of SVM (AMD64 Architecture Programmer's Manual, volume 2, appendix
 * B). */
#ifndef PVT_HOST_CPU_VMCB_H
#define PVT_HOST_CPU_VMCB_H

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* descriptor bits 55:52 and 47:40 side by side */
    uint32_t limit;
    uint64_t base;
};

#define SEGMENT_TYPE_CODE_READ 0x00Bu
#define SEGMENT_TYPE_DATA      0x003u
#define SEGMENT_TYPE_LDT       0x002u
#define SEGMENT_TYPE_TSS_BUSY  0x00Bu
#define SEGMENT_SYSTEM_CLEAR   0x010u
#define SEGMENT_PRESENT        0x080u
#define SEGMENT_LONG           0x200u
#define SEGMENT_DEFAULT_BIG    0x400u

struct vmcb {
    /* Control area */
    uint16_t intercept_cr_read, intercept_cr_write;
    uint16_t intercept_dr_read, intercept_dr_write;
    uint32_t intercept_exceptions;
    uint32_t intercept_misc1, intercept_misc2;
    uint8_t reserved1[0x040 - 0x014];
    uint64_t iopm_base;
    uint64_t msrpm_base;
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t tlb_control;
    uint64_t virtual_interrupt;
    uint64_t interrupt_shadow;
    uint64_t exit_code; /* QEMU before 10.0.13 writes INVALID zero-extended: compare 32 bits */
    uint64_t exit_info1, exit_info2;
    uint64_t exit_interrupt;
    uint64_t nested_control;
    uint8_t reserved2[0x0A8 - 0x098];
    uint64_t event_injection;
    uint64_t nested_cr3;
    uint8_t reserved3[0x0C8 - 0x0B8];
    uint64_t next_rip; /* not written by QEMU's emulation */
    uint8_t reserved4[0x400 - 0x0D0];

    /* State save area */
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved5[0x4CB - 0x4A0];
    uint8_t cpl;
    uint32_t reserved6;
    uint64_t efer;
    uint8_t reserved7[0x548 - 0x4D8];
    uint64_t cr4, cr3, cr0;
    uint64_t dr7, dr6;
    uint64_t rflags, rip;
    uint8_t reserved8[0x5D8 - 0x580];
    uint64_t rsp;
    uint8_t reserved9[0x5F8 - 0x5E0];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved10[0x668 - 0x648];
    uint64_t g_pat;
    uint8_t reserved11[0x1000 - 0x670];
};

#define VMCB_OFFSET(field, off)                                                                    \
    _Static_assert(offsetof(struct vmcb, field) == (off), "vmcb." #field)
VMCB_OFFSET(intercept_misc1, 0x00C);
VMCB_OFFSET(iopm_base, 0x040);
VMCB_OFFSET(asid, 0x058);
VMCB_OFFSET(exit_code, 0x070);
VMCB_OFFSET(nested_control, 0x090);
VMCB_OFFSET(event_injection, 0x0A8);
VMCB_OFFSET(nested_cr3, 0x0B0);
VMCB_OFFSET(next_rip, 0x0C8);
VMCB_OFFSET(es, 0x400);
VMCB_OFFSET(tr, 0x490);
VMCB_OFFSET(cpl, 0x4CB);
VMCB_OFFSET(efer, 0x4D0);
VMCB_OFFSET(cr4, 0x548);
VMCB_OFFSET(rip, 0x578);
VMCB_OFFSET(rsp, 0x5D8);
VMCB_OFFSET(rax, 0x5F8);
VMCB_OFFSET(cr2, 0x640);
VMCB_OFFSET(g_pat, 0x668);
_Static_assert(sizeof(struct vmcb) == 4096, "a VMCB is one page");

/* intercept_misc1 */
#define INTERCEPT_NMI      (1u << 1)
#define INTERCEPT_SMI      (1u << 2)
#define INTERCEPT_INVD     (1u << 22)
#define INTERCEPT_CPUID    (1u << 18)
#define INTERCEPT_INVLPGA  (1u << 26)
#define INTERCEPT_IO       (1u << 27)
#define INTERCEPT_MSR      (1u << 28)
#define INTERCEPT_SHUTDOWN (1u << 31)
/* intercept_misc2 */
#define INTERCEPT_VMRUN   (1u << 0)
#define INTERCEPT_VMMCALL (1u << 1)
#define INTERCEPT_VMLOAD  (1u << 2)
#define INTERCEPT_VMSAVE  (1u << 3)
#define INTERCEPT_STGI    (1u << 4)
#define INTERCEPT_CLGI    (1u << 5)
#define INTERCEPT_SKINIT  (1u << 6)

#define NESTED_PAGING_ENABLE    (1ull << 0)
#define INTERRUPT_SHADOW_ACTIVE (1ull << 0)
#define MSRPM_PAGES             2
#define IOPM_PAGES              3
#define PAT_RESET               0x0007040600070406ull
#define NESTED_FAULT_PRESENT    (1ull << 0) /* exit_info1 of NESTED_PAGE_FAULT */
#define NESTED_FAULT_WRITE      (1ull << 1)
#define NESTED_FAULT_FETCH      (1ull << 4)
#define NESTED_FAULT_TABLE      (1ull << 33) /* in the walk of the guest's own tables */
#define IO_EXIT_IN              (1u << 0)    /* exit_info1 of IO */
#define IO_EXIT_STRING          (1u << 2)
#define IO_EXIT_SIZE_SHIFT      4 /* bits 6:4, one bit per 1, 2 and 4 bytes */
#define IO_EXIT_SIZE_MASK       7u
#define IO_EXIT_PORT_SHIFT      16

/* event_injection, exit_interrupt */
#define EVENT_VECTOR_MASK    0xFFull
#define EVENT_TYPE_MASK      0x700ull
#define EVENT_TYPE_NMI       0x200ull
#define EVENT_TYPE_EXCEPTION 0x300ull
#define EVENT_ERROR_VALID    (1ull << 11)
#define EVENT_VALID          (1ull << 31)
#define EVENT_ERROR_SHIFT    32

enum exit_code {
    EXIT_NMI = 0x61,
    EXIT_SMI = 0x62,
    EXIT_CPUID = 0x72,
    EXIT_INVD = 0x76,
    EXIT_INVLPGA = 0x7A,
    EXIT_IO = 0x7B,
    EXIT_MSR = 0x7C,
    EXIT_SHUTDOWN = 0x7F,
    EXIT_VMRUN = 0x80,
    EXIT_VMMCALL = 0x81,
    EXIT_VMLOAD = 0x82,
    EXIT_VMSAVE = 0x83,
    EXIT_STGI = 0x84,
    EXIT_CLGI = 0x85,
    EXIT_SKINIT = 0x86,
    EXIT_NESTED_PAGE_FAULT = 0x400,
};
#define EXIT_INVALID 0xFFFFFFFFu

#endif
