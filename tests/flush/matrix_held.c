/* SPDX-License-Identifier: MIT */
/*
 * Requests that were translated before the flush and are carried out after it (FL-6). The emulated
 * device can hold a request: it translates now and touches memory when the test releases it. This
 * makes the window between translation and access as long as the test likes, where
 * matrix_under_load.c depends on the timing of exits.
 *
 * The sequence is: the device translates a request and holds it, the guest unmaps the page,
 * flushes, and fills the page with a byte that its next owner would keep there; then the test
 * releases the request. A write must not change that byte. A read must not return it: a host that
 * waits for writes alone leaks the data of the next owner, and no byte of memory shows that, only
 * the buffer of the device. A host may wait for a held request in the flush by letting it finish
 * early; then the access lands before the flush returns, which the fill after the flush tells from
 * one that lands later.
 *
 * Three dimensions could hide a defect, so each is gone through: the operation (write, read and
 * others take different paths in the host), the number of requests (a host that waits for the
 * oldest request of a device may forget the other fourteen), and the piece of a list (the first of
 * four pieces is translated and under way when the flush comes, and the later ones must find the
 * new tables).
 */
#include "lib/bits.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/flush/matrix.h"
#include "tests/harness/continuous_dma.h"
#include "tests/harness/leaf.h"

#define TEST_GROUP MATRIX_GROUP
#define FIRST_SLOT 1u
#define LENGTH     64u
#define SECRET     0x3Cu /* what the page's next owner keeps there */

static struct domain *domain_with(struct test_run *t, struct dma_engine *e, const struct buffer *b)
{
    struct domain *d = domain_paging(t);

    map(t, d, MATRIX_IOVA, b, RW);
    attach(t, d, e);
    return d;
}

static void take_back(struct test_run *t, struct domain *d, struct buffer *b,
                      enum matrix_way_number way)
{
    unmap(t, d, MATRIX_IOVA, b->size);
    matrix_ways[way].flush(t, d, MATRIX_IOVA, b->size);
    memset(b->data, SECRET, b->size);
}

static void operation_under_way(struct test_run *t, enum dmaprobe_operation operation,
                                enum matrix_way_number way)
{
    bool atomic = operation >= DMAPROBE_ADD;
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_with(t, e, &b);
    uint8_t *bytes = dmaprobe_buffer(e);

    memset(bytes, (uint8_t)~SECRET, LENGTH);
    continuous_dma_hold(t, e, FIRST_SLOT,
                        (struct dmaprobe_request){.operation = operation,
                                                  .iova = MATRIX_IOVA,
                                                  .length = atomic ? sizeof(uint64_t) : LENGTH,
                                                  .operand = (uint8_t)~SECRET});
    take_back(t, d, &b, way);
    (void)continuous_dma_release(t, e, FIRST_SLOT);
    CHECK(!memory_find_other(b.data, b.size, SECRET),
          "operation %u, %s: the page was written after the flush", operation,
          matrix_ways[way].name);
    for (unsigned i = 0; i < LENGTH; i++) {
        CHECK(bytes[i] != SECRET,
              "operation %u, %s: byte %u of the page's next owner was seen by the device",
              operation, matrix_ways[way].name, i);
    }
    buffer_refresh(&b);
}

TEST(held_operations,
     PROMISE("Neither a read nor a write nor an atomic that was under way reaches a page after the "
             "flush that released it")
     COVERS("FL-6") DEVICES(PROBE) KINDS("dma flush")
     STEPS("For each operation of the device (read, write, fill, add, swap) and each way to flush: "
           "the device starts it and holds it after the translation. The guest unmaps the page, "
           "flushes, and lets a next owner write to it; then the device carries it out.")
     EXPECTS("The page holds what its next owner wrote, and the device has seen none of it.")
     IF_IT_FAILS("The flush does not wait for all kinds of DMA under way. Waiting for writes alone "
                 "lets a read disclose the next owner's data."))
{
    static const enum dmaprobe_operation operations[] = {
        DMAPROBE_READ, DMAPROBE_WRITE, DMAPROBE_FILL, DMAPROBE_ADD, DMAPROBE_SWAP};

    for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
        operation_under_way(t, operations[i], MATRIX_DOMAIN);
        operation_under_way(t, operations[i], MATRIX_EXACT + i % (MATRIX_WAYS - MATRIX_EXACT));
    }
}

