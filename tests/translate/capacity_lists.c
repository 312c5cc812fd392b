/* SPDX-License-Identifier: MIT */
/*
 * More pages, large pages and tables than the caches of a host hold (TR-1, TR-2, TR-5), and flushes
 * that have to drop what is left of all of them (FL-1, LS-9, LS-8). The device goes through all of
 * them with scatter lists, so that thousands cost a few exits. Each element writes a number of its
 * own to a place of its own: the number tells who was where.
 */
#include "drivers/dmaprobe.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "stress"

#define TARGETS_4K                                                                                 \
    509u /* primes: pages whose numbers differ by a power of two have different ones */
#define TARGETS_2M 3u
#define MULTIPLIER 37u /* divides no count, of which each is a multiple of its targets */
#define WORDS      (PAGE_SIZE / sizeof(uint64_t))
#define FIRST      (4 * SIZE_1G) /* above the interrupt window */

/* `count` IOVAs, one every `stride` bytes, whose entries of `level` are changed all at once. */
struct crowd {
    uint64_t stride, size; /* of the leaves */
    unsigned count, level, targets;
};

struct hall {
    struct crowd crowd;
    struct dma_engine *e;
    struct domain *d;
    struct buffer b;
    uint64_t **entry; /* of each */
    unsigned moved;   /* entry i leads where entry i + moved led first */
};

enum order { ASCENDING, DESCENDING, MIXED };

static unsigned at(const struct hall *h, enum order order, unsigned i)
{
    return order == ASCENDING    ? i
           : order == DESCENDING ? h->crowd.count - 1 - i
                                 : i * MULTIPLIER % h->crowd.count;
}

/* Several share a target, each with 8 bytes of it. */
static uint64_t offset_of(const struct hall *h, unsigned i)
{
    return i / h->crowd.targets * sizeof(uint64_t);
}

static uint64_t iova_of(const struct hall *h, unsigned i)
{
    return FIRST + i * h->crowd.stride + offset_of(h, i);
}

static uint64_t *target_of(const struct hall *h, unsigned i)
{
    unsigned target = (i + h->moved) % h->crowd.count % h->crowd.targets;

    return (uint64_t *)(void *)(h->b.data + target * h->crowd.size + offset_of(h, i));
}

static void build(struct test_run *t, struct hall *h)
{
    const struct crowd *c = &h->crowd;
    struct stage1_walk w;

    need_width(t, FIRST, c->count * c->stride);
    need_page_size(t, c->size);
    h->e = device(t);
    h->b = buffer_aligned(t, c->targets * (c->size / PAGE_SIZE), c->size);
    h->d = domain_paging_with(t, 4, c->size | PAGE_SIZE);
    h->entry = page_alloc((c->count + WORDS - 1) / WORDS, PAGE_SIZE);
    REQUIRE(h->entry, "no memory for %u addresses", c->count);
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t iova = FIRST + i * c->stride;

        REQUIRE(domain_map(h->d, iova, gpa_of(h->b.data) + i % c->targets * c->size, c->size, RW) ==
                        STAGE1_OK &&
                    stage1_walk(&h->d->table, iova, &w) == STAGE1_OK && w.page_size == c->size,
                "mapping place %u in our own tables", i);
        h->entry[i] = w.entry[c->level];
    }
    STEP("map %llu places, one every 0x%llx bytes, to %llu targets by leaves of 0x%llx bytes",
         c->count, c->stride, c->targets, c->size);
    attach(t, h->d, h->e);
}

/* A list for some of them, which the device carries out in one go. */
static void one_list(struct test_run *t, struct hall *h, enum order order, unsigned first,
                     unsigned count)
{
    struct dmaprobe_element *list = dmaprobe_scatter(h->e);
    uint64_t *numbers = (uint64_t *)(void *)dmaprobe_buffer(h->e);
    struct dmaprobe_request r = {
        .operation = DMAPROBE_WRITE, .flags = DMAPROBE_SCATTERED, .elements = count};

    for (unsigned i = 0; i < count; i++) {
        unsigned place = at(h, order, first + i);

        list[i] = (struct dmaprobe_element){.iova = iova_of(h, place), .length = sizeof(uint64_t)};
        numbers[i] = place;
    }
    dmaprobe_start(h->e, 0, &r);
    CHECK(r.status == DMAPROBE_OK,
          "number %llu of %u mapped IOVAs in use: DMA to 0x%llx is refused",
          (unsigned long long)(first + r.moved / sizeof(uint64_t)), h->crowd.count,
          (unsigned long long)r.fault_iova);
}

