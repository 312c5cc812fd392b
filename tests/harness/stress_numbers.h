/* SPDX-License-Identifier: MIT */
/* How many of each thing the stress model has. */
#ifndef PVT_TESTS_HARNESS_STRESS_NUMBERS_H
#define PVT_TESTS_HARNESS_STRESS_NUMBERS_H

#define STRESS_TARGETS 8u
#define STRESS_PAGES                                                                               \
    8u /* IOVA pages; each is the GPA of a page of its own, where an identity domain leads */
#define STRESS_DEVICES 3u

/* Domains, by kind. */
enum stress_home {
    STRESS_BLOCKED,
    STRESS_IDENTITY,
    STRESS_PAGING,
    STRESS_HOMES = STRESS_PAGING + 3,
    STRESS_DETACHED
};

#endif
