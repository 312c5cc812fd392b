/* SPDX-License-Identifier: MIT */
/* Behavior that is switched on by name before the guest starts: defects (host/defects) and variants
 * (host/variants).
 */
#ifndef PVT_HOST_DEFECTS_FLAGS_H
#define PVT_HOST_DEFECTS_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

/* Written before launch, read-only afterwards. */
struct flags {
    const char *const *name;
    bool *active;
    size_t count;
};

/* False when there is no switch of this name. */
bool flag_enable(const struct flags *all, const char *name);
/* Names of all that are on, separated by commas, cut to `size` bytes with the NUL; "" when none is.
 */
void flags_active_names(const struct flags *all, char *text, size_t size);

#endif
