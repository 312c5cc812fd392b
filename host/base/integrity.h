/* SPDX-License-Identifier: MIT */
/* Whether the host's own memory is as it was at launch: checksums over constant ranges, a pattern
 * in unused pages. */
#ifndef PVT_HOST_BASE_INTEGRITY_H
#define PVT_HOST_BASE_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

struct integrity_finding {
    uint64_t constants_changed; /* ranges */
    uint64_t words_changed, first_changed;
    uint64_t bytes_checked;
};

/* Adds a range that does not change after integrity_seal(); `start` and `length` are multiples
 * of 8. Before it only. */
void integrity_add_constant(const void *start, uint64_t length);
/* Last step of the launch: takes the checksums and fills the last 2 MiB of the unused pages. */
void integrity_seal(void);
/* Compares, and repairs the pattern. `all_pages`: all pages with a pattern, else those of
 * integrity_target(). */
void integrity_check(bool all_pages, struct integrity_finding *finding);
/* The last unused pages. *length 0: there are none left. */
void integrity_target(uint64_t *start, uint64_t *length);

#endif
