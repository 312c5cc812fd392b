/* SPDX-License-Identifier: MIT */
/*
 * For defects that need two processors at the same time. Chance would seldom bring them together,
 * least of all on a busy machine: a defective host waits for the other one, for some milliseconds,
 * and gives up after some waits that found none.
 */
#ifndef PVT_HOST_DEFECTS_RACE_WINDOW_H
#define PVT_HOST_DEFECTS_RACE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Another processor waits for this one to leave the host. */
bool race_window_until_exit(void);
/* *counter, which another processor changes with the host's lock held, has another value than
 * `old`. */
bool race_window_until_count(const uint32_t *counter, uint32_t old);
/* The guest's memory differs from what was read there. */
bool race_window_until_store(uint64_t gpa, const uint64_t *old);

#endif
