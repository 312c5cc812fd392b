/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls of a test as they went out and came back, with the bytes of the tables that its
 * domains use and the DMAs of its devices, for a host team that replays them
 * (docs/output-format.md, "Transcripts"). Costs nothing unless option transcript is on.
 */
#ifndef PVT_TESTS_HARNESS_TRANSCRIPT_H
#define PVT_TESTS_HARNESS_TRANSCRIPT_H

#include <stdbool.h>

/* Tables are read before each call and each DMA. */
#define TRANSCRIPT_DEADLINE_FACTOR 4u

/* Option transcript; before the first test. */
void transcript_turn_on(void);
bool transcript_is_on(void);
/* A test begins: nothing is in it. */
void transcript_begin(void);
/* The harness takes over: what follows is not of the test. */
void transcript_pause(void);
/* Prints it. */
void transcript_report(void);

#endif
