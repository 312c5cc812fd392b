/* SPDX-License-Identifier: MIT */
/*
 * Flushes of many distinct pages (FL-1, LS-4, LS-9, ATT-4). A host that queues invalidations in
 * batches, or walks a list of cached pages with a bound, is right for a few pages and drops the
 * rest. So every page is used by the device first, has a target of its own, and is tried
 * afterwards. The counts are above 512 and no multiple of a usual batch.
 */
#include "drivers/hypercall.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush"
#define MANY       601u
#define FEW        7u /* on a slow device */

/* `count` pages at IOVA + i * stride, all of them used by the device, then unmapped without a
 * flush. */
struct many {
    struct dma_engine *engine;
    struct domain *domain;
    struct buffer buffer;
    unsigned count;
    uint64_t stride;
};

static struct many make_many(struct test_run *t, unsigned count, uint64_t stride)
{
    struct dma_engine *e = device(t);
    struct many m = {.engine = e,
                     .domain = domain_paging(t),
                     .count = rounds_on(e, count, FEW),
                     .stride = stride};

    need_width(t, IOVA, m.count * stride);
    m.buffer = buffer(t, m.count);
    for (unsigned i = 0; i < m.count; i++) {
        REQUIRE(domain_map(m.domain, IOVA + i * stride, gpa_of(m.buffer.data) + i * PAGE_SIZE,
                           PAGE_SIZE, RW) == STAGE1_OK,
                "mapping page %u of our own tables", i);
    }
    STEP("map %llu pages from IOVA 0x%llx on, one every 0x%llx bytes, from GPA 0x%llx on", m.count,
         IOVA, stride, gpa_of(m.buffer.data));
    return m;
}

static void use_all(struct test_run *t, struct many *m)
{
    STEP("the device writes 8 bytes in each of the %llu pages", m->count);
    fill_each_by_device(t, m->engine, IOVA, m->stride, m->count, 8, "DMA");
    for (unsigned i = 0; i < m->count; i++) {
        CHECK_EQ(m->buffer.data[i * PAGE_SIZE], m->engine->ops->fill_value,
                 "first byte of a mapped page after the DMA");
    }
    buffer_refresh(&m->buffer);
}

static void unmap_pages(struct test_run *t, struct many *m, unsigned first, unsigned end)
{
    STEP("unmap pages %llu to %llu, no flush", first, end - 1);
    for (unsigned i = first; i < end; i++) {
        REQUIRE(domain_unmap(m->domain, IOVA + i * m->stride, PAGE_SIZE) == STAGE1_OK,
                "unmapping our own page %u", i);
    }
}

static void unmap_all(struct test_run *t, struct many *m)
{
    unmap_pages(t, m, 0, m->count);
}

/* One look at the whole buffer after all attempts: a look after each would take a second. */
static void expect_gone(struct test_run *t, struct many *m, unsigned end, const char *what)
{
    STEP("the device tries to write 8 bytes in each of the first %llu pages", end);
    try_each_by_device(t, m->engine, IOVA, m->stride, end, 8, what);
    expect_untouched(t, &m->buffer, what);
    drain_faults(t, m->engine);
}

static void expect_all_gone(struct test_run *t, struct many *m, const char *what)
{
    expect_gone(t, m, m->count, what);
}

TEST(many_pages_domain_flush,
     PROMISE("A flush of the domain reaches every one of 601 cached pages")
     COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 601 pages, each with a target of its own. All are unmapped, and the "
           "domain is flushed once. The device writes to every one of them.")
     EXPECTS("No byte changes.")
     IF_IT_FAILS("The flush of a domain stops after so many cached pages, or after a batch of "
                 "invalidations."))
{
    struct many m = make_many(t, MANY, PAGE_SIZE);

    attach(t, m.domain, m.engine);
    use_all(t, &m);
    unmap_all(t, &m);
    flush(t, m.domain);
    expect_all_gone(t, &m, "unmapped, and the domain flushed");
}

#undef TEST_GROUP
#define TEST_GROUP "flush-list"

/* Fewer pages in the block than are cached, or more: a host may go through the block, or through
 * its cache. */
