/* SPDX-License-Identifier: MIT */
/*
 * The matrix with DMA under way (FL-6). matrix.c looks at what a host has cached. This file looks
 * at what it has translated and not carried out yet: a request with its physical address, which no
 * invalidation of a cache can change. A flush has to wait until such requests have landed, or to
 * drop them.
 *
 * The device repeats one write without end. It makes one pass at each exit to the host, and the
 * next pass is translated at that time, so a translated request is in flight whenever the guest
 * makes a call. The flush is such a call. The sequence is: let the device settle, change the
 * tables, flush, wipe the old page and reuse the old tables, let the device settle again, look. A
 * pass that was translated before the flush and lands after it writes the wiped page. The wipe has
 * to come directly after the flush: a write that lands during the call is allowed, and must not be
 * taken for one that came later.
 *
 * Two things could hide the defect. A device that happens to rest during the call would prove
 * nothing: the test first checks that the DMA reaches its page before the change, and the emulated
 * device has a request in flight at every exit. A pass that lands before the wipe is legal and is
 * removed by it; DMA_SETTLE_EXITS exits afterwards are enough for a pass that was translated before
 * the flush to land, and for one that was translated after it to show the new page.
 *
 * All seven changes run by each way to flush. The list of 508 elements runs for the first change
 * only, since it takes long and does not depend on the change.
 */
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/flush/matrix.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP MATRIX_GROUP
#define SLOT       1u
#define LENGTH     64u

static const struct {
    const char *name;
    const struct matrix_change *change;
} changes[] = {
    {"unmapped", &matrix_unmapped},
    {"made read-only", &matrix_downgraded},
    {"retargeted", &matrix_retargeted},
    {"table replaced", &matrix_table_replaced},
    {"domain emptied", &matrix_emptied},
    {"2 MiB leaf split", &matrix_split},
    {"merged into a 2 MiB leaf", &matrix_merged},
};

/* The first probe of a scene is the page that changes. */
static void one_under_fire(struct matrix_scene *s, const struct matrix_change *change,
                           const char *name, const struct matrix_way *way)
{
    struct test_run *t = s->t;
    uint8_t value = s->engine->ops->fill_value, *before, *after;

    matrix_build(s, change);
    before = s->probe[0].before;
    after = s->probe[0].after;
    continuous_dma_start(t, s->engine, SLOT, s->probe[0].iova, LENGTH, value);
    continuous_dma_pass(s->engine, DMA_SETTLE_EXITS);
    CHECK(!memory_find_other(before, LENGTH, value),
          "%s: the DMA does not reach its page before the change", name);
    change->change(s);
    way->flush(t, s->domain, s->first, s->length);
    memset(before, POISON_FRESH, LENGTH); /* the page has another owner now */
    matrix_reuse_orphans(s);
    continuous_dma_pass(s->engine, DMA_SETTLE_EXITS);
    CHECK(!memory_find_other(before, LENGTH, POISON_FRESH),
          "%s, %s: the old page was written after the flush", name, way->name);
    CHECK(!after || !memory_find_other(after, LENGTH, value), "%s, %s: the new page is not reached",
          name, way->name);
    (void)continuous_dma_stop(t, s->engine, SLOT);
    if (after)
        memset(after, POISON_FRESH, LENGTH);
    expect_untouched(t, &s->small, name);
}

static void under_fire(struct test_run *t, unsigned first_way, unsigned last_way)
{
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        const struct matrix_change *change = changes[i].change;
        struct matrix_scene s;

        if (change->large && !has_page_size(t, SIZE_2M))
            continue;
        matrix_begin(&s, t, change);
        for (unsigned way = first_way; way <= last_way; way++) {
            if (way == MATRIX_LAST_OF_508 && i != 0) {
                continue; /* 508 invalidations take long, and the list is the same for all changes
                           */
            }
            one_under_fire(&s, change, changes[i].name, &matrix_ways[way]);
        }
        matrix_end(&s);
    }
}

TEST(under_fire_domain,
     PROMISE("Continuous DMA misses the old page from the return of FLUSH_DEVICE_DOMAIN on, "
             "whatever was changed")
     COVERS("FL-6 FL-1 FL-2 FL-10") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device writes to a page over and over. For each of the seven changes of the matrix: "
           "the guest changes its tables, flushes with FLUSH_DEVICE_DOMAIN, takes the old page "
           "back at once, and overwrites tables that became free.")
     EXPECTS("The old page is not written any more, the new one is, and no DMA goes through tables "
             "that are free.")
     IF_IT_FAILS("The flush returns while DMA that was translated before is still on its way: look "
                 "at how the host waits for requests in flight."))
{
    under_fire(t, MATRIX_DOMAIN, MATRIX_DOMAIN);
}

TEST(under_fire_list,
     PROMISE("Continuous DMA misses the old page from the return of a list flush on, whatever was "
             "changed")
     COVERS("FL-6 LS-1 LS-2 LS-8 FL-10") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device writes to a page over and over. For each of the seven changes of the matrix "
           "and each kind of list (exact, one covering block, everything; for the first change "
           "also the last of 508): the guest changes its tables, flushes, takes the old page back "
           "at once, and overwrites tables that became free.")
     EXPECTS("The old page is not written any more, the new one is, and no DMA goes through tables "
             "that are free.")
     IF_IT_FAILS("The list flush returns while DMA that was translated before is still on its way: "
                 "look at whether the host waits for requests in flight after the last element, "
                 "too."))
{
    under_fire(t, MATRIX_EXACT, MATRIX_WAYS - 1);
}
