/* SPDX-License-Identifier: MIT */
/*
 * Requests that were translated before the flush and are carried out after it (FL-6), among many
 * others. A host finds what it has to wait for in a list of its own, or by a number that tells what
 * began before the flush. The list breaks when requests end in an order that its author did not
 * think of, which shows once another one has begun; the number comes around.
 *
 * Between the request that is judged and the flush others begin and end, of the same device and of
 * another one. Then the guest takes the pages back, fills them with what their next owner keeps
 * there, and lets all go that is still held.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/flush/matrix.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP MATRIX_GROUP

#define FIRST_SLOT 1u
#define LENGTH     64u
#define HOLDERS    2u
#define SECRET     0x3Cu /* what the page's next owner keeps there */

/* The device of the test, and another one that holds requests if there is one. */
static unsigned holders(struct test_run *t, struct dma_engine *e[HOLDERS])
{
    struct dma_engine *all[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, all, 1);

    e[0] = e[1] = device(t);
    for (unsigned i = 0; i < count; i++) {
        if (all[i] == e[0] || !dmaprobe_is(all[i]))
            continue;
        e[1] = all[i];
        return HOLDERS;
    }
    return 1;
}

static void hold(struct test_run *t, struct dma_engine *e, unsigned slot, uint64_t iova)
{
    continuous_dma_hold(t, e, slot,
                        (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                  .iova = iova,
                                                  .length = LENGTH,
                                                  .operand = (uint8_t)~SECRET});
}

/* --- orders --- */
enum release { BY_DOMAIN, BY_LIST, BY_ATTACH, BY_DETACH, RELEASES };
static const char *const release_names[RELEASES] = {"a flush of the domain", "a list for all of it",
                                                    "ATTACH to a blocking domain", "DETACH"};

enum place { NEWEST, MIDDLE, OLDEST, NEWEST_AND_OLDEST, ORDERS };
static const char *const order_names[ORDERS] = {"the newest", "one between", "the oldest",
                                                "the newest and the oldest"};

#define MOST    6u /* held before one ends */
#define FURTHER 2u

struct crowd {
    struct dma_engine *e[HOLDERS];
    unsigned devices;
    struct domain *d, *blocked;
    struct buffer b; /* a page for each request */
};

/* Of the request with that number, when requests are spread over so many devices. */
static struct dma_engine *holder_of(const struct crowd *c, unsigned number, unsigned spread)
{
    return c->e[number % spread];
}

static void release(struct test_run *t, const struct crowd *c, enum release by)
{
    unmap(t, c->d, MATRIX_IOVA, c->b.size);
    if (by == BY_DOMAIN)
        flush(t, c->d);
    if (by == BY_LIST)
        flush_list(t, c->d, MATRIX_IOVA, c->b.size);
    for (unsigned i = 0; i < c->devices; i++) {
        if (by == BY_ATTACH)
            attach(t, c->blocked, c->e[i]);
        if (by == BY_DETACH)
            CHECK_SUCCESS(iommu_detach(c->e[i]->device_id), "DETACH of an attached device");
    }
}

static void order(struct test_run *t, const struct crowd *c, unsigned held, enum place ends,
                  unsigned spread, enum release by)
{
    const unsigned all = held + 1 + held % FURTHER;
    bool ended[MOST + FURTHER] = {false};

    ended[0] = ends == OLDEST || ends == NEWEST_AND_OLDEST;
    ended[held - 1] |= ends == NEWEST || ends == NEWEST_AND_OLDEST;
    ended[(held - 1) / 2] |= ends == MIDDLE;
    for (unsigned i = 0; i < c->devices; i++)
        attach(t, c->d, c->e[i]);
    map(t, c->d, MATRIX_IOVA, &c->b, RW);
    for (unsigned n = 0; n < held; n++)
        hold(t, holder_of(c, n, spread), FIRST_SLOT + n, MATRIX_IOVA + n * PAGE_SIZE);
    for (unsigned n = held; n-- > 0;)
        if (ended[n])
            (void)continuous_dma_release(t, holder_of(c, n, spread), FIRST_SLOT + n);
    for (unsigned n = held; n < all; n++)
        hold(t, holder_of(c, n, spread), FIRST_SLOT + n, MATRIX_IOVA + n * PAGE_SIZE);
    release(t, c, by);
    memset(c->b.data, SECRET, c->b.size);
    for (unsigned n = 0; n < all; n++)
        if (!ended[n])
            (void)continuous_dma_release(t, holder_of(c, n, spread), FIRST_SLOT + n);
    CHECK(!memory_find_other(c->b.data, c->b.size, SECRET),
          "a page was written after %s; of %u requests of %u devices %s had ended, and another one "
          "had begun",
          release_names[by], held, spread, order_names[ends]);
}

TEST(held_while_others_begin,
     PROMISE("A flush, ATTACH or DETACH waits for each request that its devices have under way, "
             "also after others have ended in any order and further ones have begun")
     COVERS("FL-6 ATT-4 DET-4") DEVICES(PROBE) KINDS("dma flush device")
     STEPS("The device, or it and a second one in turn, holds two to six requests at a page each, "
           "all translated. The newest ends, one between, the oldest, or the newest and the "
           "oldest. One or two further requests begin and are held. The guest unmaps the pages and "
           "releases them by a flush of the domain, a list, ATTACH to a blocking domain or DETACH. "
           "A next owner writes to the pages, and all requests end.")
     EXPECTS("The pages hold what their next owner wrote.")
     IF_IT_FAILS("The host keeps requests under way in a list or a table, and the one that begins "
                 "after another has ended takes requests out of it that are still under way."))
{
    struct crowd c = {.blocked = domain_blocked(t), .d = domain_paging(t)};
    unsigned n = 0;

    c.devices = holders(t, c.e);
    c.b = buffer(t, MOST + FURTHER);
    for (unsigned held = 2; held <= MOST; held++) {
        for (unsigned spread = 1; spread <= c.devices; spread++) {
            for (enum place ends = 0; ends < ORDERS; ends++, n++) {
                /* Each order by two of the four ways, which change from one number to the next. */
                order(t, &c, held, ends, spread, (n + n / ORDERS) % RELEASES);
                order(t, &c, held, ends, spread, (n + n / ORDERS + 1) % RELEASES);
            }
        }
    }
    buffer_refresh(&c.b);
}

