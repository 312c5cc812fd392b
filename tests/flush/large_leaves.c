/* SPDX-License-Identifier: MIT */
/*
 * Leaves of 2 MiB and 1 GiB, whatever should end what a cache has learnt of them: a flush of the domain, of a list, a
 * move of the device, a detach (FL-1, FL-2, LS-10, ATT-4, DET-4, ATS-1). A cache usually has a part of its own for each
 * page size, so that an invalidation can miss one size only.
 */
#include "drivers/hypercall.h"
#include "tests/harness/flush_ways.h"
#include "tests/harness/leaf.h"

#define TEST_GROUP "flush"
/* Aligned for every size, and within 32 address lines. */
#define IOVA 0x40000000ull
#define RW   (STAGE1_READ | STAGE1_WRITE)

/* Places that a partial invalidation could leave: both ends, the edges of smaller sizes, and one in the middle. */
static void expect_gone(struct test_run *t, struct dma_engine *e, struct leaf *l, const char *what)
{
    const int64_t places[] = {0, 0x3000, (int64_t)(l->size / 2), (int64_t)(l->size - 8)};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        leaf_expect_write_fault(t, e, l, places[i], 8, ORACLE_FAULT_CLASS_NOT_PRESENT, what);
    }
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
    struct leaf l = leaf_for(t, IOVA, size);
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
    struct leaf l = leaf_for(t, IOVA, size);
    struct domain *d = domain_paging(t);

    attach(t, d, e);
    for (unsigned i = 0; i < sizeof(element) / sizeof(element[0]); i++) {
        leaf_map(t, d, &l, RW);
        warm_leaf(t, e, &l);
        unmap(t, d, l.iova, l.size);
        flush_block(t, d, (l.iova + element[i]) >> 12, 0);
        expect_gone(t, e, &l, "a page of the removed leaf was flushed");
    }
}

static void permissions(struct test_run *t, uint64_t size, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA, size);
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
    leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only again");
    leaf_expect_write_fault(t, e, &l, (int64_t)(l.size - 8), 8, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only again");
}

static void permissions_by_domain(struct test_run *t, uint64_t size)
{
    permissions(t, size, flush_by_domain);
}

static void permissions_by_list(struct test_run *t, uint64_t size)
{
    permissions(t, size, flush_list);
}

static void away_and_back(struct test_run *t, uint64_t size, bool by_detach)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA, size);
    struct domain *d = domain_paging(t), *other = domain_paging(t);

    leaf_map(t, d, &l, RW);
    attach(t, d, e);
    warm_leaf(t, e, &l);
    if (by_detach) {
        CHECK_SUCCESS(pviommu_detach(e->device_id), "detaching an attached device");
        STEP1(t, "detach device 0x%llx: SUCCESS", e->device_id);
        leaf_expect_write_fault(t, e, &l, 0x3000, 8, FAULT_ANY, "detached");
    } else {
        attach(t, other, e);
        leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_NOT_PRESENT, "in another domain");
    }
    unmap(t, d, l.iova, l.size);
    attach(t, d, e);
    expect_gone(t, e, &l, "removed while the device was away");
}

static void moved(struct test_run *t, uint64_t size)
{
    away_and_back(t, size, false);
}

static void detached(struct test_run *t, uint64_t size)
{
    away_and_back(t, size, true);
}

