/* SPDX-License-Identifier: MIT */
#include "host/softiommu/cache.h"

#define EVICTION_STEPS 16u

void cache_init(struct cache *cache, struct arena *arena, uint32_t capacity, uint32_t groups,
                struct prng *prng, struct softiommu_cache_statistics *statistics)
{
    unsigned bits = log2_ceil(capacity);
    struct cache c = {.capacity = capacity, .bucket_bits = bits, .group_mask = groups - 1};

    c.entry = arena_take(arena, capacity * sizeof(*c.entry));
    c.bucket = arena_take(arena, sizeof(*c.bucket) << bits);
    c.group = arena_take(arena, groups * sizeof(*c.group));
    if (!arena->base)
        return;
    c.prng = prng;
    c.statistics = statistics;
    for (uint32_t i = 0; i < capacity; i++)
        c.entry[i] = (struct cache_entry){.bucket_next = i + 1 < capacity ? i + 1 : CACHE_NO_ENTRY};
    for (uint32_t i = 0; i < UINT32_C(1) << bits; i++)
        c.bucket[i] = CACHE_NO_ENTRY;
    for (uint32_t i = 0; i < groups; i++)
        c.group[i] = (struct cache_group){.first = CACHE_NO_ENTRY};
    *cache = c;
}

/* Multiplicative hash: the upper bits of the product depend on all bits of the key. */
static uint32_t *bucket_of(const struct cache *cache, uint16_t did, uint64_t page)
{
    uint64_t product =
        (page ^ (uint64_t)did << 48 ^ (uint64_t)did << 9) * UINT64_C(0x9E3779B97F4A7C15);

    return &cache->bucket[product >> 32 >> (32 - cache->bucket_bits)];
}

struct cache_entry *cache_find(const struct cache *cache, uint16_t did, uint64_t page)
{
    for (uint32_t i = *bucket_of(cache, did, page); i != CACHE_NO_ENTRY;
         i = cache->entry[i].bucket_next)
        if (cache->entry[i].page == page && cache->entry[i].did == did)
            return &cache->entry[i];
    return NULL;
}

static void unlink_group(struct cache *cache, const struct cache_entry *entry)
{
    struct cache_group *group = &cache->group[entry->did & cache->group_mask];

    if (entry->group_previous == CACHE_NO_ENTRY)
        group->first = entry->group_next;
    else
        cache->entry[entry->group_previous].group_next = entry->group_next;
    if (entry->group_next != CACHE_NO_ENTRY)
        cache->entry[entry->group_next].group_previous = entry->group_previous;
    group->entries--;
}

static void link_group(struct cache *cache, struct cache_entry *entry)
{
    struct cache_group *group = &cache->group[entry->did & cache->group_mask];
    uint32_t index = (uint32_t)(entry - cache->entry);

    entry->group_previous = CACHE_NO_ENTRY;
    entry->group_next = group->first;
    if (group->first != CACHE_NO_ENTRY)
        cache->entry[group->first].group_previous = index;
    group->first = index;
    group->entries++;
}

static void drop(struct cache *cache, struct cache_entry *entry)
{
    uint32_t index = (uint32_t)(entry - cache->entry);
    uint32_t *link = bucket_of(cache, entry->did, entry->page);

    while (*link != index)
        link = &cache->entry[*link].bucket_next;
    *link = entry->bucket_next;
    unlink_group(cache, entry);
    entry->bucket_next = cache->free;
    cache->free = index;
    cache->statistics->entries--;
}

static void make_room(struct cache *cache)
{
    uint32_t index = cache->victim;

    if (cache->free != CACHE_NO_ENTRY)
        return;
    if (cache->prng)
        index = prng_below(cache->prng, cache->capacity);
    else
        cache->victim = (cache->victim + 1) % cache->capacity;
    drop(cache, &cache->entry[index]);
    cache->statistics->evictions++;
}

void cache_fill(struct cache *cache, uint16_t did, uint64_t page, uint64_t address, uint8_t flags)
{
    struct cache_entry *entry = cache_find(cache, did, page);

    if (!entry) {
        uint32_t *bucket = bucket_of(cache, did, page);

        make_room(cache);
        entry = &cache->entry[cache->free];
        cache->free = entry->bucket_next;
        *entry = (struct cache_entry){.page = page, .did = did, .bucket_next = *bucket};
        *bucket = (uint32_t)(entry - cache->entry);
        link_group(cache, entry);
        cache->statistics->entries++;
    }
    entry->address = address;
    entry->flags = flags;
    cache->statistics->fills++;
}

/* Groups from a random one on until one has entries, and some steps along its list. */
void cache_evict_some(struct cache *cache, struct prng *prng)
{
    uint32_t start = prng_next(prng), steps = prng_below(prng, EVICTION_STEPS),
             index = CACHE_NO_ENTRY;

    for (uint32_t i = 0; i <= cache->group_mask && index == CACHE_NO_ENTRY; i++)
        index = cache->group[(start + i) & cache->group_mask].first;
    if (index == CACHE_NO_ENTRY)
        return;
    while (steps-- > 0 && cache->entry[index].group_next != CACHE_NO_ENTRY)
        index = cache->entry[index].group_next;
    drop(cache, &cache->entry[index]);
    cache->statistics->evictions++;
}

static void invalidate(struct cache *cache, struct cache_entry *entry)
{
    drop(cache, entry);
    cache->statistics->invalidations++;
}

static void drop_listed(struct cache *cache, uint16_t did, uint64_t first, uint64_t last)
{
    uint32_t next;

    for (uint32_t i = cache->group[did & cache->group_mask].first; i != CACHE_NO_ENTRY; i = next) {
        struct cache_entry *entry = &cache->entry[i];

        next = entry->group_next;
        cache->statistics->visited++;
        if (entry->did == did && entry->page >= first && entry->page <= last)
            invalidate(cache, entry);
    }
}

static void drop_looked_up(struct cache *cache, uint16_t did, uint64_t first, uint64_t last)
{
    for (uint64_t i = 0; i <= last - first; i++) {
        struct cache_entry *entry = cache_find(cache, did, first + i);

        cache->statistics->visited++;
        if (entry)
            invalidate(cache, entry);
    }
}

void cache_drop_range(struct cache *cache, uint16_t did, uint64_t first, uint64_t last)
{
    if (last - first < cache->group[did & cache->group_mask].entries)
        drop_looked_up(cache, did, first, last);
    else
        drop_listed(cache, did, first, last);
}
