/* SPDX-License-Identifier: MIT */
/*
 * One state byte per page. Pages are handed out upwards and a freed page is reused last, so that an
 * access through a stale pointer or a stale translation hits poison for as long as possible. Every
 * test starts at the bottom again: addresses repeat.
 *
 * Pages that no test has used yet are not poisoned; nothing is touched at start-up.
 */
#include "kernel/pool.h"

#include "kernel/fill.h"
#include "kernel/memory.h"

enum page_state {
    PAGE_FRESH,    /* never used */
    PAGE_POISONED, /* free, holds POISON_FREE */
    PAGE_FREED,    /* the same, but freed by the running test */
    PAGE_USED,
    PAGE_GUARD, /* holds POISON_GUARD */
};

#define NO_RUN SIZE_MAX

static struct {
    uint64_t base;
    size_t pages;
    uint8_t *state;
    size_t next;       /* where the search for the next run starts */
    size_t first, end; /* pages that may have changed state in this test */
    const char *damage;
    uint64_t damage_at;
} pool;

void pool_init(uint64_t base, size_t pages)
{
    pool.base = base;
    pool.pages = pages;
    pool.state = memory_boot_pages((pages + PAGE_SIZE - 1) / PAGE_SIZE);
    pool.first = pages;
}

static uint8_t *page_at(size_t index)
{
    return gpa_pointer(pool.base + index * PAGE_SIZE);
}

static void note_damage(const char *sentence, const void *where)
{
    if (pool.damage)
        return;
    pool.damage = sentence;
    pool.damage_at = gpa_of(where);
}

static bool expect_content(size_t index, uint8_t value, const char *sentence)
{
    const uint8_t *other = memory_find_other(page_at(index), PAGE_SIZE, value);

    if (other)
        note_damage(sentence, other);
    return !other;
}

/* First index >= from that leaves room for the guards below it and is aligned. */
static size_t aligned_index(size_t from, uint64_t align, size_t guards)
{
    uint64_t address = pool.base + (from + guards) * PAGE_SIZE;
    return ((address + align - 1) & ~(align - 1)) / PAGE_SIZE - pool.base / PAGE_SIZE;
}

static size_t find_run(size_t from, size_t pages, uint64_t align, size_t guards,
                       enum page_state worst)
{
    size_t first = aligned_index(from, align, guards);
    while (first + pages + guards <= pool.pages) {
        size_t at = first + pages + guards;
        while (at > first - guards && pool.state[at - 1] <= worst)
            at--;
        if (at == first - guards)
            return first;
        first = aligned_index(at, align, guards);
    }
    return NO_RUN;
}

static void claim(size_t index, enum page_state state)
{
    if (pool.state[index] == PAGE_POISONED)
        expect_content(index, POISON_FREE, "a page that was free before this test was written to");
    if (pool.state[index] == PAGE_FREED)
        expect_content(index, POISON_FREE, "a page was written to after it had been freed");
    pool.state[index] = (uint8_t)state;
    if (state == PAGE_GUARD)
        fill_bytes(page_at(index), POISON_GUARD, PAGE_SIZE);
}

void *pool_take(size_t pages, uint64_t align, size_t guards)
{
    size_t first;

    if (pages == 0 || pages > pool.pages || align < PAGE_SIZE || (align & (align - 1)))
        return NULL;
    first = find_run(pool.next, pages, align, guards, PAGE_POISONED);
    if (first == NO_RUN)
        first = find_run(0, pages, align, guards, PAGE_POISONED);
    if (first == NO_RUN)
        first = find_run(0, pages, align, guards, PAGE_FREED);
    if (first == NO_RUN)
        return NULL;
    for (size_t i = first - guards; i < first + pages + guards; i++)
        claim(i, i < first || i >= first + pages ? PAGE_GUARD : PAGE_USED);
    pool.next = first + pages + guards;
    if (first - guards < pool.first)
        pool.first = first - guards;
    if (pool.next > pool.end)
        pool.end = pool.next;
    return page_at(first);
}

static void release(size_t index, enum page_state expected)
{
    if (pool.state[index] != expected) {
        note_damage("pages were freed that are not allocated", page_at(index));
        return;
    }
    if (expected == PAGE_GUARD)
        expect_content(index, POISON_GUARD, "a guard page next to a buffer was written to");
    fill_bytes(page_at(index), POISON_FREE, PAGE_SIZE);
    pool.state[index] = PAGE_FREED;
}

void pool_give(void *first, size_t pages, size_t guards)
{
    uint64_t offset = gpa_of(first) - pool.base;
    size_t index = offset / PAGE_SIZE;
    if (gpa_of(first) < pool.base || offset % PAGE_SIZE || index < guards || index >= pool.pages ||
        pages + guards > pool.pages - index) {
        note_damage("memory was freed that is not from the test pool", first);
        return;
    }
    for (size_t i = index - guards; i < index + pages + guards; i++)
        release(i, i < index || i >= index + pages ? PAGE_GUARD : PAGE_USED);
}

void memory_test_begin(void)
{
    pool.damage = NULL;
    pool.next = 0;
}

static void take_back(size_t index)
{
    bool poisoned = false;

    switch ((enum page_state)pool.state[index]) {
    case PAGE_FRESH:
    case PAGE_POISONED:
        return;
    case PAGE_FREED:
        poisoned =
            expect_content(index, POISON_FREE, "a page was written to after it had been freed");
        break;
    case PAGE_GUARD:
        expect_content(index, POISON_GUARD, "a guard page next to a buffer was written to");
        break;
    case PAGE_USED:
        break;
    }
    if (!poisoned)
        fill_bytes(page_at(index), POISON_FREE, PAGE_SIZE);
    pool.state[index] = PAGE_POISONED;
}

const char *memory_test_end(uint64_t *where)
{
    for (size_t i = pool.first; i < pool.end; i++)
        take_back(i);
    pool.first = pool.pages;
    pool.end = 0;
    *where = pool.damage_at;
    return pool.damage;
}