TEST(held_in_every_slot,
     PROMISE("A flush waits for all requests that a device has under way, not for the first of "
             "them")
     COVERS("FL-6") DEVICES(PROBE) KINDS("dma flush")
     STEPS("The device holds fifteen requests at fifteen pages of one domain, all translated. The "
           "guest unmaps all pages, flushes once, and reuses the pages; the device carries out its "
           "requests, the youngest first.")
     EXPECTS("None of the pages is written.")
     IF_IT_FAILS("The flush waits for some of a device's requests only, such as the oldest."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, DMAPROBE_SLOTS - FIRST_SLOT);
    struct domain *d = domain_with(t, e, &b);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned slot = FIRST_SLOT; slot < DMAPROBE_SLOTS; slot++) {
            continuous_dma_hold(
                t, e, slot,
                (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                          .iova = MATRIX_IOVA + (slot - FIRST_SLOT) * PAGE_SIZE,
                                          .length = LENGTH,
                                          .operand = (uint8_t)~SECRET});
        }
        take_back(t, d, &b, round ? MATRIX_BLOCK : MATRIX_DOMAIN);
        for (unsigned slot = DMAPROBE_SLOTS; slot-- > FIRST_SLOT;)
            (void)continuous_dma_release(t, e, slot);
        CHECK(!memory_find_other(b.data, b.size, SECRET), "%s flush: a page was written after it",
              round ? "list" : "domain");
        map(t, d, MATRIX_IOVA, &b, RW);
    }
    buffer_refresh(&b);
}

TEST(held_list_of_pieces,
     PROMISE("Of a list of pieces neither the one under way nor those to come reach a page after "
             "its flush")
     COVERS("FL-6 FL-1") DEVICES(PROBE) KINDS("dma flush")
     STEPS("The device starts a list of four pieces in four pages and holds it: the first piece is "
           "translated, the others are not. The guest unmaps the first three pages, flushes, and "
           "reuses them; the device carries out the list.")
     EXPECTS("None of the three pages is written, neither by the piece under way nor by those "
             "after it.")
     IF_IT_FAILS("A host that translates a whole list at its start must wait for all of it in a "
                 "flush."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 4);
    struct domain *d = domain_with(t, e, &b);
    struct dmaprobe_element *list = dmaprobe_scatter(e);

    for (unsigned i = 0; i < 4; i++)
        list[i] = (struct dmaprobe_element){.iova = MATRIX_IOVA + i * PAGE_SIZE, .length = LENGTH};
    continuous_dma_hold(t, e, FIRST_SLOT,
                        (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                                  .flags = DMAPROBE_SCATTERED,
                                                  .elements = 4,
                                                  .operand = e->ops->fill_value});
    unmap(t, d, MATRIX_IOVA, 3 * PAGE_SIZE);
    flush_list(t, d, MATRIX_IOVA, 3 * PAGE_SIZE);
    buffer_refresh(&b);
    (void)continuous_dma_release(t, e, FIRST_SLOT);
    expect_untouched(t, &b, "pages reused after the flush");
}

enum release { BY_DOMAIN, BY_LIST, BY_FIRST_PAGE, BY_LAST_PAGE, BY_ATTACH, BY_DETACH, RELEASES };
static const char *const release_names[RELEASES] = {
    "a flush of the domain",    "a list for all of it",        "a list for its first page",
    "a list for its last page", "ATTACH to a blocking domain", "DETACH"};

static void release_leaf(struct test_run *t, struct domain *d, const struct leaf *l,
                         struct dma_engine *e, struct domain *blocked, enum release by)
{
    switch (by) {
    case BY_DOMAIN:
        flush(t, d);
        break;
    case BY_LIST:
        flush_list(t, d, l->iova, l->size);
        break;
    case BY_FIRST_PAGE:
    case BY_LAST_PAGE:
        flush_block(t, d, (l->iova + (by == BY_LAST_PAGE ? l->size - 1 : 0)) >> 12, 0);
        break;
    case BY_ATTACH:
        attach(t, blocked, e);
        break;
    default:
        CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH of an attached device");
        break;
    }
}

#define LARGE_LEAVES(ROW, test)                                                                    \
    ROW(test, 2m, SIZE_2M, WORD(size, "2 MiB"))                                                    \
    ROW(test, 1g, SIZE_1G, WORD(size, "1 GiB"))

VARIANTS(const uint64_t, large_leaves, LARGE_LEAVES);

