/* SPDX-License-Identifier: MIT */
/*
 * The ways to flush [iova, iova + length) that FLUSH_DEVICE_DOMAIN and FLUSH_DEVICE_DOMAIN_LIST
 * offer (reference 3.9), for tests that make the same promise for several of them. flush_list() is
 * one more: exactly the blocks of the range.
 */
#ifndef PVT_TESTS_HARNESS_FLUSH_WAYS_H
#define PVT_TESTS_HARNESS_FLUSH_WAYS_H

#include "tests/harness/fixture.h"

typedef void flush_way(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length);

flush_way flush_by_domain; /* FLUSH_DEVICE_DOMAIN */
flush_way flush_by_cover;  /* a list of one block around the range */
flush_way
    flush_by_everything; /* a list of the one element that means everything: page 0, shift 52 */

#endif
