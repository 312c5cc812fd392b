/* SPDX-License-Identifier: MIT */
/*
 * The data structure below every cache: a hash table of (tag, page) with one list of entries per group of tags.
 *
 * A page number is an IOVA in units of the cache's page size. Look-up, fill and the drop of one page cost O(1). The
 * drop of a range looks up each page, or goes through the list of the tag's group, whichever is shorter; the drop of a
 * tag goes through that list. Nothing ever looks at all entries.
 */
#ifndef PVT_HOST_SOFTIOMMU_CACHE_H
#define PVT_HOST_SOFTIOMMU_CACHE_H

#include "host/softiommu/arena.h"
#include "host/softiommu/dice.h"
#include "host/softiommu/statistics.h"

struct cache_entry {
    uint64_t page;
    uint64_t address;     /* GPA of the page or table */
    uint32_t bucket_next; /* also links the free entries */
    uint32_t group_next, group_previous;
    uint16_t tag;
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
    uint32_t free;                     /* first free entry */
    uint32_t victim;                   /* next to go when full: the oldest, as entries are filled in order */
    uint32_t list_limit, lookup_limit; /* entries and pages that a drop looks at; fewer than all under omissions only */
    struct dice *dice;                 /* victims at random; NULL: in turn */
    struct softiommu_cache_statistics *statistics;
};

#define CACHE_GROUPS_DOMAINS 256u /* tags differ: tag modulo 256 */
#define CACHE_GROUPS_ONE     1u   /* one tag only */

/* Empty; `groups` is a power of two. `statistics` counts all but hits and misses, which are the owner's business. */
void cache_init(struct cache *cache, struct arena *arena, uint32_t capacity, uint32_t groups, struct dice *dice,
                struct softiommu_cache_statistics *statistics);
/* NULL when it is not there. */
struct cache_entry *cache_find(const struct cache *cache, uint16_t tag, uint64_t page);
/* Adds or overwrites; evicts when full. */
void cache_fill(struct cache *cache, uint16_t tag, uint64_t page, uint64_t address, uint8_t flags);
/* Pages first..last, both included. */
void cache_drop_range(struct cache *cache, uint16_t tag, uint64_t first, uint64_t last);
void cache_drop_tag(struct cache *cache, uint16_t tag);
/* Drops some entry, if there is one. */
void cache_evict_some(struct cache *cache, struct dice *dice);

#endif