TEST_EACH(held_in_leaf_of, LARGE_LEAVES,
          PROMISE("DMA that was under way in a {size} leaf does not reach it after the flush, "
                  "ATTACH or DETACH that released it")
          COVERS("FL-6 LS-10 ATT-5 ATT-4 DET-4") DEVICES(PROBE) KINDS("dma flush")
          STEPS("The device starts a read and a write near both ends of a leaf of {size}, and "
                "holds them after the translation. The guest removes the leaf and releases it by "
                "one of six: a flush of the domain, a list for all of it, for its first or its "
                "last page, ATTACH to a blocking domain, DETACH. A next owner writes to both "
                "places; then the device carries its requests out.")
          EXPECTS("Both places hold what their next owner wrote, and the device has seen none of "
                  "it.")
          IF_IT_FAILS("The host looks for requests under way by small pages, or waits for those "
                      "in the flushed part of a large page only."))
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, SIZE_1G, VARIANT(large_leaves));
    struct domain *d = domain_paging(t), *blocked = domain_blocked(t);
    const uint64_t offset[] = {3 * PAGE_SIZE, l.size - LENGTH};
    uint8_t *bytes = dmaprobe_buffer(e);

    for (enum release by = BY_DOMAIN; by < RELEASES; by++) {
        attach(t, d, e);
        leaf_map(t, d, &l, RW);
        memset(bytes, (uint8_t)~SECRET, LENGTH);
        for (unsigned i = 0; i < 2; i++)
            continuous_dma_hold(
                t, e, FIRST_SLOT + i,
                (struct dmaprobe_request){.operation = i == by % 2 ? DMAPROBE_READ : DMAPROBE_FILL,
                                          .iova = l.iova + offset[i],
                                          .length = LENGTH,
                                          .operand = (uint8_t)~SECRET});
        unmap(t, d, l.iova, l.size);
        release_leaf(t, d, &l, e, blocked, by);
        for (unsigned i = 0; i < 2; i++)
            memset(gpa_pointer(l.gpa + offset[i]), SECRET, LENGTH);
        for (unsigned i = 0; i < 2; i++) {
            uint8_t *at = gpa_pointer(l.gpa + offset[i]);

            (void)continuous_dma_release(t, e, FIRST_SLOT + i);
            CHECK(!memory_find_other(at, LENGTH, SECRET), "the leaf was written after %s",
                  release_names[by]);
            memset(at, POISON_FRESH, LENGTH);
        }
        for (unsigned i = 0; i < LENGTH; i++)
            CHECK(bytes[i] != SECRET, "byte %u of the next owner was read after %s", i,
                  release_names[by]);
    }
}

#define HELD 4u

/* Slots of the device in the order in which their requests end before the page is released. */
static const uint8_t ended_first[][HELD] = {{4},    {2},    {1},    {4, 3},
                                            {4, 2}, {1, 4}, {2, 3}, {4, 3, 2}};

static bool has_ended(const uint8_t ended[HELD], unsigned slot)
{
    for (unsigned i = 0; i < HELD; i++)
        if (ended[i] == slot)
            return true;
    return false;
}

TEST(held_while_others_end,
     PROMISE("A flush, ATTACH or DETACH waits for each request that a device has under way, also "
             "after others of the device, older or younger, have ended")
     COVERS("FL-6 ATT-4 ATT-5 DET-4") DEVICES(PROBE) KINDS("dma flush")
     STEPS("The device holds four requests at four pages, all translated. One, two or three of "
           "them end, in eight orders: the youngest, the oldest, those between. The guest unmaps "
           "the pages and releases them by a flush of the domain, a list, ATTACH to a blocking "
           "domain or DETACH. A next owner writes to the pages, and the other requests end.")
     EXPECTS("The pages hold what their next owner wrote.")
     IF_IT_FAILS("The host keeps requests under way in a list or by a counter that takes them to "
                 "end in the order in which they began: one that ends early takes others out of "
                 "its sight."))
{
    static const enum release releases[] = {BY_DOMAIN, BY_LIST, BY_ATTACH, BY_DETACH};
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, HELD);
    struct domain *d = domain_paging(t), *blocked = domain_blocked(t);
    const struct leaf pages = {.iova = MATRIX_IOVA, .size = b.size};

    for (unsigned n = 0; n < ARRAY_SIZE(ended_first) * ARRAY_SIZE(releases); n++) {
        const uint8_t *ended = ended_first[n / ARRAY_SIZE(releases)];
        enum release by = releases[n % ARRAY_SIZE(releases)];

        attach(t, d, e);
        map(t, d, MATRIX_IOVA, &b, RW);
        for (unsigned slot = FIRST_SLOT; slot < FIRST_SLOT + HELD; slot++)
            continuous_dma_hold(
                t, e, slot,
                (struct dmaprobe_request){.operation = DMAPROBE_FILL,
                                          .iova = MATRIX_IOVA + (slot - FIRST_SLOT) * PAGE_SIZE,
                                          .length = LENGTH,
                                          .operand = (uint8_t)~SECRET});
        for (unsigned i = 0; i < HELD && ended[i] != 0; i++)
            (void)continuous_dma_release(t, e, ended[i]);
        unmap(t, d, MATRIX_IOVA, b.size);
        release_leaf(t, d, &pages, e, blocked, by);
        memset(b.data, SECRET, b.size);
        for (unsigned slot = FIRST_SLOT; slot < FIRST_SLOT + HELD; slot++)
            if (!has_ended(ended, slot))
                (void)continuous_dma_release(t, e, slot);
        CHECK(!memory_find_other(b.data, b.size, SECRET),
              "a page was written after %s; the first request that ended before: number %u",
              release_names[by], ended[0]);
    }
    buffer_refresh(&b);
}
