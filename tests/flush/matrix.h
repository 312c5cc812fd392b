/* SPDX-License-Identifier: MIT */
/*
 * Flush ordering as a matrix: the changes that the guest makes in its tables, times the ways to
 * flush. A scene is one change: a domain with some pages, the edit of its tables, and the places of
 * a DMA before and after the flush.
 */
#ifndef PVT_TESTS_FLUSH_MATRIX_H
#define PVT_TESTS_FLUSH_MATRIX_H

#include "tests/harness/flush_ways.h"

#define MATRIX_GROUP   "flush-matrix"
#define MATRIX_IOVA    SIZE_1G
#define MATRIX_PROBES  4u
#define MATRIX_ORPHANS 8u
#define MATRIX_TRAP                                                                                \
    7u /* page of the small buffer that no domain maps: the target of reused tables */

/* NULL: a DMA reaches nothing. */
struct matrix_probe {
    uint64_t iova;
    uint8_t *before, *after;
};

struct matrix_scene {
    struct test_run *t;
    struct dma_engine *engine;
    struct domain *rest; /* blocking: where the device is between two scenes */
    struct domain own, *domain;
    uint32_t id;
    struct buffer small, big; /* 8 pages; 2 MiB for changes of large leaves, else empty */
    struct matrix_probe probe[MATRIX_PROBES];
    unsigned probes;
    uint64_t neighbor; /* mapped by the same tables, and not changed */
    uint8_t *neighbor_at;
    uint64_t first, length;           /* IOVAs that the flush has to cover */
    enum oracle_fault_class refused;  /* fault of a probe that reaches nothing any more */
    uint64_t *orphan[MATRIX_ORPHANS]; /* tables that the change takes out of the tree */
    unsigned orphan_level[MATRIX_ORPHANS], orphans;
};

struct matrix_change {
    bool large; /* needs leaves of 2 MiB */
    void (*build)(struct matrix_scene *s);
    void (*change)(struct matrix_scene *s); /* no flush */
};

extern const struct matrix_change matrix_unmapped, matrix_downgraded, matrix_retargeted,
    matrix_split, matrix_merged, matrix_table_replaced, matrix_emptied;

/* Buffers for all that follow; skips when the host lacks what the change needs. */
void matrix_begin(struct matrix_scene *s, struct test_run *t, const struct matrix_change *change);
/* A domain as the change wants to find it, with the device in it. The domain of the scene before is
 * deleted, and its id used again. */
void matrix_build(struct matrix_scene *s, const struct matrix_change *change);
/* The device writes at iova: the bytes must be at `at`, and nothing else may change. NULL: a fault,
 * and no change. */
void matrix_expect(struct matrix_scene *s, uint64_t iova, uint8_t *at, const char *what);
/* Reuses the freed tables right after the flush has returned, as a guest does: for other data, here
 * entries that lead to the trap page. */
void matrix_reuse_orphans(struct matrix_scene *s);
/* Nothing of either buffer differs from what it was. */
void matrix_end(const struct matrix_scene *s);

/* --- ways to flush [iova, iova + length) --- */
struct matrix_way {
    const char *name;
    flush_way *flush;
};

enum matrix_way_number {
    MATRIX_DOMAIN,
    MATRIX_EXACT,
    MATRIX_BLOCK,
    MATRIX_EVERYTHING,
    MATRIX_LAST_OF_508,
    MATRIX_WAYS
};
extern const struct matrix_way matrix_ways[MATRIX_WAYS];

#endif
