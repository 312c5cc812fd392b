/* SPDX-License-Identifier: MIT */
/*
 * The data structure below every cache: a hash table of (did, page) with one list of entries per
 * group of domains.
 *
 * A page number is an IOVA in units of the cache's page size. Look-up, fill and the drop of one
 * page cost O(1). The drop of a range looks up each page, or goes through the list of the domain's
 * group, whichever is shorter. Nothing ever looks at all entries.
 */
#ifndef PVT_HOST_SOFTIOMMU_CACHE_H
#define PVT_HOST_SOFTIOMMU_CACHE_H

#include "host/softiommu/arena.h"
#include "host/softiommu/prng.h"
#include "host/softiommu/statistics.h"

struct cache_entry {
    uint64_t page;
    uint64_t address;     /* GPA of the page or table */
    uint32_t bucket_next; /* also links the free entries */
    uint32_t group_next, group_previous;
    uint16_t did;
    uint8_t flags; /* the owner's */
};

struct cache_group {
    uint32_t first, entries;
};

struct cache {
    struct cache_entry *entry;
    uint32_t *bucket;
    struct cache_group *group;
    uint32_t capacity, bucket_bits, group_mask;
    uint32_t free;     /* first free entry */
    uint32_t victim;   /* next to go when full: the oldest, as entries are filled in order */
    struct prng *prng; /* victims at random; NULL: in turn */
    struct softiommu_cache_statistics *statistics;
};

#define CACHE_GROUPS_DOMAINS 256u /* domain ids differ: did modulo 256 */
#define CACHE_GROUPS_ONE     1u   /* one did only */

#define CACHE_NO_ENTRY UINT32_MAX /* the end of a list */

/* Empty; `groups` is a power of two. `statistics` counts all but hits and misses, which are the
 * owner's business. */
void cache_init(struct cache *cache, struct arena *arena, uint32_t capacity, uint32_t groups,
                struct prng *prng, struct softiommu_cache_statistics *statistics);
/* NULL when it is not there. */
struct cache_entry *cache_find(const struct cache *cache, uint16_t did, uint64_t page);
/* Adds or overwrites; evicts when full. */
void cache_fill(struct cache *cache, uint16_t did, uint64_t page, uint64_t address, uint8_t flags);
/* Pages first..last, both included. */
void cache_drop_range(struct cache *cache, uint16_t did, uint64_t first, uint64_t last);
/* Drops some entry, if there is one. */
void cache_evict_some(struct cache *cache, struct prng *prng);

#endif
