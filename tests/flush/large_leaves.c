/* SPDX-License-Identifier: MIT */
/*
 * Leaves of 2 MiB and 1 GiB, whatever should end what a cache has learned of them: a flush of the
 * domain, of a list, a move of the device, a detach (FL-1, FL-2, LS-10, ATT-4, DET-4, ATS-1). A
 * cache usually has a part of its own for each page size, so that an invalidation can miss one size
 * only.
 */
#include "drivers/hypercall.h"
#include "lib/bits.h"
#include "tests/harness/flush_ways.h"
#include "tests/harness/leaf.h"

#define TEST_GROUP "flush"
static void expect_gone(struct test_run *t, struct dma_engine *e, struct leaf *l, const char *what)
{
    const int64_t places[] = {0, 0x3000, (int64_t)(l->size / 2), (int64_t)(l->size - 8)};

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
        leaf_expect_write_fault(t, e, l, places[i], 8, ORACLE_FAULT_CLASS_NOT_PRESENT, what);
    leaf_expect_read_fault(t, e, l, 0x3000, 8, ORACLE_FAULT_CLASS_NOT_PRESENT, what);
}

static void warm_leaf(struct test_run *t, struct dma_engine *e, struct leaf *l)
{
    leaf_expect_write(t, e, l, 0x3000, 8, "warm");
    leaf_expect_write(t, e, l, l->size - 8, 8, "warm at its end");
}

static void removed(struct test_run *t, uint64_t size, flush_way *const *way, unsigned ways)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    attach(t, d, e);
    for (unsigned i = 0; i < ways; i++) {
        leaf_map(t, d, &l, RW);
        warm_leaf(t, e, &l);
        unmap(t, d, l.iova, l.size);
        way[i](t, d, l.iova, l.size);
        expect_gone(t, e, &l, "removed and flushed");
    }
}

static void removed_by_domain(struct test_run *t, uint64_t size)
{
    static flush_way *const way[] = {flush_by_domain};

    removed(t, size, way, 1);
}

static void removed_by_list(struct test_run *t, uint64_t size)
{
    static flush_way *const way[] = {flush_list, flush_by_cover, flush_by_everything};

    removed(t, size, way, 3);
}

/* Elements of one page: the first of the leaf, one inside, the last. */
static void overlapped(struct test_run *t, uint64_t size)
{
    const uint64_t element[] = {0, size / 2 + 5 * PAGE_SIZE, size - PAGE_SIZE};
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    attach(t, d, e);
    for (unsigned i = 0; i < ARRAY_SIZE(element); i++) {
        leaf_map(t, d, &l, RW);
        warm_leaf(t, e, &l);
        unmap(t, d, l.iova, l.size);
        flush_block(t, d, (l.iova + element[i]) >> 12, 0);
        expect_gone(t, e, &l, "a page of the removed leaf was flushed");
    }
}

/* Elements of several pages in the leaf: pieces at its ends and in the middle, and both halves. */
static void overlapped_by_parts(struct test_run *t, uint64_t size)
{
    const uint64_t piece = size == SIZE_1G ? SIZE_2M : 16 * PAGE_SIZE, half = size / 2;
    const struct {
        uint64_t offset, length;
    } part[] = {{0, piece}, {size - piece, piece}, {half - piece, piece}, {0, half}, {half, half}};
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    attach(t, d, e);
    for (unsigned i = 0; i < ARRAY_SIZE(part); i++) {
        leaf_map(t, d, &l, RW);
        warm_leaf(t, e, &l);
        unmap(t, d, l.iova, l.size);
        flush_list(t, d, l.iova + part[i].offset, part[i].length);
        expect_gone(t, e, &l, "a part of the removed leaf was flushed");
    }
}

static void permissions(struct test_run *t, uint64_t size, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    leaf_map(t, d, &l, STAGE1_READ);
    attach(t, d, e);
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only");
    read_and_try_to_write(t, e, l.iova + 0x3000, 8);
    leaf_protect(t, d, &l, RW);
    way(t, d, l.iova, l.size);
    warm_leaf(t, e, &l);
    leaf_protect(t, d, &l, STAGE1_READ);
    way(t, d, l.iova, l.size);
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_WRITE_DENIED,
                            "read-only again");
    leaf_expect_write_fault(t, e, &l, (int64_t)(l.size - 8), 8, ORACLE_FAULT_CLASS_WRITE_DENIED,
                            "read-only again");
}

