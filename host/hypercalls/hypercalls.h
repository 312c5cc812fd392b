/* SPDX-License-Identifier: MIT */
/* Entry of the hypercall front end; called by the VMMCALL exit handler after CPL and mode were
 * checked. */
#ifndef PVT_HOST_HYPERCALLS_HYPERCALLS_H
#define PVT_HOST_HYPERCALLS_HYPERCALLS_H

#include <stdbool.h>
#include <stdint.h>

#define HYPERCALL_XMM_WORDS 12

/* The caller's registers (64-bit form, reference 2.1). */
struct hypercall_frame {
    uint64_t control; /* RCX; a rep call may leave an updated rep start here */
    uint64_t rdx, r8;
    uint64_t
        xmm[HYPERCALL_XMM_WORDS]; /* XMM0 to XMM5; filled where the host has calls that take them */
    uint64_t rax;                 /* result */
    uint32_t vp_index;
    bool again; /* return without advancing RIP: continuation of a rep call */
};

/* With the host's lock held: simple calls are atomic, and so is each part of a rep call. */
void hypercalls_dispatch(struct hypercall_frame *frame);
/* Once, before launch: domains, translation backend, devices. */
void hypercalls_init(void);

#endif
