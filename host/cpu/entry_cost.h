/* SPDX-License-Identifier: MIT */
/* The cost of the barest entry and exit of this processor, to compare the host's with. */
#ifndef PVT_HOST_CPU_ENTRY_COST_H
#define PVT_HOST_CPU_ENTRY_COST_H

#include "host/cpu/cpu.h"

/* Option bench=1: before entry_cost_tell() the host measures. */
extern bool entry_cost_wanted;

/* Measures pairs of VMRUN and VMMCALL without anything between them, and tells the log the time of
 * one in nanoseconds, the best of several rounds. On the host's own tables, after vcpu_configure()
 * and before the guest runs. Changes nothing of `cpu`. */
void entry_cost_tell(const struct cpu *cpu);

#endif
