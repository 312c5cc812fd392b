/* SPDX-License-Identifier: MIT */
/*
 * One leaf of any size, and DMA at any place of it and beside it, for tests that make the same
 * promise for each size. Small leaves lead to a buffer, of which every byte is checked. A GiB is
 * too much to check, and belongs to no allocator: there the pages around the DMA and at both ends
 * of the leaf are checked.
 */
#ifndef PVT_TESTS_HARNESS_LEAF_H
#define PVT_TESTS_HARNESS_LEAF_H

#include "tests/harness/fixture.h"

struct leaf {
    uint64_t iova, gpa, size;
    struct buffer buffer; /* data is NULL for 1 GiB */
};

/* The target of a leaf of PAGE_SIZE, SIZE_2M or SIZE_1G; skips where the host does not report the
 * size, or the machine has no GiB to spare. Only one leaf of 1 GiB at a time. */
struct leaf leaf_for(struct test_run *t, uint64_t iova, uint64_t size);
/* Maps it by one leaf: ERROR when our own tables have another size. */
void leaf_map(struct test_run *t, struct domain *d, const struct leaf *l, unsigned prot);
/* Changes the permission; no flush. */
void leaf_protect(struct test_run *t, struct domain *d, const struct leaf *l, unsigned prot);

/* As expect_write(), expect_write_fault() and expect_read_fault(). `offset` counts from the start
 * of the leaf; a refused access may lie before it (below 0) or after it. */
void leaf_expect_write(struct test_run *t, struct dma_engine *e, struct leaf *l, uint64_t offset,
                       size_t length, const char *what);
void leaf_expect_write_fault(struct test_run *t, struct dma_engine *e, struct leaf *l,
                             int64_t offset, size_t length, enum oracle_fault_class class,
                             const char *what);
void leaf_expect_read_fault(struct test_run *t, struct dma_engine *e, struct leaf *l,
                            int64_t offset, size_t length, enum oracle_fault_class class,
                            const char *what);

#endif
