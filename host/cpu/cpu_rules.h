/* SPDX-License-Identifier: MIT */
/* Values of this host in the processor interface of the guest, as data. Written before launch only.
 */
#ifndef PVT_HOST_CPU_CPU_RULES_H
#define PVT_HOST_CPU_CPU_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/instructions.h"

struct cpu_rules {
    /* Leaves of the hypervisor. An MSR that a bit of `features` announces exists, any other does
     * not. */
    struct cpuid_result vendor, interface, features;
    struct cpuid_result oracle, oracle_features;
    uint8_t hypercall_cpl_max;   /* VMMCALL of less privileged code raises #UD */
    bool hypercall_in_real_mode; /* else VMMCALL raises #UD there */
    /* The start of the hypercall page; the rest traps as a breakpoint. */
    const uint8_t *hypercall_code;
    size_t hypercall_code_size;
    bool hypercall_page_writable;
    void (*hypercall_page_comes)(uint8_t *page); /* before it is shown at an address; NULL */
    enum exception hidden_access; /* for an access to what the nested tables leave out */
    bool prefixes_counted; /* the length of an instruction that exits is that with its prefixes */
    bool access_start_checked; /* an access that begins in the page before a register page is none
                                  to it */
    bool calls_in_any_mode; /* other processors are called out of the guest also without x2APIC */
    bool vps_count_down;    /* the first processor has the highest VP index */
    bool sint_polling;      /* CPUID offers the polling mode of SINTs, where there is VMBus */
    /* A change of the nested tables by processor `sender` reaches processor `other`. */
    bool (*shootdown)(unsigned sender, unsigned other);
};
extern struct cpu_rules cpu_rules;

#endif
