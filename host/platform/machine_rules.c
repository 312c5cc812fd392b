/* SPDX-License-Identifier: MIT */
#include "host/platform/machine_rules.h"

#include "host/platform/chipset.h"
#include "lib/bits.h"

#define DELIVERY_SHIFT 8
#define DELIVERY_MASK  7u

enum delivery { DELIVERY_FIXED = 0, DELIVERY_LOWEST = 1, DELIVERY_NMI = 4, DELIVERY_EXTERNAL = 7 };

static bool sleep(uint32_t *control)
{
    return !chipset_sleep_keeps_memory(*control);
}

struct machine_rules machine_rules = {
    .sleep = sleep,
    .delivery_modes =
        BIT(DELIVERY_FIXED) | BIT(DELIVERY_LOWEST) | BIT(DELIVERY_NMI) | BIT(DELIVERY_EXTERNAL),
};

bool delivery_allowed(uint32_t entry)
{
    return (machine_rules.delivery_modes >> (entry >> DELIVERY_SHIFT & DELIVERY_MASK) & 1) != 0;
}
