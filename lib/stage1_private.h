/* SPDX-License-Identifier: MIT */
/* Private to the files lib/stage1*.c. Ranges are [iova, end), checked, and multiples of 4 KiB. */
#ifndef PVT_LIB_STAGE1_PRIVATE_H
#define PVT_LIB_STAGE1_PRIVATE_H

#include "lib/stage1.h"
#include "lib/stage1_entry.h"

/* STAGE1_ERR_ALIGNMENT, STAGE1_ERR_RANGE or STAGE1_OK for [iova, iova + length), as stage1.h
 * explains them. */
enum stage1_status stage1_check_range(const struct stage1 *s, uint64_t iova, uint64_t length);
/* STAGE1_ERR_FORMAT for anything but STAGE1_READ, with or without STAGE1_WRITE. */
enum stage1_status stage1_check_prot(unsigned prot);

/* How leaves are chosen and what they hold, for one range. */
struct stage1_plan {
    uint64_t offset;                       /* GPA - IOVA, modulo 2^64 */
    uint64_t bits;                         /* of every leaf, besides address and level */
    unsigned leaf_levels;                  /* bit k: leaves of level k may be built */
    size_t full_tables[STAGE1_MAX_LEVELS]; /* tables below an absent entry of level k that is mapped
                                              all over */
};

/* `level_limit`: only leaves below this level. */
struct stage1_plan stage1_plan(const struct stage1 *s, uint64_t iova, uint64_t gpa, uint64_t bits,
                               unsigned level_limit);

/* Table pages put by before a change begins, so that the change cannot fail half-way. */
struct stage1_reserve {
    void *head;
};

/* All or nothing: false when one of the `count` tables could not be had. */
bool stage1_reserve_tables(struct stage1 *s, size_t count, struct stage1_reserve *reserve);

/* Adds to *tables what stage1_build() will take from the reserve. False when the range holds a leaf
 * already. */
bool stage1_survey(const struct stage1 *s, const struct stage1_plan *plan, const uint64_t *table,
                   unsigned level, uint64_t iova, uint64_t end, size_t *tables);
/* Fills [iova, end) of a surveyed table of `level`. `fresh`: not reachable yet, and nothing in it
 * is present. */
void stage1_build(struct stage1 *s, const struct stage1_plan *plan, uint64_t *table, unsigned level,
                  uint64_t iova, uint64_t end, bool fresh, struct stage1_reserve *reserve);
/* A table of `level` from the reserve, filled as above and ready to be linked. */
uint64_t *stage1_build_table(struct stage1 *s, const struct stage1_plan *plan, unsigned level,
                             uint64_t iova, uint64_t end, struct stage1_reserve *reserve);

/* Splits until no superpage reaches across iova or across end. */
enum stage1_status stage1_split_edges(struct stage1 *s, uint64_t iova, uint64_t end);

#endif
