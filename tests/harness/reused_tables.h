/* SPDX-License-Identifier: MIT */
/*
 * The next use of table pages. After reused_tables_collect() a domain gives its freed tables here
 * instead of to the pool: inside of the call that frees it, each page is filled with entries that
 * lead to a trap page, through a chain of poisoned tables, for each level that a host which still
 * walks through the page may take it for.
 */
#ifndef PVT_TESTS_HARNESS_REUSED_TABLES_H
#define PVT_TESTS_HARNESS_REUSED_TABLES_H

#include "tests/harness/fixture.h"

#define REUSED_TABLES_MAX 8u
#define POISON_CHAIN      3u

struct reused_tables {
    uint64_t *page[REUSED_TABLES_MAX];
    unsigned count;
    /* page -> poison 0 -> poison 1 -> poison 2 -> trap: the level of the page decides at which of
     * them a DMA ends. */
    uint64_t *poison[POISON_CHAIN];
    struct buffer trap;
    uint64_t leaf_bits; /* a writable leaf's, which are good for a table, too */
};

struct reused_tables reused_tables_new(struct test_run *t);
void reused_tables_collect(struct reused_tables *reused, struct domain *d);
/* `expected` pages were collected, and nothing wrote to them, the poison chain or the trap. Gives
 * the pages back. */
void reused_tables_check(struct test_run *t, struct reused_tables *reused, unsigned expected,
                         const char *when);

#endif