/* All are used, and every number is at its place. */
static void use(struct test_run *t, struct hall *h, enum order order, const char *what)
{
    unsigned count = h->crowd.count;

    STEP("the device writes to each of the %llu IOVAs: %s", count, what);
    for (unsigned done = 0; done < count; done += DMAPROBE_SCATTER_LENGTH)
        one_list(t, h, order, done,
                 count - done < DMAPROBE_SCATTER_LENGTH ? count - done : DMAPROBE_SCATTER_LENGTH);
    for (unsigned i = 0; i < count; i++) {
        uint64_t *target = target_of(h, i);

        CHECK(*target == i,
              "%s: the write to IOVA 0x%llx, one of %u, is not at GPA 0x%llx but number %llu is",
              what, (unsigned long long)iova_of(h, i), count, (unsigned long long)gpa_of(target),
              (unsigned long long)*target);
        memset(target, POISON_FRESH, sizeof(*target));
    }
}

/* Each entry takes the value of the next one. */
static void move(struct test_run *t, struct hall *h)
{
    uint64_t first = *h->entry[0];

    STEP("each of the %llu entries of level %llu takes the value of the next one, no flush",
         h->crowd.count, h->crowd.level);
    for (unsigned i = 0; i + 1 < h->crowd.count; i++)
        *h->entry[i] = *h->entry[i + 1];
    *h->entry[h->crowd.count - 1] = first;
    h->moved++;
}

static const struct crowd crowds[] = {
    {.stride = PAGE_SIZE, .size = PAGE_SIZE, .count = 4267, .targets = TARGETS_4K},
    {.stride = SIZE_2M, .size = PAGE_SIZE, .count = 4267, .level = 1, .targets = TARGETS_4K},
    {.stride = SIZE_1G, .size = PAGE_SIZE, .count = 1255, .level = 2, .targets = TARGETS_4K},
    {.stride = SIZE_2M, .size = SIZE_2M, .count = 4200, .level = 1, .targets = TARGETS_2M},
};

#define CROWDS(ROW, test)                                                                          \
    ROW(test, pages, 0, WORD(crowd, "4,267 pages") COVERS("TR-1") DEVICES(PROBE))                  \
    ROW(test, tables, 1, WORD(crowd, "4,267 leaf tables") COVERS("TR-2 LS-8") DEVICES(dmaprobe))   \
    ROW(test, upper_tables, 2,                                                                     \
        WORD(crowd, "1,255 tables of level 2") COVERS("TR-2 LS-8") DEVICES(dmaprobe))              \
    ROW(test, large_pages, 3, WORD(crowd, "4,200 large pages") COVERS("TR-5") DEVICES(dmaprobe))

VARIANTS(const unsigned, crowd_rows, CROWDS);

EACH_TEST(CROWDS, beyond_capacity,
          PROMISE("Each of {crowd} of one domain leads to its target, and after a flush to its new "
                  "one")
          COVERS("FL-1 LS-9") LEVEL(stress) KINDS("dma flush")
          STEPS("{crowd} are used one after the other and backwards, with scatter lists: many more "
                "than caches hold. Then each entry takes the value of the next one, the domain is "
                "flushed, and all are used in another order. The same with one list element around "
                "all of them.")
          EXPECTS("Every write is at its place, before and after each flush.")
          IF_IT_FAILS("In a full cache a new entry keeps the tag or the target of the one that it "
                      "replaces, or the flush stops after so many entries."))
{
    struct hall h = {.crowd = crowds[VARIANT(crowd_rows)]};

    build(t, &h);
    use(t, &h, ASCENDING, "mapped");
    use(t, &h, DESCENDING, "mapped, the second time");
    move(t, &h);
    flush(t, h.d);
    use(t, &h, MIXED, "changed, and the domain flushed");
    move(t, &h);
    flush_by_cover(t, h.d, FIRST, h.crowd.count * h.crowd.stride);
    use(t, &h, MIXED, "changed again, and a block around all flushed");
    expect_untouched(t, &h.b, "targets of other IOVAs");
}
