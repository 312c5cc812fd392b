/* SPDX-License-Identifier: MIT */
#include "host/base/counters.h"

#include <stddef.h>

#include "host/cpu/cpu.h"
#include "host/cpu/vcpu.h"

struct oracle_counters *cpu_counters(void)
{
    return &cpu_current()->counters;
}

void cpu_counters_sum(struct oracle_counters *sum)
{
    /* Only numbers: the structure is an array of them. */
    uint64_t *to = (uint64_t *)sum;

    *sum = (struct oracle_counters){0};
    for (uint32_t index = 0; index < HOST_CPUS_MAX; index++) {
        const struct cpu *cpu = cpu_by_index(index);

        for (size_t i = 0; cpu && i < sizeof(*sum) / sizeof(uint64_t); i++)
            to[i] += ((const volatile uint64_t *)&cpu->counters)[i];
    }
}
