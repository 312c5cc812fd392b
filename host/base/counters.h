/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_BASE_COUNTERS_H
#define PVT_HOST_BASE_COUNTERS_H

#include "abi/oracle.h"

/* Kept per processor by the exit handlers; summed for the oracle. */
struct oracle_counters *cpu_counters(void);         /* of the running processor */
void cpu_counters_sum(struct oracle_counters *sum); /* over all processors */

#endif
