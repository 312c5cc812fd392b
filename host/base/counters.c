/* SPDX-License-Identifier: MIT */
#include "host/base/counters.h"

#include <stddef.h>

#include "host/base/processor.h"
#include "lib/hot.h"

HOT_DATA struct oracle_counters cpu_counters_by_index[HOST_CPUS_MAX];

HOT struct oracle_counters *cpu_counters(void)
{
    return &cpu_counters_by_index[processor_index()];
}

const struct oracle_counters *cpu_counters_of(uint32_t index)
{
    return &cpu_counters_by_index[index];
}

void cpu_counters_sum(struct oracle_counters *sum)
{
    /* Only numbers: the structure is an array of them. */
    uint64_t *to = (uint64_t *)sum;

    *sum = (struct oracle_counters){0};
    for (uint32_t index = 0; index < HOST_CPUS_MAX; index++) {
        const volatile uint64_t *from = (const volatile uint64_t *)&cpu_counters_by_index[index];

        for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
            to[i] += from[i];
    }
}
