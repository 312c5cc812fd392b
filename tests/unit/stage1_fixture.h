/* SPDX-License-Identifier: MIT */
/* A stage-1 tree on the build machine: table memory that can run out, and a check of every entry's
 * bits. */
#ifndef PVT_TESTS_UNIT_STAGE1_FIXTURE_H
#define PVT_TESTS_UNIT_STAGE1_FIXTURE_H

#include "lib/stage1.h"
#include "tests/unit/unit.h"

#define SIZE_4K 0x1000ull
#define SIZE_2M 0x200000ull
#define SIZE_1G 0x40000000ull

#define PAGES_4K       SIZE_4K
#define PAGES_4K_2M    (SIZE_4K | SIZE_2M)
#define PAGES_4K_2M_1G (SIZE_4K | SIZE_2M | SIZE_1G)
#define PAGES_4K_1G    (SIZE_4K | SIZE_1G)

#define RW (STAGE1_READ | STAGE1_WRITE)

struct fixture {
    struct stage1 s;
    size_t allocated, freed;
    bool limited;
    size_t left; /* tables until memory runs out, when limited */
};

/* The tree stays at its address from here to fixture_stop(). */
void fixture_start(struct fixture *f, unsigned levels, uint64_t page_sizes);
/* Destroys the tree and fails the test when a table page leaked. */
void fixture_stop(struct fixture *f);

struct stage1_memory fixture_memory(struct fixture *f);
/* Table pages that the tree and `freed` (may be NULL) should hold are exactly those allocated and
 * not freed. */
void fixture_check_accounting(const struct fixture *f, const struct stage1_freed *freed);

/* One leaf, as the bits in the tables say. */
typedef void (*leaf_visitor)(void *context, uint64_t iova, uint64_t gpa, uint64_t size,
                             bool writable);

/* Visits all leaves in order. Fails the test on any bit that the reference does not allow (section
 * 5), on a leaf size that was not asked for, on an empty table, and when the number of tables is
 * not s.tables. */
void fixture_check_tree(const struct fixture *f, leaf_visitor visit, void *context);

/* A number that changes with any entry of any table. */
uint64_t fixture_fingerprint(const struct fixture *f);

/* No table in the chain holds anything that looks present; merged ones are untouched. */
void fixture_check_freed(const struct stage1_freed *freed);

/* The entry at `level` over iova; 0 when no table is there. */
uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned level);

#endif
