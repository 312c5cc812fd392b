/* SPDX-License-Identifier: MIT */
/*
 * Stage-1 I/O page tables: the guest's half of the two-stage translation (reference 5).
 *
 * The format is data (struct stage1_format), the code is one. Freestanding, no global state, and no
 * knowledge of where table memory comes from: the owner passes callbacks. Never flushes anything:
 * unmap hands back the table pages that became empty, and the caller releases them after the flush
 * that makes them unreachable for the IOMMU.
 */
#ifndef PVT_LIB_STAGE1_H
#define PVT_LIB_STAGE1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAGE1_MAX_LEVELS 5

/* One level of a table format. Level 0 holds 4 KiB leaves; the top level is levels - 1. */
struct stage1_level {
    uint8_t shift;      /* lowest IOVA bit of this level's index */
    uint8_t index_bits; /* width of the index */
    bool leaf_allowed;  /* may an entry of this level be a leaf? */
    uint64_t leaf_bits; /* bits that mark an entry of this level as a leaf (0 at level 0) */
};

struct stage1_format {
    const char *name;
    uint8_t levels_min, levels_max;
    struct stage1_level level[STAGE1_MAX_LEVELS];
    uint64_t present;      /* entry is valid */
    uint64_t address_mask; /* output or next-table address */
    uint64_t table_bits;   /* every entry that points to a table */
    uint64_t leaf_bits;    /* every leaf, readable */
    uint64_t write_bits;   /* added to a writable leaf */
};

/* Intel SDM 4.4 / VT-d first stage / AMD guest translation: the one format that the ABI names. */
extern const struct stage1_format stage1_format_x86_64;

enum stage1_prot { STAGE1_READ = 1, STAGE1_WRITE = 2 };

enum stage1_status {
    STAGE1_OK,
    STAGE1_ERR_ALIGNMENT, /* IOVA, GPA or length not a multiple of 4 KiB */
    STAGE1_ERR_RANGE,     /* empty, wraps, or beyond the input width of the table */
    STAGE1_ERR_EXISTS,    /* some page of the range is mapped already; nothing was changed */
    STAGE1_ERR_NOT_MAPPED,
    STAGE1_ERR_NO_MEMORY, /* a table page could not be had; nothing was changed (map) or nothing
                             lost (unmap) */
    STAGE1_ERR_FORMAT,    /* level count, page sizes, leaf level or permissions that the format does
                             not have */
};

/* Table pages are 4 KiB, 4 KiB aligned, with any contents: what a map does not fill, it clears. */
struct stage1_memory {
    void *(*alloc_table)(void *owner);
    void (*free_table)(void *owner, void *table);
    uint64_t (*gpa_of)(void *owner, const void *table);
    void *(*table_at)(void *owner, uint64_t gpa);
    void *owner;
};

struct stage1 {
    const struct stage1_format *format;
    struct stage1_memory memory;
    uint64_t page_sizes; /* bit k: leaves of 2^k bytes may be built */
    uint8_t levels;
    uint64_t *root;
    size_t tables; /* table pages in use, root included */
};

/* Room for tables that stage1_merge() replaced; see below. */
#define STAGE1_MERGED_MAX 16

/*
 * Table pages taken out of a tree; starts as all zero. Until the flush the IOMMU may still walk
 * them, through pointers that it cached. Emptied tables are chained through their first word, which
 * is aligned like a table and so never looks present; all other words are zero. Tables replaced by
 * a merge keep every entry, or a walk through them would fail for pages that are mapped: they are
 * listed aside.
 */
struct stage1_freed {
    void *head;
    size_t count; /* emptied and merged ones */
    void *merged[STAGE1_MERGED_MAX];
    size_t merged_count;
};

struct stage1_walk {
    unsigned leaf_level;                /* level of the last entry looked at */
    bool present;                       /* that entry is a leaf, and all above are present */
    uint64_t gpa;                       /* output address for the exact IOVA */
    uint64_t page_size;                 /* of the leaf */
    bool writable;                      /* RW at every level */
    uint64_t *entry[STAGE1_MAX_LEVELS]; /* entry pointer per level, NULL below leaf_level */
};

/* `page_sizes` must have bit 12 and only bits that are leaf sizes of the format. The root table is
 * allocated here. */
enum stage1_status stage1_init(struct stage1 *s, const struct stage1_format *format,
                               unsigned levels, uint64_t page_sizes, struct stage1_memory memory);
/* Frees every table page at once: only for a tree that no device can reach any more. */
void stage1_destroy(struct stage1 *s);

uint64_t stage1_root_gpa(const struct stage1 *s);
/* One more than the highest IOVA: 1 << 48 or 1 << 57. */
uint64_t stage1_iova_limit(const struct stage1 *s);

/* Maps [iova, iova + length) to [gpa, gpa + length) with the largest leaves that page_sizes and
 * alignment allow. All or nothing. Never needs a flush: only not-present entries change, and all
 * tables are at hand before the first does. `prot` is STAGE1_READ or STAGE1_READ | STAGE1_WRITE:
 * the format knows no write-only page. */
enum stage1_status stage1_map(struct stage1 *s, uint64_t iova, uint64_t gpa, uint64_t length,
                              unsigned prot);

/* Unmaps whatever is mapped in [iova, iova + length); *unmapped (may be NULL) is the number of
 * bytes. A superpage that sticks out of the range is split first. Tables that became empty are
 * added to *freed, never freed here. With freed == NULL they stay in the tree: for callers that map
 * again before they flush, as a new table in the place of one that the IOMMU still has in a
 * paging-structure cache would not be seen. */
enum stage1_status stage1_unmap(struct stage1 *s, uint64_t iova, uint64_t length,
                                struct stage1_freed *freed, uint64_t *unmapped);

/* Changes the permission of every mapped page in the range (splits superpages at the edges); pages
 * that are not mapped stay so. Taking permission away needs a flush. */
enum stage1_status stage1_protect(struct stage1 *s, uint64_t iova, uint64_t length, unsigned prot);

/* Replaces the superpage leaf that covers iova by a table of leaves of the next smaller allowed
 * size with the same translation. */
enum stage1_status stage1_split(struct stage1 *s, uint64_t iova);

/* Makes the entry of `level` (1: 2 MiB, 2: 1 GiB) that covers iova a leaf, in place of a table
 * whose 512 entries are leaves, contiguous and alike; the table goes to *freed.
 * STAGE1_ERR_NOT_MAPPED when they are not (or no table is there), STAGE1_ERR_NO_MEMORY when *freed
 * already holds STAGE1_MERGED_MAX merged tables: flush and release first. */
enum stage1_status stage1_merge(struct stage1 *s, uint64_t iova, unsigned level,
                                struct stage1_freed *freed);

/* STAGE1_OK when mapped, STAGE1_ERR_NOT_MAPPED when not; *walk is filled either way. */
enum stage1_status stage1_walk(const struct stage1 *s, uint64_t iova, struct stage1_walk *walk);

/* Gives the collected table pages back; call after the flush. Returns how many. */
size_t stage1_release(struct stage1 *s, struct stage1_freed *freed);

const char *stage1_status_name(enum stage1_status status);

#endif