static void permissions_by_domain(struct test_run *t, uint64_t size)
{
    permissions(t, size, flush_by_domain);
}

static void permissions_by_list(struct test_run *t, uint64_t size)
{
    permissions(t, size, flush_list);
}

static void moved(struct test_run *t, uint64_t size)
{
    static flush_way *const way[] = {flush_by_domain, flush_list};
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t), *other = domain_paging(t);

    for (unsigned i = 0; i < ARRAY_SIZE(way); i++) {
        attach(t, d, e);
        leaf_map(t, d, &l, RW);
        warm_leaf(t, e, &l);
        attach(t, other, e);
        leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "in another domain");
        unmap(t, d, l.iova, l.size);
        way[i](t, d, l.iova, l.size);
        attach(t, d, e);
        expect_gone(t, e, &l, "removed and flushed while the device was away");
    }
}

/* Another device that may stay in a domain; NULL: none. */
static struct dma_engine *stayer(const struct test_run *t)
{
    struct dma_engine *e = dma_engine_get(t->class, 1);

    return e && (e->ops->features & (DMA_SLOW | DMA_STAGED | DMA_QUEUED)) == 0 ? e : NULL;
}

static void left(struct test_run *t, uint64_t size)
{
    struct dma_engine *e = device(t), *second = stayer(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct buffer small = buffer(t, 1);
    struct domain *d = domain_paging(t), *blocked = domain_blocked(t);
    struct domain *other = domain_mapping(t, IOVA_1G + 0x3000, &small);

    leaf_map(t, d, &l, RW);
    if (second)
        attach(t, d, second);
    attach(t, d, e);
    warm_leaf(t, e, &l);
    attach(t, other, e);
    leaf_expect_write_fault(t, e, &l, (int64_t)(l.size - 8), 8, ORACLE_FAULT_CLASS_NOT_PRESENT,
                            "in a domain that maps one page of it");
    expect_write(t, e, l.iova + 0x3000, &small, 0, 8, "a page of the other domain");
    attach(t, d, e);
    warm_leaf(t, e, &l);
    expect_untouched(t, &small, "the page of the other domain");
    attach(t, blocked, e);
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_BLOCKED, "blocked");
    attach(t, d, e);
    warm_leaf(t, e, &l);
    CHECK_SUCCESS(iommu_detach(e->device_id), "detaching an attached device");
    STEP("detach device 0x%llx: SUCCESS", e->device_id);
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, FAULT_ANY, "detached");
}

static void detached(struct test_run *t, uint64_t size)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);

    leaf_map(t, d, &l, RW);
    attach(t, d, e);
    warm_leaf(t, e, &l);
    CHECK_SUCCESS(iommu_detach(e->device_id), "detaching an attached device");
    STEP("detach device 0x%llx: SUCCESS", e->device_id);
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, FAULT_ANY, "detached");
    unmap(t, d, l.iova, l.size);
    attach(t, d, e);
    expect_gone(t, e, &l, "removed while the device was detached");
}

/* The sizes of leaves that no other test goes through. */
#define LARGE_LEAVES(ROW, test)                                                                    \
    ROW(test, 2m, SIZE_2M, WORD(size, "2 MiB"))                                                    \
    ROW(test, 1g, SIZE_1G, WORD(size, "1 GiB"))

VARIANTS(const uint64_t, large_leaves, LARGE_LEAVES);

TEST(1g_leaf_removed_domain_flush,
     PROMISE("A removed 1 GiB leaf is out of reach everywhere in it after the flush: "
             "FLUSH_DEVICE_DOMAIN")
     COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses two places of a 1 GiB leaf; the leaf is removed and the domain "
           "flushed; the device writes to both ends, a used place and the middle, and reads.")
     EXPECTS("All of them fault as not present.")
     IF_IT_FAILS("The flush of a domain does not reach cached pages of 1 GiB."))
{
    removed_by_domain(t, SIZE_1G);
}

TEST(1g_leaf_removed_list_flush,
     PROMISE("A removed 1 GiB leaf is out of reach everywhere in it after the flush: list flush")
     COVERS("FL-1 LS-1 LS-2") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses two places of a 1 GiB leaf; the leaf is removed and flushed by a list; "
           "the device writes to both ends, a used place and the middle, and reads. Three times: "
           "the exact block, a covering block, everything.")
     EXPECTS("All of them fault as not present.")
     IF_IT_FAILS("The flush of a list does not reach cached pages of 1 GiB."))
{
    removed_by_list(t, SIZE_1G);
}

