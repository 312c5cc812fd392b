/* SPDX-License-Identifier: MIT */
/* Which MSRs of the processor a guest may access, and how. An MSR that is not listed raises #GP. */
#include "host/base/instructions.h"
#include "host/cpu/msr.h"

#include <stddef.h>

#include "host/base/memory.h"
#include "lib/bits.h"

#define DIRECT (MSR_DIRECT_READ | MSR_DIRECT_WRITE)

static const struct msr_rule rules[] = {
    /* The reference time counts on the real TSC: a write only moves the guest's offset. */
    {MSR_TSC, MSR_TSC, 0, msr_tsc_read, msr_tsc_write},
    {0x17, 0x17, 0, msr_passed_read, NULL}, /* platform id */
    {MSR_APIC_BASE, MSR_APIC_BASE, MSR_DIRECT_READ, msr_passed_read, msr_apic_base_write},
    {0x8B, 0x8B, 0, msr_passed_read, NULL},                    /* microcode revision */
    {0xFE, 0xFE, MSR_DIRECT_READ, msr_passed_read, NULL},      /* MTRR capabilities */
    {0x174, 0x176, DIRECT, msr_passed_read, msr_passed_write}, /* SYSENTER: part of the VMCB */
    {0x179, 0x179, 0, msr_passed_read, NULL},                  /* machine check capabilities */
    {0x1A0, 0x1A0, 0, msr_passed_read, NULL},                  /* miscellaneous enables */
    /* MTRRs change caching only. The processor checks the content of a write, which the host can
       repair. */
    {0x200, 0x20F, MSR_DIRECT_READ, msr_passed_read, msr_passed_write},
    {0x250, 0x250, MSR_DIRECT_READ, msr_passed_read, msr_passed_write},
    {0x258, 0x259, MSR_DIRECT_READ, msr_passed_read, msr_passed_write},
    {0x268, 0x26F, MSR_DIRECT_READ, msr_passed_read, msr_passed_write},
    {MSR_PAT, MSR_PAT, MSR_DIRECT_READ, msr_passed_read, msr_pat_write},
    {0x2FF, 0x2FF, MSR_DIRECT_READ, msr_passed_read, msr_passed_write},
    /* x2APIC: the guest owns the local APIC. */
    {0x800, 0x82E, DIRECT, msr_passed_read, msr_passed_write},
    {0x82F, 0x82F, MSR_DIRECT_READ, msr_passed_read,
     msr_x2apic_entry_write}, /* entry of corrected machine checks */
    {MSR_X2APIC_ICR, MSR_X2APIC_ICR, MSR_DIRECT_READ, msr_passed_read, msr_x2apic_icr_write},
    {0x831, 0x831, DIRECT, msr_passed_read, msr_passed_write},
    {0x832, 0x837, MSR_DIRECT_READ, msr_passed_read, msr_x2apic_entry_write},
    {0x838, 0x84F, DIRECT, msr_passed_read, msr_passed_write},
    /* Extended entries of AMD's APIC. */
    {0x850, 0x853, MSR_DIRECT_READ, msr_passed_read, msr_x2apic_entry_write},
    {0x854, 0x8FF, DIRECT, msr_passed_read, msr_passed_write},
    {MSR_EFER, MSR_EFER, 0, msr_efer_read, msr_efer_write},
    {0xC0000081, 0xC0000084, DIRECT, msr_passed_read,
     msr_passed_write}, /* SYSCALL: part of the VMCB */
    {0xC0000100, 0xC0000102, DIRECT, msr_passed_read,
     msr_passed_write}, /* FS, GS, kernel GS: part of the VMCB */
    {0xC0000103, 0xC0000103, DIRECT, msr_passed_read,
     msr_passed_write},                                 /* TSC_AUX: not used by the host */
    {0xC0010010, 0xC0010010, 0, msr_passed_read, NULL}, /* SYSCFG */
    {0xC0010015, 0xC0010015, 0, msr_passed_read, msr_dropped_write}, /* HWCR */
    /* Work-arounds that a guest may look for: none of them is on, and none is needed. */
    {0xC0010055, 0xC0010055, 0, msr_zero_read, msr_dropped_write}, /* interrupt pending message */
    {0xC0011029, 0xC0011029, 0, msr_zero_read, msr_dropped_write}, /* DE_CFG */
};
#define RULES ARRAY_SIZE(rules)

/* The permission map covers three ranges of MSRs, two bits each; all other MSRs always exit. */
#define MSRPM_RANGE_MSRS  0x2000u
#define MSRPM_RANGE_BYTES (MSRPM_RANGE_MSRS / 4)

const struct msr_rule *msr_rule_of(uint32_t msr)
{
    for (size_t r = 0; r < RULES; r++)
        if (msr >= rules[r].first && msr <= rules[r].last)
            return &rules[r];
    return NULL;
}

static uint8_t *map_byte(uint8_t *map, uint32_t msr)
{
    static const uint32_t bases[] = {0, 0xC0000000, 0xC0010000};

    for (unsigned r = 0; r < ARRAY_SIZE(bases); r++)
        if (msr - bases[r] < MSRPM_RANGE_MSRS)
            return map + r * MSRPM_RANGE_BYTES + (msr - bases[r]) / 4;
    return NULL;
}

uint64_t msr_permission_map(void)
{
    uint8_t *map = host_pages(MSRPM_PAGES);

    for (size_t i = 0; i < MSRPM_PAGES * PAGE_SIZE; i++)
        map[i] = 0xFF;
    for (size_t r = 0; r < RULES; r++)
        for (uint32_t msr = rules[r].first; msr <= rules[r].last; msr++)
            *map_byte(map, msr) &= (uint8_t) ~(rules[r].direct << msr % 4 * 2);
    return (uintptr_t)map;
}
