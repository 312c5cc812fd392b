/* SPDX-License-Identifier: MIT */
#include "drivers/units/shadow.h"

#include "kernel/memory.h"
#include "lib/bits.h"

#define ENTRIES    512u
#define LEVEL_BITS 9u
#define PAGE_BITS  12u
#define TOP_LEVEL  3u
#define UPPER_HALF BIT(47)
#define ADDRESS    UINT64_C(0x000FFFFFFFFFF000)
#define PRESENT    BIT(0)
#define WRITABLE   BIT(1)
#define USER       BIT(2)
#define LARGE      BIT(7)

struct walk {
    struct shadow_list *list;
    shadow_readable readable;
    bool overflow;
};

static void add_leaf(struct walk *w, uint64_t iova, uint64_t entry, unsigned level, bool writable)
{
    const uint64_t size = BIT(PAGE_BITS + LEVEL_BITS * level);

    if (w->list->count == w->list->room) {
        w->overflow = true;
        return;
    }
    w->list->mappings[w->list->count++] = (struct shadow_mapping){
        .iova = iova & UPPER_HALF ? iova | ~(UPPER_HALF - 1) : iova,
        .gpa = entry & ADDRESS & ~(size - 1),
        .size = size,
        .writable = writable && (entry & WRITABLE) != 0,
    };
}

static void walk_table(struct walk *w, uint64_t gpa, unsigned level, uint64_t iova, bool writable)
{
    const uint64_t *table = gpa_pointer(gpa);

    for (unsigned i = 0; i < ENTRIES && !w->overflow; i++) {
        const uint64_t entry = table[i];
        const uint64_t at = iova | (uint64_t)i << (PAGE_BITS + LEVEL_BITS * level);

        if ((entry & (PRESENT | USER)) != (PRESENT | USER))
            continue;
        if (level == TOP_LEVEL && (entry & LARGE))
            continue; /* reserved there */
        if (level == 0 || (entry & LARGE))
            add_leaf(w, at, entry, level, writable);
        else if (w->readable(entry & ADDRESS))
            walk_table(w, entry & ADDRESS, level - 1, at, writable && (entry & WRITABLE) != 0);
    }
}

bool shadow_walk(struct shadow_list *list, uint64_t root, shadow_readable readable)
{
    struct walk w = {.list = list, .readable = readable};

    list->count = 0;
    if (readable(root))
        walk_table(&w, root, TOP_LEVEL, 0, true);
    return !w.overflow;
}

static uint64_t last_of(const struct shadow_mapping *m)
{
    return m->iova + (m->size - 1);
}

static bool overlap(const struct shadow_mapping *a, const struct shadow_mapping *b)
{
    return a->iova <= last_of(b) && b->iova <= last_of(a);
}

/* Does it overlap a mapping of the list that the flush names (or, with `unnamed`, that it does
 * not)? *from is where the search may begin; calls come in the order of the IOVAs. */
static bool overlaps_any(const struct shadow_mapping *m, const struct shadow_list *list,
                         size_t *from, shadow_named named, bool wanted, void *context)
{
    while (*from < list->count && last_of(&list->mappings[*from]) < m->iova)
        (*from)++;
    for (size_t i = *from; i < list->count && list->mappings[i].iova <= last_of(m); i++) {
        const struct shadow_mapping *other = &list->mappings[i];

        if (overlap(m, other) && named(context, other->iova, last_of(other)) == wanted)
            return true;
    }
    return false;
}

/* A mapping that was told stays where neither it nor what takes its place is named. */
static bool stays(const struct shadow_mapping *m, const struct shadow_list *now, size_t *from,
                  shadow_named named, void *context)
{
    return !named(context, m->iova, last_of(m)) &&
           !overlaps_any(m, now, from, named, true, context);
}

bool shadow_merge(struct shadow_list *out, const struct shadow_list *told,
                  const struct shadow_list *now, shadow_named named, void *context)
{
    size_t t = 0, n = 0, from_now = 0;

    out->count = 0;
    while (t < told->count || n < now->count) {
        const struct shadow_mapping *next = NULL;

        if (t < told->count && !stays(&told->mappings[t], now, &from_now, named, context)) {
            t++;
            continue;
        }
        /* The next of what was told stays: of `now` only what lies before it and beside it is new.
         */
        if (n < now->count &&
            (t == told->count || last_of(&now->mappings[n]) < told->mappings[t].iova)) {
            next = &now->mappings[n++];
        } else if (n < now->count && overlap(&now->mappings[n], &told->mappings[t])) {
            n++;
            continue;
        } else {
            next = &told->mappings[t++];
        }
        if (out->count == out->room)
            return false;
        out->mappings[out->count++] = *next;
    }
    return true;
}

static bool same(const struct shadow_mapping *a, const struct shadow_mapping *b)
{
    return a->iova == b->iova && a->gpa == b->gpa && a->size == b->size &&
           a->writable == b->writable;
}

/* Calls `call` for each of `list` that `other` does not hold. Both are in the order of their IOVAs.
 */
static bool each_missing(const struct shadow_list *list, const struct shadow_list *other,
                         bool (*call)(void *context, const struct shadow_mapping *m), void *context)
{
    size_t k = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct shadow_mapping *m = &list->mappings[i];

        while (k < other->count && other->mappings[k].iova < m->iova)
            k++;
        if (k < other->count && same(m, &other->mappings[k]))
            continue;
        if (!call(context, m))
            return false;
    }
    return true;
}

bool shadow_differences(const struct shadow_list *old, const struct shadow_list *new,
                        bool (*drop)(void *context, const struct shadow_mapping *m),
                        bool (*add)(void *context, const struct shadow_mapping *m), void *context)
{
    return each_missing(old, new, drop, context) && each_missing(new, old, add, context);
}