EACH_TEST(LARGE_LEAVES, leaf_overlapped_by_one_page,
          PROMISE("{size} leaf: a flushed element of one page in it drops all of it")
          COVERS("LS-10") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("With a leaf of {size}: the device uses two places; the leaf is removed, and one "
                "page of it is flushed by a list; then the device writes to both ends, a used "
                "place and the middle, and reads. Three times: the first page, one in the middle, "
                "the last one.")
          EXPECTS("All of them fault as not present.")
          IF_IT_FAILS("The host looks the page number of the element up among small pages only, or "
                      "drops a part of the large one."))
{
    overlapped(t, VARIANT(large_leaves));
}

EACH_TEST(LARGE_LEAVES, leaf_overlapped_by_parts,
          PROMISE("{size} leaf: a flushed element of several pages in it drops all of it")
          COVERS("LS-10") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("With a leaf of {size}: the device uses two places; the leaf is removed, and a "
                "part of it is flushed by a list element; then the device writes to both ends, a "
                "used place and the middle, and reads. Five times: a piece at each end and before "
                "the middle, the lower and the upper half.")
          EXPECTS("All of them fault as not present.")
          IF_IT_FAILS("The host compares the ends of an element with those of the large page, or "
                      "looks for pages up to the element's own size."))
{
    overlapped_by_parts(t, VARIANT(large_leaves));
}

EACH_TEST(LARGE_LEAVES, leaf_permissions_domain_flush,
          PROMISE("{size} leaf: changed permissions are in force after the flush: "
                  "FLUSH_DEVICE_DOMAIN")
          COVERS("FL-2") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("With a leaf of {size}: the device reads and tries to write a read-only leaf, "
                "which then becomes writable and is flushed; the device writes; the leaf becomes "
                "read-only again and is flushed; the device writes. The flush is "
                "FLUSH_DEVICE_DOMAIN.")
          EXPECTS("Writes are denied, land, and are denied again.")
          IF_IT_FAILS("The permission of a cached large page outlives the flush, or is not "
                      "checked."))
{
    permissions_by_domain(t, VARIANT(large_leaves));
}

EACH_TEST(LARGE_LEAVES, leaf_permissions_list_flush,
          PROMISE("{size} leaf: changed permissions are in force after the flush: list flush, "
                  "exact block")
          COVERS("FL-2 LS-1") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("With a leaf of {size}: the device reads and tries to write a read-only leaf, "
                "which then becomes writable and is flushed; the device writes; the leaf becomes "
                "read-only again and is flushed; the device writes. The flush is a list of that "
                "block.")
          EXPECTS("Writes are denied, land, and are denied again.")
          IF_IT_FAILS("The permission of a cached large page outlives the flush, or is not "
                      "checked."))
{
    permissions_by_list(t, VARIANT(large_leaves));
}

#undef TEST_GROUP
#define TEST_GROUP "flush-list"

#define BATCH      300u
#define BATCH_STEP 64u /* bytes of the target for each leaf */

static void use_batch(struct test_run *t, struct dma_engine *e, const struct buffer *b,
                      unsigned count, bool lands)
{
    const uint64_t stride = SIZE_2M + BATCH_STEP;

    if (lands)
        fill_each_by_device(t, e, IOVA_1G, stride, count, 8, "one of many leaves");
    else
        try_each_by_device(t, e, IOVA_1G, stride, count, 8, "one of many leaves");
    for (unsigned i = 0; i < count; i++) {
        uint8_t *at = b->data + i * BATCH_STEP;

        CHECK((*at == e->ops->fill_value) == lands, "a write through 2 MiB leaf %u of %u %s", i,
              count, lands ? "does not land" : "lands after a list that holds it");
        for (unsigned byte = 0; byte < 8; byte++)
            at[byte] = POISON_FRESH;
    }
    drain_faults(t, e);
}

/* All of the leaf, or one of its ends. */
static uint64_t element_for(unsigned i, bool parts)
{
    uint64_t page = (IOVA_1G + i * SIZE_2M) >> 12;

    switch (parts ? i % 4 : 0) {
    case 1:
        return hv_iommu_range(page, 0);
    case 2:
        return hv_iommu_range(page + 511, 0);
    case 3:
        return hv_iommu_range(page + 256, 8);
    default:
        return hv_iommu_range(page, 9);
    }
}

