/* SPDX-License-Identifier: MIT */
/* Defects of the processor interface: CPUID, MSRs, the hypercall page, registers of a call. */
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "abi/msr.h"
#include "host/base/memory.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/cpu/msr.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "lib/bits.h"
#include "lib/string.h"

#define OTHER_INTERFACE       0x30237648u /* "Hv#0": a hypervisor without this interface */
#define CPUID_HYPERVISOR_LAST 0x4FFFFFFFu
#define CPL_USER              3u
#define BREAKPOINT            0xCC
#define SIZE_2M               UINT64_C(0x200000)

static struct exit_handlers right_exit;
static struct synthetic_msr right_msr;
static uint64_t written_vp_index; /* beyond the right one */

/* Other answers for every ECX but 0, though none of these leaves has subleaves. */
static void cpuid(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t leaf = (uint32_t)cpu->guest->rax, subleaf = (uint32_t)regs->rcx;

    right_exit.cpuid(cpu, regs);
    if (subleaf == 0)
        return;
    if (defect_active(DEFECT_HYPERVISOR_BIT_BY_SUBLEAF) && leaf == CPUID_1)
        regs->rcx &= ~(uint64_t)CPUID_1_ECX_HYPERVISOR_PRESENT;
    if (defect_active(DEFECT_CPUID_SUBLEAVES) && leaf >= HV_CPUID_VENDOR &&
        leaf <= CPUID_HYPERVISOR_LAST)
        cpu->guest->rax = regs->rbx = regs->rcx = regs->rdx = 0;
}

static void clobber(struct guest_registers *regs, uint64_t result)
{
    if (defect_active(DEFECT_RDX_ROUNDED) &&
        hv_result_status(result) == HV_STATUS_INVALID_ALIGNMENT)
        regs->rdx -= regs->rdx % HV_PARAMETER_ALIGNMENT;
    if (defect_active(DEFECT_RDX_CLOBBERED))
        regs->rdx = ~regs->rdx;
    if (defect_active(DEFECT_R8_CLOBBERED))
        regs->r8 = ~regs->r8;
    /* The host uses no vector registers: what is in them now is the guest's. */
    if (defect_active(DEFECT_XMM_CLOBBERED))
        __asm__ volatile("pcmpeqd %xmm0, %xmm0; pcmpeqd %xmm5, %xmm5");
}

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t rip = cpu->guest->rip;

    if (defect_active(DEFECT_RESTARTED_REFUSED) && cpu->starts > 1) {
        inject_exception(cpu, regs, EXCEPTION_UD);
        return;
    }
    right_exit.hypercall(cpu, regs);
    if (cpu->guest->rip != rip) /* the call has ended */
        clobber(regs, cpu->guest->rax);
}

/* #UD for reserved bits of the hypercall MSR, which are written all the same. */
static void msr(struct cpu *cpu, struct guest_registers *regs)
{
    uint64_t rip = cpu->guest->rip, value = (regs->rdx << 32) | (uint32_t)cpu->guest->rax;
    bool reserved = (cpu->guest->exit_info1 & 1) && (uint32_t)regs->rcx == HV_MSR_HYPERCALL &&
                    (value & HV_HYPERCALL_MSR_RSVDP) != 0;

    right_exit.msr(cpu, regs);
    if (reserved) {
        cpu->guest->rip = rip;
        inject_exception(cpu, regs, EXCEPTION_UD);
    }
}

static bool read_msr(struct cpu *cpu, uint32_t number, uint64_t *value)
{
    bool done = right_msr.read(cpu, number, value);

    if (number == HV_MSR_GUEST_OS_ID && (defect_active(DEFECT_OS_ID_FORGOTTEN) ||
                                         (defect_active(DEFECT_OS_ID_OF_FIRST) && cpu->index != 0)))
        *value = 0;
    if (number == HV_MSR_VP_INDEX && defect_active(DEFECT_VP_INDEX_OF_THIRD) && cpu->index > 1)
        *value = 1;
    else if (number == HV_MSR_VP_INDEX)
        *value = defect_active(DEFECT_VP_INDEX_SHARED) ? 0 : *value + written_vp_index;
    return done;
}

/* Whether a defect keeps the hypercall page at its old address. */
static bool page_stays(uint64_t value)
{
    bool enabled = (partition.hypercall_msr & HV_HYPERCALL_MSR_ENABLE) != 0;

    if ((value & HV_HYPERCALL_MSR_GPFN) >= guest_gpa_limit())
        return false;
    if ((value & HV_HYPERCALL_MSR_ENABLE) == 0)
        return defect_active(DEFECT_PAGE_SURVIVES_DISABLE);
    return defect_active(DEFECT_PAGE_NOT_MOVED) && enabled && partition.guest_os_id != 0;
}