TEST(block_of_many_pages,
     PROMISE("A list element of 512 or 1024 pages reaches every cached page in it")
     COVERS("LS-9 LS-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 601 pages in a row, each with a target of its own. The first 512 are "
           "unmapped and flushed by one list element of 512 pages; the device writes to every one "
           "of them. Then the others are unmapped, too, and one element of 1024 pages around all "
           "is flushed; the device writes to all of them.")
     EXPECTS("No byte changes.")
     IF_IT_FAILS("The flush of a block stops after so many pages."))
{
    struct many m = make_many(t, MANY, PAGE_SIZE);
    unsigned first = m.count < 512 ? m.count : 512;

    attach(t, m.domain, m.engine);
    use_all(t, &m);
    unmap_pages(t, &m, 0, first);
    flush_block(t, m.domain, IOVA >> 12, 9);
    expect_gone(t, &m, first, "unmapped, and a block of just these pages flushed");
    if (first < m.count)
        unmap_pages(t, &m, first, m.count);
    flush_block(t, m.domain, IOVA >> 12, 10);
    expect_all_gone(t, &m, "unmapped, and a block around all pages flushed");
}

TEST(full_list_of_used_pages,
     PROMISE("A list of 508 elements reaches every one of 508 cached pages")
     COVERS("LS-4 LS-9 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 508 pages that are apart from each other, each with a target of its "
           "own. All are unmapped and flushed by one list with an element for each. The device "
           "writes to every one of them.")
     EXPECTS("The call reports all elements as done, and no byte changes.")
     IF_IT_FAILS("The host loses elements at the end of an internal batch, or its place when a rep "
                 "call is continued."))
{
    struct many m = make_many(t, HV_FLUSH_LIST_MAX, 3 * PAGE_SIZE);
    uint64_t *elements = page_alloc(1, PAGE_SIZE); /* HV_FLUSH_LIST_MAX of them */
    unsigned done = 0;
    enum hv_status status;

    REQUIRE(elements, "no memory for a list");
    attach(t, m.domain, m.engine);
    use_all(t, &m);
    unmap_all(t, &m);
    for (unsigned i = 0; i < m.count; i++)
        elements[i] = hv_iommu_range((IOVA + i * m.stride) >> 12, 0);
    status = iommu_flush_list(m.domain->id, elements, m.count, &done);
    STEP("FLUSH_DEVICE_DOMAIN_LIST domain 0x%llx, %llu elements: %llu done", m.domain->id, m.count,
         done);
    CHECK_SUCCESS(status, "flushing a list of blocks");
    CHECK_EQ(done, m.count, "elements completed");
    expect_all_gone(t, &m, "unmapped and flushed by an element of its own");
}

#undef TEST_GROUP
#define TEST_GROUP "attach"

TEST(many_pages_while_away,
     PROMISE("A flush while the device is in another domain reaches every one of 601 cached pages")
     COVERS("ATT-4 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses 601 pages, each with a target of its own, and is attached to another "
           "domain. All pages are unmapped, and the domain that it left is flushed once; the "
           "device comes back and writes to every one of them.")
     EXPECTS("No byte changes.")
     IF_IT_FAILS("Neither ATTACH, when the device leaves its domain, nor the flush of a domain "
                 "without devices drops more than so many pages."))
{
    struct many m = make_many(t, MANY, PAGE_SIZE);
    struct domain *other = domain_paging(t);

    attach(t, m.domain, m.engine);
    use_all(t, &m);
    attach(t, other, m.engine);
    unmap_all(t, &m);
    flush(t, m.domain);
    attach(t, m.domain, m.engine);
    expect_all_gone(t, &m, "unmapped while the device was away");
}

#undef TEST_GROUP
#define TEST_GROUP "stress"

STRESS(eight_thousand_pages_flushed,
       PROMISE("A flush of the domain reaches every one of 8,192 used pages")
       COVERS("FL-1") DEVICES(dmaprobe) TIER(stress) KINDS("dma fault flush")
       STEPS("The device uses 8,192 pages, each with a target of its own: more than caches hold. "
             "All are unmapped, and the domain is flushed once. The device writes to every one of "
             "them.")
       EXPECTS("No byte changes.")
       IF_IT_FAILS("The flush of a domain stops after some thousands of cached pages."))
{
    struct many m = make_many(t, 8192, PAGE_SIZE);

    attach(t, m.domain, m.engine);
    use_all(t, &m);
    unmap_all(t, &m);
    flush(t, m.domain);
    expect_all_gone(t, &m, "unmapped, and the domain flushed");
}