TEST(batch_of_large_leaves,
     PROMISE("A list of 300 elements for as many 2 MiB leaves drops every one, whole or in part")
     COVERS("LS-4 LS-10 LS-9 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 300 leaves of 2 MiB side by side. All are removed and flushed by one "
           "list with an element for each: of the whole leaf, then, in a second round, of the "
           "whole leaf, its first page, its last page and its upper half in turn. The device "
           "writes to every one of them.")
     EXPECTS("All elements are reported as done, and no write lands.")
     IF_IT_FAILS("The host joins large elements of a list, or counts them, and leaves some out; or "
                 "it looks for a part of a large page among small ones."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_paging(t);
    unsigned count = rounds_on(e, BATCH, 5), done;
    uint64_t *element = page_alloc(1, PAGE_SIZE);

    need_width(t, IOVA_1G, BATCH * SIZE_2M);
    REQUIRE(element, "no memory for a list");
    attach(t, d, e);
    for (unsigned parts = 0; parts < 2; parts++) {
        for (unsigned i = 0; i < count; i++) {
            REQUIRE(domain_map(d, IOVA_1G + i * SIZE_2M, gpa_of(b.data), SIZE_2M, RW) == STAGE1_OK,
                    "mapping leaf %u of our own tables", i);
            element[i] = element_for(i, parts != 0);
        }
        STEP("map %llu leaves of 2 MiB from IOVA 0x%llx on; the device uses each", count, IOVA_1G);
        use_batch(t, e, &b, count, true);
        REQUIRE(domain_unmap(d, IOVA_1G, count * SIZE_2M) == STAGE1_OK, "unmapping our own leaves");
        done = 0;
        CHECK_SUCCESS(iommu_flush_list(d->id, element, count, &done), "flushing a list");
        STEP("unmap them; list flush of %llu elements, %llu for whole leaves: %llu done", count,
             parts ? count / 4 : count, done);
        CHECK_EQ(done, count, "elements completed");
        use_batch(t, e, &b, count, false);
    }
    expect_untouched(t, &b, "the target of all leaves");
}

#undef TEST_GROUP
#define TEST_GROUP "attach"
EACH_TEST(LARGE_LEAVES, leaf_removed_while_away,
          PROMISE("{size} leaf: removed and flushed while the device is in another domain, it is "
                  "gone when the device comes back")
          COVERS("ATT-4 FL-1") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("With a leaf of {size}: the device uses two places and is attached to another "
                "domain, where it writes. The leaf is removed and flushed, and the device comes "
                "back and writes to both ends, a used place and the middle, and reads. Twice: with "
                "a flush of the domain, and of a list.")
          EXPECTS("Everything faults as not present.")
          IF_IT_FAILS("Entries of large pages survive: the host drops only small ones, when a "
                      "device leaves its domain or in the flush of a domain without devices."))
{
    moved(t, VARIANT(large_leaves));
}

EACH_TEST(LARGE_LEAVES, leaf_left,
          PROMISE("{size} leaf: it serves a device no more that has left the domain, while another "
                  "one stays in it")
          COVERS("ATT-4 ATT-7 DET-4 ISO-1 ATS-1") DEVICES(ALL) KINDS("dma fault")
          STEPS("With a leaf of {size}: the device uses two places. It is attached to a domain "
                "that maps one page of the same IOVAs, then to a blocking one, and is detached at "
                "last, each time from the domain of the leaf, where another device stays, if there "
                "is one. It writes to both after each.")
          EXPECTS("Every write faults, but that to the page of the other domain, which lands "
                  "there.")
          IF_IT_FAILS("Large pages are found without the domain that they belong to, or stay in "
                      "the cache of the device."))
{
    left(t, VARIANT(large_leaves));
}

#undef TEST_GROUP
#define TEST_GROUP "detach"
EACH_TEST(LARGE_LEAVES, leaf_removed_while_detached,
          PROMISE("{size} leaf: removed while the device is detached, it is gone after the next "
                  "attach")
          COVERS("DET-4") DEVICES(ALL) KINDS("dma fault")
          STEPS("With a leaf of {size}: the device uses two places and is detached, and writes. "
                "The leaf is removed without a flush, and the device is attached again and writes "
                "to both ends, a used place and the middle, and reads.")
          EXPECTS("Everything faults; after the attach as not present.")
          IF_IT_FAILS("Entries of large pages survive the detach: the host drops only small ones."))
{
    detached(t, VARIANT(large_leaves));
}
