/* SPDX-License-Identifier: MIT */
#ifndef PVT_TESTS_HARNESS_UNATTENDED_FILES_H
#define PVT_TESTS_HARNESS_UNATTENDED_FILES_H

#include "boot/volume.h"
#include "tests/harness/journal_fold.h"
#include "tests/harness/report.h"

struct suite;

#define UNATTENDED_FOLDER "\\pvtest-results"
#define UNATTENDED_KEEP   5u /* runs, with the new one */

/* Path of a file of a run on the volume. */
void unattended_path(char *path, size_t size, unsigned generation, const char *file);
/* The number of a new run. Deletes the oldest of the others, so that UNATTENDED_KEEP are left with
 * it. 0 = the volume cannot be read or written. */
unsigned unattended_new_generation(struct volume *v);

struct unattended_run {
    const struct suite *suite;
    const void *journal;
    size_t size;
    uint64_t run;
    unsigned generation, boots, restarts;
    bool over;
    const char *left; /* why planned tests did not run; only where it is over */
    size_t left_length;
};

/* Writes results.tap and summary.txt; fills the counts. False when the volume does not take them.
 */
bool unattended_write(struct volume *v, const struct unattended_run *run,
                      struct suite_counts *counts);

#endif
