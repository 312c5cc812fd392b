/* SPDX-License-Identifier: MIT */
/* The TAP stream on COM1 (docs/output-format.md). */
#ifndef PVT_TESTS_HARNESS_REPORT_H
#define PVT_TESTS_HARNESS_REPORT_H

#include "tests/harness/test.h"

struct suite_counts {
    unsigned planned, pass, fail, error, skip;
    unsigned moved;      /* of those that ran: a device started a DMA in them */
    bool wants_transfer; /* the plan has tests that run on a device */
};

/* The verdict of a whole run on the host, with the exit code of the runner for it. */
struct report_verdict {
    unsigned exit_code;
    const char *text;
};
struct report_verdict report_verdict(const struct suite_counts *c);

void report_begin(unsigned planned);
/* The next point is the one after this number. */
void report_resume(unsigned written);
/* Keeps a copy of the output from here on, as far as it fits into `size` bytes with its end. */
void report_copy_begin(char *text, size_t size);
/* Its length; the copy is terminated. */
size_t report_copy_end(void);
void report_comment(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Return addresses, for tools that know the debug file. */
void report_frames(const uint64_t *addresses, size_t count);
/* Option verbose: what is printed for tests that did not fail, too. A failure prints everything at
 * every level. */
enum report_level { REPORT_VERDICTS, REPORT_STEPS, REPORT_FAULTS };
void report_test(const struct test_run *t, uint64_t verbose);
void report_end(const struct suite_counts *counts, uint64_t duration_us);
void report_bail_out(const char *reason);

#endif
