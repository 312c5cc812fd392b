/* SPDX-License-Identifier: MIT */
/*
 * Flushes that miss: another domain, another page, a part of what was changed. Translations that
 * they do not name may stay or go (FL-4, LS-9), so until the right flush a DMA lands as a whole in
 * the old page or in the new one; after it only in the new one.
 */
#include "lib/string.h"
#include "tests/flush/matrix.h"

#define TEST_GROUP MATRIX_GROUP
#define LENGTH     64u
#define PAGES      4u

/* A domain whose page i leads to old, and by a change without a flush to new. */
struct missed {
    struct dma_engine *engine;
    struct domain *domain;
    struct buffer old, new;
};

static struct missed missed(struct test_run *t, struct dma_engine *e)
{
    struct missed m = {
        .engine = e, .domain = domain_paging(t), .old = buffer(t, PAGES), .new = buffer(t, PAGES)};

    map(t, m.domain, MATRIX_IOVA, &m.old, RW);
    attach(t, m.domain, e);
    for (unsigned i = 0; i < PAGES; i++) {
        expect_write(t, e, MATRIX_IOVA + i * PAGE_SIZE, &m.old, i * PAGE_SIZE, LENGTH,
                     "before the change");
    }
    return m;
}

static void change(struct test_run *t, struct missed *m)
{
    for (unsigned i = 0; i < PAGES; i++)
        retarget(t, m->domain, MATRIX_IOVA + i * PAGE_SIZE, gpa_of(m->new.data) + i * PAGE_SIZE);
}

/* True: the old page was used. */
static bool old_or_new(struct test_run *t, struct missed *m, unsigned page, const char *what)
{
    size_t offset = page * PAGE_SIZE;
    bool in_old = may_write(t, m->engine, MATRIX_IOVA + offset, &m->old, offset, LENGTH, what);

    if (!in_old) {
        CHECK(!memory_find_other(m->new.data + offset, LENGTH, m->engine->ops->fill_value),
              "%s: the DMA is neither in the old nor in the new page", what);
        memset(m->new.data + offset, POISON_FRESH, LENGTH);
    }
    expect_untouched(t, &m->new, what);
    return in_old;
}

static void expect_new(struct test_run *t, struct missed *m, unsigned page, const char *what)
{
    expect_write(t, m->engine, MATRIX_IOVA + page * PAGE_SIZE, &m->new, page * PAGE_SIZE, LENGTH,
                 what);
    expect_untouched(t, &m->old, what);
}

OBSERVATION(other_domain_flushed,
            PROMISE("Flushing another domain: what was changed may stay or go, and the right flush "
                    "still takes effect")
            COVERS("FL-4 FL-5 FL-1") DEVICES(ALL) KINDS("dma flush")
            STEPS("Two domains map the same IOVAs, each with a device. The guest points the leaves "
                  "of the first at other pages, and flushes the second, in two ways; then it "
                  "flushes the first.")
            EXPECTS("In between, DMA of the first device goes to the old or the new page, whole. "
                    "After the right flush only to the new one. The second device reaches its own "
                    "page all the time.")
            IF_IT_FAILS("The host takes one domain for another in a flush, or breaks translations "
                        "of a domain that was not changed."))
{
    struct missed x = missed(t, device_n(t, 0)), y = missed(t, device_n(t, 1));
    unsigned stale = 0;

    change(t, &x);
    flush(t, y.domain);
    flush_list(t, y.domain, MATRIX_IOVA, PAGES * PAGE_SIZE);
    for (unsigned i = 0; i < PAGES; i++) {
        stale += old_or_new(t, &x, i, "the other domain was flushed");
        expect_write(t, y.engine, MATRIX_IOVA + i * PAGE_SIZE, &y.old, i * PAGE_SIZE, LENGTH,
                     "the domain that was flushed");
    }
    flush(t, x.domain);
    for (unsigned i = 0; i < PAGES; i++)
        expect_new(t, &x, i, "the right domain was flushed");
    OBSERVE("%u of %u old translations outlived the flush of another domain", stale, PAGES);
}

OBSERVATION(other_pages_flushed,
            PROMISE("Flushing other pages or a part of them: what was not named may stay or go "
                    "until it is flushed itself")
            COVERS("FL-4 FL-5 LS-9") DEVICES(ALL) KINDS("dma flush")
            STEPS("The guest points four leaves at other pages. It flushes pages before them, "
                  "after them and 2 MiB away; then the second and third of them; then the rest.")
            EXPECTS("Flushed pages lead to the new page at once. All others lead to the old or the "
                    "new page, whole, until they are flushed themselves.")
            IF_IT_FAILS("An element of a list flush is shifted, or loses its first or its last "
                        "page."))
{
    struct missed m = missed(t, device(t));
    unsigned stale = 0;

    change(t, &m);
    flush_block(t, m.domain, (MATRIX_IOVA >> 12) - 1, 0);
    flush_block(t, m.domain, (MATRIX_IOVA >> 12) + PAGES, 2);
    flush_block(t, m.domain, (MATRIX_IOVA + SIZE_2M) >> 12, 9);
    for (unsigned i = 0; i < PAGES; i++)
        stale += old_or_new(t, &m, i, "other pages were flushed");
    flush_list(t, m.domain, MATRIX_IOVA + PAGE_SIZE, 2 * PAGE_SIZE);
    expect_new(t, &m, 1, "a page that was flushed");
    expect_new(t, &m, 2, "a page that was flushed");
    (void)old_or_new(t, &m, 0, "the neighbor before");
    (void)old_or_new(t, &m, 3, "the neighbor after");
    flush_list(t, m.domain, MATRIX_IOVA, PAGES * PAGE_SIZE);
    expect_new(t, &m, 0, "the neighbor before, flushed");
    expect_new(t, &m, 3, "the neighbor after, flushed");
    OBSERVE("%u of %u old translations outlived the flush of other pages", stale, PAGES);
}
