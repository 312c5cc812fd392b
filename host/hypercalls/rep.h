/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_HYPERCALLS_REP_H
#define PVT_HOST_HYPERCALLS_REP_H

#include "host/hypercalls/call.h"
#include "host/hypercalls/hypercalls.h"

/* Elements that one entry into the host handles; the rest is done in continuations, so that interrupts get in between.
 */
#define REP_BATCH 64u

/* Runs the header and then the elements from rep start on, in order; returns RAX. `input`: header, then all elements.
 */
uint64_t rep_run(const struct call *call, struct hypercall_frame *frame, const uint64_t *input);

#endif