/* --- numbers --- */
#define PORTIONS 8u /* of all numbers */
#define HELD     7u /* one in each portion but the last */
#define LATER    (PORTIONS / 2)

/* `count` other requests of a device, each of a byte, begin and end. */
static void others(struct test_run *t, struct dma_engine *e, unsigned count, uint64_t iova)
{
    while (count > 0) {
        unsigned elements =
            count < DMAPROBE_SCATTER_LENGTH ? count : (unsigned)DMAPROBE_SCATTER_LENGTH;
        struct dmaprobe_request request = {.operation = DMAPROBE_FILL,
                                           .flags = DMAPROBE_SCATTERED | DMAPROBE_EACH,
                                           .elements = elements,
                                           .operand = POISON_FRESH};

        for (unsigned i = 0; i < elements; i++)
            dmaprobe_scatter(e)[i] = (struct dmaprobe_element){.iova = iova, .length = 1};
        dmaprobe_start(e, 0, &request);
        REQUIRE(request.state == DMAPROBE_FINISHED && request.status == DMAPROBE_OK,
                "other requests of device 0x%llx: status %u", (unsigned long long)e->device_id,
                request.status);
        count -= elements;
    }
}

struct queue {
    struct dma_engine *e;
    struct domain *d;
    struct buffer b; /* a page for each request, and one for all others */
};

static void take_back(struct test_run *t, struct queue *q, unsigned numbers, const char *whose)
{
    unmap(t, q->d, MATRIX_IOVA, HELD * PAGE_SIZE);
    flush(t, q->d);
    memset(q->b.data, SECRET, HELD * PAGE_SIZE);
    for (unsigned n = 0; n < HELD; n++)
        (void)continuous_dma_release(t, q->e, FIRST_SLOT + n);
    CHECK(!memory_find_other(q->b.data, HELD * PAGE_SIZE, SECRET),
          "a page was written after the flush, and %u requests of %s lay between", numbers, whose);
    buffer_refresh(&q->b);
}

static void come_around(struct test_run *t, struct queue queue[HOLDERS], unsigned devices,
                        unsigned numbers, unsigned busy)
{
    const char *whose = busy == 0 ? "the device" : "another device";

    for (unsigned i = 0; i < devices; i++)
        map(t, queue[i].d, MATRIX_IOVA, &queue[i].b, RW);
    for (unsigned n = 0; n < PORTIONS + LATER; n++) {
        if (n < HELD)
            hold(t, queue[0].e, FIRST_SLOT + n, MATRIX_IOVA + n * PAGE_SIZE);
        if (n >= LATER && n < LATER + HELD && devices > 1)
            hold(t, queue[1].e, FIRST_SLOT + n - LATER, MATRIX_IOVA + (n - LATER) * PAGE_SIZE);
        others(t, queue[busy].e, numbers / PORTIONS, MATRIX_IOVA + HELD * PAGE_SIZE);
        if (n + 1 == PORTIONS)
            take_back(t, &queue[0], numbers, whose);
    }
    if (devices > 1)
        take_back(t, &queue[1], numbers, whose);
    for (unsigned i = 0; i < devices; i++) {
        unmap(t, queue[i].d, MATRIX_IOVA + HELD * PAGE_SIZE, PAGE_SIZE);
        flush(t, queue[i].d);
    }
}

#define NUMBERS(ROW, test)                                                                         \
    ROW(test, 256, 0x100u, WORD(number, "256"))                                                    \
    ROW(test, 65536, 0x10000u, WORD(number, "65,536") TIER(stress))

VARIANTS(const unsigned, numbers, NUMBERS);

TEST_EACH(held_while_numbers_come_around, NUMBERS,
          PROMISE("A flush waits for each request that was under way before it, also when {number} "
                  "others have begun and ended since")
          COVERS("FL-6") DEVICES(PROBE) KINDS("dma flush device")
          STEPS("The device holds seven requests at a page each; after each, one eighth of "
                "{number} other requests begin and end. After {number} of them the guest unmaps "
                "the pages and flushes the domain, a next owner writes to them, and the requests "
                "end. A second device in another domain does the same half of {number} later. "
                "The others are those of the first device, and then those of the second.")
          EXPECTS("The pages hold what their next owner wrote.")
          IF_IT_FAILS("The host tells requests that are older than the flush by a number of too "
                      "few bits, or notes as many of the last ones as it has room for, whether "
                      "they have ended or not."))
{
    struct dma_engine *e[HOLDERS];
    struct queue queue[HOLDERS];
    unsigned devices = holders(t, e);

    for (unsigned i = 0; i < devices; i++) {
        queue[i] = (struct queue){.e = e[i], .d = domain_paging(t), .b = buffer(t, HELD + 1)};
        attach(t, queue[i].d, e[i]);
    }
    for (unsigned busy = 0; busy < devices; busy++)
        come_around(t, queue, devices, VARIANT(numbers), busy);
}