/* Whether a defect lets a write pass the lock of the register. */
static bool passes_lock(const struct cpu *cpu, uint64_t value)
{
    uint64_t changed = partition.hypercall_msr ^ value;
    bool moves = (changed & HV_HYPERCALL_MSR_GPFN) != 0;

    if (!(value & HV_HYPERCALL_MSR_ENABLE))
        return defect_active(DEFECT_LOCK_LETS_DISABLE);
    return (defect_active(DEFECT_LOCK_OF_ONE) && cpu->index != 0) ||
           (defect_active(DEFECT_LOCK_CLEARED) && !moves) ||
           (defect_active(DEFECT_LOCK_KEEPS_LOCK) && moves) ||
           defect_active(DEFECT_LOCK_OF_REGISTER);
}

static bool write_locked(struct cpu *cpu, uint64_t value)
{
    uint64_t locked = partition.hypercall_msr;
    bool done;

    if (!passes_lock(cpu, value))
        return right_msr.write(cpu, HV_MSR_HYPERCALL, value);
    partition.hypercall_msr &= ~HV_HYPERCALL_MSR_LOCKED;
    done = right_msr.write(cpu, HV_MSR_HYPERCALL, value);
    if (defect_active(DEFECT_LOCK_OF_REGISTER))
        partition.hypercall_msr = locked;
    else if (defect_active(DEFECT_LOCK_KEEPS_LOCK))
        partition.hypercall_msr |= HV_HYPERCALL_MSR_LOCKED;
    return done;
}

static bool write_hypercall(struct cpu *cpu, uint64_t value)
{
    uint64_t os_id = partition.guest_os_id;
    bool done;

    if (partition.hypercall_msr & HV_HYPERCALL_MSR_LOCKED)
        return write_locked(cpu, value);
    if (page_stays(value)) {
        partition.hypercall_msr = value;
        return true;
    }
    if (defect_active(DEFECT_PAGE_BEYOND_ACCEPTED) &&
        (value & HV_HYPERCALL_MSR_GPFN) >= guest_gpa_limit())
        return true;
    if (defect_active(DEFECT_PAGE_WITHOUT_OS_ID) && os_id == 0)
        partition.guest_os_id = 1;
    done = right_msr.write(cpu, HV_MSR_HYPERCALL, value);
    partition.guest_os_id = os_id;
    return done;
}

static bool write_os_id(struct cpu *cpu, uint64_t value)
{
    uint64_t old = partition.hypercall_msr;
    bool done;

    if (defect_active(DEFECT_PAGE_SURVIVES_OS_ID))
        partition.hypercall_msr |= HV_HYPERCALL_MSR_LOCKED; /* a locked page stays */
    done = right_msr.write(cpu, HV_MSR_GUEST_OS_ID, value);
    if (defect_active(DEFECT_PAGE_SURVIVES_OS_ID))
        partition.hypercall_msr = old;
    return done;
}

static void leave_page_behind(uint64_t gpa)
{
    static uint8_t page[PAGE_SIZE];

    memset(page, BREAKPOINT, sizeof(page));
    memcpy(page, cpu_rules.hypercall_code, cpu_rules.hypercall_code_size);
    guest_write(gpa, page, sizeof(page));
}

/* Whether a defect keeps the page at the place that HYPERCALL held before, `old`. */
static bool page_is_left(uint64_t old)
{
    static bool moved; /* since it was enabled */
    uint64_t now = partition.hypercall_msr, changed = (old ^ now) & HV_HYPERCALL_MSR_GPFN;
    bool was_moved = moved;

    if (!(old & HV_HYPERCALL_MSR_ENABLE) || old == now)
        return false;
    moved = (now & HV_HYPERCALL_MSR_ENABLE) && (moved || changed != 0);
    if (defect_active(DEFECT_PAGE_LEFT_BEHIND))
        return true;
    if (!(now & HV_HYPERCALL_MSR_ENABLE))
        return defect_active(DEFECT_PAGE_LEFT_AFTER_MOVE) && was_moved;
    return defect_active(DEFECT_PAGE_LEFT_NEARBY) && changed != 0 && changed < SIZE_2M;
}

