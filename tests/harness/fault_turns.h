/* SPDX-License-Identifier: MIT */
/*
 * Several faults of a unit in one boot (option unit-fault with places): each has its turn on a unit
 * that was started again.
 */
#ifndef PVT_TESTS_HARNESS_FAULT_TURNS_H
#define PVT_TESTS_HARNESS_FAULT_TURNS_H

#include <stdbool.h>

#include "lib/options.h"

struct suite;

#define FAULT_TURNS_MAX     128u
#define FAULT_TURN_NAME_MAX 40u

/* One more of them, "NAME:PLACES". PLACES are numbers and ranges of tests in the order of the run,
 * from 0, such as 0-4,7; the text lives as long as the run. */
bool fault_turns_add(const char *value, struct option_error *error);
/* Is there any? */
bool fault_turns_given(void);
/* After suite_select(): how many tests run at most, or 0 with a place that no test has. */
unsigned fault_turns_planned(const struct suite *s);
/* In the place of all tests, each once. NULL, or why the run ends before its time. */
const char *fault_turns_run(struct suite *s);

#endif
