/* SPDX-License-Identifier: MIT */
/* Behavior that is switched on by name before the guest starts: defects (host/defects) and variants
 * (host/variants).
 */
#ifndef PVT_HOST_DEFECTS_FLAGS_H
#define PVT_HOST_DEFECTS_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Written before launch, read-only afterwards. */
struct flags {
    const char *names;       /* NUL-terminated */
    const uint16_t *name_at; /* of each, from `names` */
    bool *active;
    size_t count;
};

/* Of the switch `index`, which must be below the count. */
const char *flag_name(const struct flags *all, size_t index);
/* False when there is no switch of this name. */
bool flag_enable(const struct flags *all, const char *name);
/* Names of all that are on, separated by commas, cut to `size` bytes with the NUL; "" when none is.
 */
void flags_active_names(const struct flags *all, char *text, size_t size);

#endif
