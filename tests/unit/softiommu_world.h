/* SPDX-License-Identifier: MIT */
/*
 * A guest at random: domains whose tables it changes, flushes and frees, and devices that go on
 * doing DMA. Beside it a walker without caches, written apart from the IOMMU, and a history of what
 * each page has been since the last flush that covered it. Freed tables are filled with entries
 * that lead to one poisoned page.
 */
#ifndef PVT_TESTS_UNIT_SOFTIOMMU_WORLD_H
#define PVT_TESTS_UNIT_SOFTIOMMU_WORLD_H

#include "tests/unit/softiommu_fixture.h"

#define WORLD_DOMAINS  4u
#define WORLD_REQUESTS 6u
/* Watched pages of a domain: 3 places, 2 areas of 2 MiB each, 16 pages at the ends of each area. */
#define WORLD_PLACES     3u
#define WORLD_AREAS      6u
#define WORLD_AREA_SLOTS 16u
#define WORLD_SLOTS      (WORLD_AREAS * WORLD_AREA_SLOTS)
#define WORLD_HISTORY    24u
#define WORLD_PENDING    64u

struct once {
    uint64_t target;
    bool writable; /* by the leaf */
};

/* The states of a page since the last flush that covered it, now included. */
struct history {
    struct once once[WORLD_HISTORY];
    unsigned count;
    bool absent, denied, writable_above;
    bool path; /* a table on the way was replaced or dropped */
};

struct world_domain {
    struct softiommu_translation t;
    struct history slot[WORLD_SLOTS];
    bool large_only[WORLD_AREAS]; /* nothing but one large page since the area was flushed */
    struct {
        uint64_t table, first, last; /* pages that were reached through it */
    } pending[WORLD_PENDING];
    unsigned pendings;
};

/* A device is attached to one of these, or to a domain 0 .. WORLD_DOMAINS - 1. */
#define WORLD_BLOCKED  100u
#define WORLD_IDENTITY 101u

struct world {
    struct machine *m;
    struct random random;
    struct world_domain domain[WORLD_DOMAINS];
    unsigned in[4]; /* by device */
    bool ats;
    unsigned hot_domain, hot_slot; /* changed last */
    struct {
        struct softiommu_request request;
        struct softiommu_piece piece;
        uint64_t value;
        unsigned domain;
        bool busy;
    } request[WORLD_REQUESTS];
    uint64_t poison_entry; /* A is clear: a unit that walks a freed table also marks it */
    uint64_t freed[1024];
    unsigned frees;
    uint64_t translated, stale, refused; /* accesses by what came of them */
    const char *wrong;                   /* the first thing that must never happen; NULL so far */
};

struct world *world_new(const struct softiommu_config *config, struct random random, bool ats);
void world_free(struct world *w);
/* One random thing. */
void world_step(struct world *w);

/* For the files of the world. */
void world_fail(struct world *w, const char *what);
unsigned world_below(struct world *w, unsigned bound);
bool world_one_in(struct world *w, unsigned n);
uint64_t world_iova(unsigned slot);
bool world_used(const struct world *w, unsigned domain);

/* Tables. */
uint64_t world_take_table(struct world *w);
void world_give_table(struct world *w, uint64_t table);
uint64_t *world_entry(struct world *w, const struct softiommu_translation *t, uint64_t iova,
                      unsigned level);
void world_change(struct world *w);
void world_new_tables(struct world *w, unsigned domain);
void world_free_tables(struct world *w, unsigned domain);

/* History. Pages first..last, both included. */
void world_note(struct world *w, unsigned domain, uint64_t first, uint64_t last, bool path);
void world_forget(struct world *w, unsigned domain, uint64_t first, uint64_t last);
void world_flush(struct world *w, unsigned domain, uint64_t page, unsigned shift);
void world_flush_all(struct world *w, unsigned domain);
void world_judge(struct world *w, unsigned device, unsigned slot, enum oracle_access access,
                 uint64_t reached);

/* Every device of the domain that was changed last touches the page that was. */
void world_access_hot(struct world *w);

/* Requests in flight. */
void world_request(struct world *w);
void world_expect_drained(struct world *w, unsigned domain);

#endif
