/* SPDX-License-Identifier: MIT */
#include "host/cpu/vcpu.h"

#include <stddef.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/cpu/descriptor_tables.h"
#include "host/cpu/guest_state.h"
#include "lib/bits.h"
#include "lib/hot.h"
#include "lib/string.h"

#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_EXTENDED_ECX_SVM  (1u << 2)
#define CPUID_SVM               0x8000000Au
#define CPUID_SVM_EDX_NPT       (1u << 0)

/* Any but 0, which is the host's. */
#define GUEST_ASID 1

struct partition partition;
HOT_DATA static struct cpu cpus[HOST_CPUS_MAX];

struct cpu *cpu_by_index(uint32_t index)
{
    return index < HOST_CPUS_MAX && cpus[index].self ? &cpus[index] : NULL;
}

struct cpu *cpu_prepare(uint32_t index)
{
    struct cpu *cpu = &cpus[index];

    if (!cpu->self) {
        cpu->index = index;
        cpu->guest = host_pages(1);
        cpu->host_state = host_pages(1);
        cpu->host_save = host_pages(1);
        cpu->stack_top = (uint8_t *)host_pages(HOST_STACK_PAGES) + HOST_STACK_PAGES * PAGE_SIZE;
        cpu->self = cpu;
    }
    return cpu;
}

void svm_enable(struct cpu *cpu)
{
    if (!(cpu_cpuid(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_EXTENDED_ECX_SVM))
        host_stop("the processor has no SVM: start QEMU with -cpu EPYC or -cpu qemu64,+svm,+npt");
    if (!(cpu_cpuid(CPUID_SVM, 0).edx & CPUID_SVM_EDX_NPT))
        host_stop("the processor has no nested paging: start QEMU with -cpu EPYC or -cpu "
                  "qemu64,+svm,+npt");
    if (cpu_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
        host_panic("the firmware has disabled SVM (VM_CR.SVMDIS)");
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
    cpu_wrmsr(MSR_VM_HSAVE_PA, (uintptr_t)cpu->host_save);
}

static struct vmcb_segment segment_of(uint16_t selector, uint64_t gdt)
{
    uint64_t descriptor = *(const uint64_t *)(uintptr_t)(gdt + (selector & ~7u));

    /* Flat in long mode: base and limit are not checked. */
    return (struct vmcb_segment){
        .selector = selector,
        .attributes = (uint16_t)(((descriptor >> 40) & 0xFF) | ((descriptor >> 44) & 0xF00)),
        .limit = 0xFFFFFFFF,
    };
}

void vcpu_capture(struct cpu *cpu)
{
    struct vmcb *guest = cpu->guest;
    struct descriptor_register gdtr, idtr;
    uint16_t es, cs, ss, ds;

    __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
    __asm__ volatile("mov %%es, %0; mov %%cs, %1; mov %%ss, %2; mov %%ds, %3"
                     : "=r"(es), "=r"(cs), "=r"(ss), "=r"(ds));
    guest->gdtr = (struct vmcb_segment){.limit = gdtr.limit, .base = gdtr.base};
    guest->idtr = (struct vmcb_segment){.limit = idtr.limit, .base = idtr.base};
    guest->es = segment_of(es, gdtr.base);
    guest->cs = segment_of(cs, gdtr.base);
    guest->ss = segment_of(ss, gdtr.base);
    guest->ds = segment_of(ds, gdtr.base);
    guest->cr0 = cr0_read();
    guest->cr3 = cr3_read();
    guest->cr4 = cr4_read();
    guest->efer = cpu_rdmsr(MSR_EFER) | EFER_SVME;
    guest->dr6 = 0xFFFF0FF0;
    guest->dr7 = 0x400;
    guest->g_pat = cpu_rdmsr(MSR_PAT);
    __asm__ volatile("vmsave %0" ::"a"(guest) : "memory");
}

void vcpu_configure(struct cpu *cpu, uint64_t rip, uint64_t rsp)
{
    struct vmcb *guest = cpu->guest;

    guest->intercept_misc1 = INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_CPUID | INTERCEPT_INVD |
                             INTERCEPT_INVLPGA | INTERCEPT_IO | INTERCEPT_MSR | INTERCEPT_SHUTDOWN;
    guest->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
                             INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT;
    guest->iopm_base = partition.iopm;
    guest->msrpm_base = partition.msrpm;
    guest->asid = GUEST_ASID;
    guest->nested_control = NESTED_PAGING_ENABLE;
    guest->nested_cr3 = partition.nested_root;
    guest->rip = rip;
    guest->rsp = rsp;
    guest->rflags = RFLAGS_FIXED;
    vcpu_before_entry(cpu);
    __asm__ volatile("vmsave %0" ::"a"(cpu->host_state) : "memory");
}

/* AMD64 Architecture Programmer's Manual, volume 2, 14.1.3 and 16.7.3: real mode, with the code
 * segment at the vector.
 */
void vcpu_reset(struct cpu *cpu)
{
    const uint16_t present = SEGMENT_PRESENT | SEGMENT_SYSTEM_CLEAR;
    const struct vmcb_segment data = {.attributes = present | SEGMENT_TYPE_DATA, .limit = 0xFFFF};
    struct vmcb *guest = cpu->guest;

    memset(guest, 0, sizeof(*guest));
    guest->es = guest->ss = guest->ds = guest->fs = guest->gs = data;
    guest->cs = (struct vmcb_segment){.selector = (uint16_t)(cpu->start_vector << 8),
                                      .attributes = present | SEGMENT_TYPE_CODE_READ,
                                      .limit = 0xFFFF,
                                      .base = (uint64_t)cpu->start_vector << 12};
    guest->gdtr = guest->idtr = (struct vmcb_segment){.limit = 0xFFFF};
    guest->ldtr =
        (struct vmcb_segment){.attributes = SEGMENT_PRESENT | SEGMENT_TYPE_LDT, .limit = 0xFFFF};
    guest->tr = (struct vmcb_segment){.attributes = SEGMENT_PRESENT | SEGMENT_TYPE_TSS_BUSY,
                                      .limit = 0xFFFF};
    guest->cr0 = CR0_RESET;
    guest->efer = EFER_SVME;
    guest->dr6 = 0xFFFF0FF0;
    guest->dr7 = 0x400;
    guest->g_pat = PAT_RESET;
    vcpu_configure(cpu, 0, 0);
}

void vcpu_check_state(struct cpu *cpu)
{
    struct vmcb *guest = cpu->guest;
    const char *refused;

    guest_state_repair(guest);
    refused = guest_state_refused(guest);
    if (refused)
        host_panic("the guest cannot be entered: %s", refused);
    cpu->last_entry = (struct entry_state){.efer = guest->efer,
                                           .cr0 = guest->cr0,
                                           .cr4 = guest->cr4,
                                           .dr6 = guest->dr6,
                                           .dr7 = guest->dr7,
                                           .cs_attributes = guest->cs.attributes};
}
