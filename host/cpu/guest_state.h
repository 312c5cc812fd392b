/* SPDX-License-Identifier: MIT */
/* The state of a guest as VMRUN takes it (APM volume 2, 15.5.1). */
#ifndef PVT_HOST_CPU_GUEST_STATE_H
#define PVT_HOST_CPU_GUEST_STATE_H

#include "host/cpu/vmcb.h"

/* Takes back what instructions of the guest may leave in QEMU's emulation and no processor has. */
void guest_state_repair(struct vmcb *guest);
/* NULL, or the rule that the state breaks: VMRUN would refuse it. */
const char *guest_state_refused(const struct vmcb *guest);

#endif