static bool write_msr(struct cpu *cpu, uint32_t number, uint64_t value)
{
    uint64_t old = partition.hypercall_msr;
    bool done;

    if (defect_active(DEFECT_VP_INDEX_WRITABLE) && number == HV_MSR_VP_INDEX) {
        written_vp_index = value - cpu->index;
        return true;
    }
    if (number == HV_MSR_HYPERCALL)
        done = write_hypercall(cpu, value);
    else if (number == HV_MSR_GUEST_OS_ID)
        done = write_os_id(cpu, value);
    else
        done = right_msr.write(cpu, number, value);
    if (page_is_left(old))
        leave_page_behind(old & HV_HYPERCALL_MSR_GPFN);
    return done;
}

static bool reaches(unsigned sender, unsigned other)
{
    if (defect_active(DEFECT_PAGE_ON_LATER_PROCESSORS))
        return other > sender;
    if (defect_active(DEFECT_PAGE_MOVED_BY_FIRST))
        return sender == 0;
    /* The lowest number that is not the sender's. */
    return defect_active(DEFECT_PAGE_ON_ONE_OTHER) && other == (sender == 0 ? 1 : 0);
}

static void install_rules(void)
{
    if (defect_active(DEFECT_CPUID_FEW_LEAVES))
        cpu_rules.vendor.eax = HV_CPUID_RECOMMENDATIONS;
    if (defect_active(DEFECT_CPUID_OTHER_INTERFACE))
        cpu_rules.interface.eax = OTHER_INTERFACE;
    if (defect_active(DEFECT_CPUID_NO_HYPERCALL_MSRS))
        cpu_rules.features.eax &= ~HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS;
    if (defect_active(DEFECT_CPUID_NO_VP_INDEX))
        cpu_rules.features.eax &= ~HV_CPUID_FEATURES_EAX_VP_INDEX;
    if (defect_active(DEFECT_USER_CALLS_ACCEPTED))
        cpu_rules.hypercall_cpl_max = CPL_USER;
    if (defect_active(DEFECT_PAGE_STORE_UD))
        cpu_rules.hidden_access = EXCEPTION_UD;
    cpu_rules.hypercall_page_writable = defect_active(DEFECT_PAGE_WRITABLE);
    if (ANY_DEFECT(DEFECT_PAGE_ON_ONE_PROCESSOR, DEFECT_PAGE_ON_LATER_PROCESSORS,
                   DEFECT_PAGE_MOVED_BY_FIRST, DEFECT_PAGE_ON_ONE_OTHER))
        cpu_rules.shootdown = reaches;
}

void defects_install_guest_state(void)
{
    install_rules();
    right_exit = exit_handlers;
    right_msr = synthetic_msr;
    if (ANY_DEFECT(DEFECT_CPUID_SUBLEAVES, DEFECT_HYPERVISOR_BIT_BY_SUBLEAF))
        exit_handlers.cpuid = cpuid;
    if (defect_active(DEFECT_PAGE_BITS_UD))
        exit_handlers.msr = msr;
    if (ANY_DEFECT(DEFECT_RESTARTED_REFUSED, DEFECT_RDX_ROUNDED, DEFECT_RDX_CLOBBERED,
                   DEFECT_R8_CLOBBERED, DEFECT_XMM_CLOBBERED))
        exit_handlers.hypercall = hypercall;
    if (ANY_DEFECT(DEFECT_OS_ID_FORGOTTEN, DEFECT_OS_ID_OF_FIRST, DEFECT_VP_INDEX_SHARED,
                   DEFECT_VP_INDEX_OF_THIRD, DEFECT_VP_INDEX_WRITABLE))
        synthetic_msr.read = read_msr;
    if (ANY_DEFECT(DEFECT_VP_INDEX_WRITABLE, DEFECT_PAGE_SURVIVES_DISABLE, DEFECT_PAGE_NOT_MOVED,
                   DEFECT_PAGE_BEYOND_ACCEPTED, DEFECT_PAGE_WITHOUT_OS_ID,
                   DEFECT_PAGE_SURVIVES_OS_ID, DEFECT_PAGE_LEFT_BEHIND, DEFECT_PAGE_LEFT_NEARBY,
                   DEFECT_PAGE_LEFT_AFTER_MOVE, DEFECT_LOCK_LETS_DISABLE, DEFECT_LOCK_OF_ONE,
                   DEFECT_LOCK_CLEARED, DEFECT_LOCK_KEEPS_LOCK, DEFECT_LOCK_OF_REGISTER))
        synthetic_msr.write = write_msr;
}
