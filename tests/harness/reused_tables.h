/* SPDX-License-Identifier: MIT */
/*
 * The next owners of table pages. A domain that has tenants gives its freed tables to them instead of to the pool: at
 * once, inside of the call that frees, each page is filled with entries that lead to a trap, whatever level a host that
 * still walks through it takes it for.
 */
#ifndef PVT_TESTS_HARNESS_REUSED_TABLES_H
#define PVT_TESTS_HARNESS_REUSED_TABLES_H

#include "tests/harness/fixture.h"

#define TENANTS_MAX 8u
#define LURES       3u

struct tenants {
    uint64_t *page[TENANTS_MAX];
    unsigned count;
    /* page -> lure 0 -> lure 1 -> lure 2 -> trap: where a DMA through the page ends depends on the level it had. */
    uint64_t *lure[LURES];
    struct buffer trap;
    uint64_t leaf_bits; /* a writable leaf's, which are good for a table, too */
};

struct tenants tenants_new(struct test_run *t);
void tenants_of(struct tenants *tenants, struct domain *d);
/* As many pages as `expected` have changed hands, and neither they nor the lures nor the trap were written. They leave.
 */
void tenants_check(struct test_run *t, struct tenants *tenants, unsigned expected, const char *when);

#endif
