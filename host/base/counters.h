/* SPDX-License-Identifier: MIT */
/* Events per processor, summed for the oracle. */
#ifndef PVT_HOST_BASE_COUNTERS_H
#define PVT_HOST_BASE_COUNTERS_H

#include "abi/oracle.h"
#include "host/base/processor.h"

struct oracle_counters *cpu_counters(void); /* of the running processor */
extern struct oracle_counters cpu_counters_by_index[HOST_CPUS_MAX];
const struct oracle_counters *
cpu_counters_of(uint32_t index); /* of any processor; `index` below HOST_CPUS_MAX */
void cpu_counters_sum(struct oracle_counters *sum); /* over all processors */

#endif