/* Declares a test for each size that has none elsewhere. */
#define SIZED(symbol, name, requirements, kinds, title, body, steps, expected, failure)                                \
    STORY("2m_leaf_" name, "With a leaf of 2 MiB: " steps, expected, failure);                                         \
    TEST(symbol##_2m, "2m_leaf_" name, requirements, ON_ANY, kinds, "2 MiB leaf: " title)                              \
    {                                                                                                                  \
        body(t, SIZE_2M);                                                                                              \
    }                                                                                                                  \
    STORY("1g_leaf_" name, "With a leaf of 1 GiB: " steps, expected, failure);                                         \
    TEST(symbol##_1g, "1g_leaf_" name, requirements, ON_ANY, kinds, "1 GiB leaf: " title)                              \
    {                                                                                                                  \
        body(t, SIZE_1G);                                                                                              \
    }

STORY(
    "1g_leaf_removed_domain_flush",
    "The device uses two places of a 1 GiB leaf; the leaf is removed and the domain flushed; the device writes to both "
    "ends, a used place and the middle, and reads.",
    "All of them fault as not present.", "The flush of a domain does not reach cached pages of 1 GiB.");
TEST(removed_1g_domain, "1g_leaf_removed_domain_flush", "FL-1", ON_ANY, "dma,fault,flush",
     "A removed 1 GiB leaf is out of reach everywhere in it after the flush: FLUSH_DEVICE_DOMAIN")
{
    removed_by_domain(t, SIZE_1G);
}

STORY(
    "1g_leaf_removed_list_flush",
    "The device uses two places of a 1 GiB leaf; the leaf is removed and flushed by a list; the device writes to both "
    "ends, a used place and the middle, and reads. Three times: the exact block, a covering block, everything.",
    "All of them fault as not present.", "The flush of a list does not reach cached pages of 1 GiB.");
TEST(removed_1g_list, "1g_leaf_removed_list_flush", "FL-1 LS-1 LS-2", ON_ANY, "dma,fault,flush",
     "A removed 1 GiB leaf is out of reach everywhere in it after the flush: list flush")
{
    removed_by_list(t, SIZE_1G);
}

SIZED(
    overlapped, "overlapped_by_one_page", "LS-10", "dma,fault,flush",
    "a flushed element of one page in it drops all of it", overlapped,
    "the device uses two places; the leaf is removed, and one page of it is flushed by a list; then the device writes "
    "to "
    "both ends, a used place and the middle, and reads. Three times: the first page, one in the middle, the last one.",
    "All of them fault as not present.",
    "The host looks the page number of the element up among small pages only, or drops a part of the large one.")
SIZED(permissions_domain, "permissions_domain_flush", "FL-2", "dma,fault,flush",
      "changed permissions are in force after the flush: FLUSH_DEVICE_DOMAIN", permissions_by_domain,
      "the device reads and tries to write a read-only leaf, which then becomes writable and is flushed; the device "
      "writes; the leaf becomes read-only again and is flushed; the device writes. The flush is FLUSH_DEVICE_DOMAIN.",
      "Writes are denied, land, and are denied again.",
      "The permission of a cached large page outlives the flush, or is not looked at.")
SIZED(permissions_list, "permissions_list_flush", "FL-2 LS-1", "dma,fault,flush",
      "changed permissions are in force after the flush: list flush, exact block", permissions_by_list,
      "the device reads and tries to write a read-only leaf, which then becomes writable and is flushed; the device "
      "writes; the leaf becomes read-only again and is flushed; the device writes. The flush is a list of that block.",
      "Writes are denied, land, and are denied again.",
      "The permission of a cached large page outlives the flush, or is not looked at.")

#undef TEST_GROUP
#define TEST_GROUP "attach"
SIZED(moved, "removed_while_away", "ATT-4", "dma,fault",
      "removed while the device is in another domain, it is gone when the device comes back", moved,
      "the device uses two places and is attached to another domain, where it writes. The leaf is removed without a "
      "flush, and the device comes back and writes to both ends, a used place and the middle, and reads.",
      "Everything faults as not present.",
      "Entries of large pages survive the move: the host drops only small ones when a device leaves its domain.")

#undef TEST_GROUP
#define TEST_GROUP "detach"
SIZED(detached, "removed_while_detached", "DET-4", "dma,fault",
      "removed while the device is detached, it is gone after the next attach", detached,
      "the device uses two places and is detached, and writes. The leaf is removed without a flush, and the device is "
      "attached again and writes to both ends, a used place and the middle, and reads.",
      "Everything faults; after the attach as not present.",
      "Entries of large pages survive the detach: the host drops only small ones.")
