/* SPDX-License-Identifier: MIT */
/* Sequences of operations that take the place of those by chance: of option replay, and shorter and
 * shorter ones after a failure. */
#ifndef PVT_TESTS_HARNESS_REPLAY_H
#define PVT_TESTS_HARNESS_REPLAY_H

#include "tests/harness/operations.h"

struct suite;

#define OPERATIONS_MAX 4096u

/* All that a test has to do, in this order; NULL: chance decides. */
const struct operation *replay_given(unsigned *count);
/* The test does this now. */
void replay_note(const struct operation *o);
/* All that the last test has noted. */
const struct operation *replay_played(unsigned *count);

/* Option replay: one more of them. */
bool replay_add(const char *text, struct option_error *error);
/* The test that runs begins. */
void replay_forget(void);
/* After a test that failed with operations of chance: its report becomes that of the shortest
 * sequence that ends at the same check. */
void suite_shrink(struct suite *s);

#endif
