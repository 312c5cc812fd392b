/* SPDX-License-Identifier: MIT */
/* Optional: whether the reference host's own memory is unchanged (docs/threat-model.md). Absent
 * everywhere else. */
#ifndef PVT_DRIVERS_HOST_INTEGRITY_H
#define PVT_DRIVERS_HOST_INTEGRITY_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/host_integrity.h"

/* CPUID names the interface, with all twelve bytes and the version that is known here. */
bool host_integrity_present(void);
/* Compares now. A change of unused pages is reported once. False when there is no interface, or the
 * call fails. */
bool host_integrity_check(bool all_pages, struct integrity_output *found);
/* Compares all pages: NULL when the memory is unchanged or there is no interface, else a
 * sentence in `text`. */
const char *host_integrity_damage(char *text, size_t size);

#endif
