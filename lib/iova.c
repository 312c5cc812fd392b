/* SPDX-License-Identifier: MIT */
#include "lib/iova.h"

#include "lib/bits.h"
#include "lib/string.h"

static uint64_t range_end(const struct iova_range *range)
{
    return range->start + range->length;
}

static bool hits_msi_window(uint64_t iova, uint64_t length)
{
    return iova <= IOVA_MSI_LAST && iova + (length - 1) >= IOVA_MSI_FIRST;
}

/* `length` is not 0. */
static bool inside_window(const struct iova_allocator *a, uint64_t iova, uint64_t length)
{
    return iova >= a->first && iova < a->limit && length <= a->limit - iova;
}

/* Index of the first busy range that ends above iova; busy_count when there is none. */
static size_t first_ending_above(const struct iova_allocator *a, uint64_t iova)
{
    size_t low = 0, high = a->busy_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (range_end(&a->busy[middle]) > iova)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool insert(struct iova_allocator *a, size_t at, uint64_t iova, uint64_t length)
{
    if (a->busy_count == a->busy_max)
        return false;
    memmove(&a->busy[at + 1], &a->busy[at], (a->busy_count - at) * sizeof(a->busy[0]));
    a->busy[at] = (struct iova_range){.start = iova, .length = length};
    a->busy_count++;
    return true;
}

void iova_init(struct iova_allocator *a, uint64_t first, uint64_t limit, struct iova_range *storage,
               size_t storage_count)
{
    uint64_t rounded = align_up(first, PAGE_SIZE);

    *a = (struct iova_allocator){.first = rounded,
                                 .limit = align_down(limit, PAGE_SIZE),
                                 .busy = storage,
                                 .busy_max = storage_count};
    if (rounded < first || a->limit < rounded) /* wrapped, or nothing left */
        a->limit = a->first;
}

bool iova_alloc(struct iova_allocator *a, uint64_t length, uint64_t *iova)
{
    uint64_t size = align_up(length, PAGE_SIZE);
    unsigned order = log2_ceil(size);
    uint64_t alignment;
    uint64_t candidate;
    size_t next;

    if (size == 0 || order > 63)
        return false;

    alignment = BIT(order);
    candidate = align_up(a->first, alignment);
    next = 0;

    /* A candidate that wrapped to 0 is only inside the window when it really starts there. */
    while (inside_window(a, candidate, size)) {
        uint64_t blocked_to;

        while (next < a->busy_count && range_end(&a->busy[next]) <= candidate)
            next++;
        if (hits_msi_window(candidate, size)) {
            blocked_to = IOVA_MSI_LAST + 1;
        } else if (next < a->busy_count && a->busy[next].start <= candidate + (size - 1)) {
            blocked_to = range_end(&a->busy[next]);
        } else {
            *iova = candidate;
            return insert(a, next, candidate, size);
        }
        candidate = align_up(blocked_to, alignment);
        if (candidate < blocked_to)
            return false;
    }
    return false;
}

bool iova_alloc_at(struct iova_allocator *a, uint64_t iova, uint64_t length)
{
    uint64_t size = align_up(length, PAGE_SIZE);
    size_t next;

    if (size == 0 || !is_aligned(iova, PAGE_SIZE) || !inside_window(a, iova, size) ||
        hits_msi_window(iova, size))
        return false;

    next = first_ending_above(a, iova);

    if (next < a->busy_count && a->busy[next].start <= iova + (size - 1))
        return false;
    return insert(a, next, iova, size);
}

bool iova_free(struct iova_allocator *a, uint64_t iova)
{
    size_t at = first_ending_above(a, iova);

    if (at == a->busy_count || a->busy[at].start != iova)
        return false;
    a->busy_count--;
    memmove(&a->busy[at], &a->busy[at + 1], (a->busy_count - at) * sizeof(a->busy[0]));
    return true;
}
