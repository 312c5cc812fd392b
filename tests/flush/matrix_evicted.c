/* SPDX-License-Identifier: MIT */
/*
 * Requests in flight through a translation that no cache holds any more (FL-6, ATT-5, DET-4). The
 * entry that translated a request may have made room for others before the flush: a host that waits
 * only where it has dropped something passes every test in which the page is still cached.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/flush/matrix.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP MATRIX_GROUP
#define SLOT       1u
#define LENGTH     64u
#define SECRET     0x3Cu /* what the page's next owner keeps there */
#define CROWD_IOVA (MATRIX_IOVA + SIZE_1G)
#define CROWD      5120u              /* pages; the IOTLB of the reference host has 4,096 entries */
#define PIECE      (256u * PAGE_SIZE) /* bytes of one DMA */

/* All of them lead to one page. */
static void map_crowd(struct test_run *t, struct domain *d, const struct buffer *page)
{
    need_width(t, CROWD_IOVA, (uint64_t)CROWD * PAGE_SIZE);
    for (unsigned i = 0; i < CROWD; i++)
        REQUIRE(domain_map(d, CROWD_IOVA + (uint64_t)i * PAGE_SIZE, gpa_of(page->data), PAGE_SIZE,
                           RW) == STAGE1_OK,
                "mapping page %u of our own tables", i);
}

static void use_crowd(struct test_run *t, struct dma_engine *e)
{
    for (uint64_t at = 0; at < (uint64_t)CROWD * PAGE_SIZE; at += PIECE)
        fill_by_device(t, e, CROWD_IOVA + at, PIECE, "one of many pages");
}

enum release { BY_DOMAIN, BY_LIST, BY_BLOCK, BY_ATTACH, BY_DETACH, RELEASES };
static const char *const release_names[RELEASES] = {"a flush of the domain", "a list flush",
                                                    "a list for a block around it",
                                                    "ATTACH to a blocking domain", "DETACH"};

static void release_page(struct test_run *t, struct domain *d, struct dma_engine *e,
                         struct domain *blocked, enum release by)
{
    switch (by) {
    case BY_DOMAIN:
        flush(t, d);
        break;
    case BY_LIST:
        flush_list(t, d, MATRIX_IOVA, PAGE_SIZE);
        break;
    case BY_BLOCK:
        flush_block(t, d, MATRIX_IOVA >> 12, 4);
        break;
    case BY_ATTACH:
        attach(t, blocked, e);
        break;
    default:
        CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH of an attached device");
        break;
    }
}

static void hold(struct test_run *t, struct dma_engine *e, enum dmaprobe_operation operation)
{
    memset(dmaprobe_buffer(e), (uint8_t)~SECRET, LENGTH);
    continuous_dma_hold(t, e, SLOT,
                        (struct dmaprobe_request){.operation = operation,
                                                  .iova = MATRIX_IOVA,
                                                  .length = LENGTH,
                                                  .operand = (uint8_t)~SECRET});
}

/* The page has its next owner now, which the device neither sees nor disturbs. */
static void let_go(struct test_run *t, struct dma_engine *e, struct buffer *b, enum release by)
{
    const uint8_t *bytes = dmaprobe_buffer(e);

    memset(b->data, SECRET, b->size);
    (void)continuous_dma_release(t, e, SLOT);
    CHECK(!memory_find_other(b->data, b->size, SECRET), "the page was written after %s",
          release_names[by]);
    for (unsigned i = 0; i < LENGTH; i++)
        CHECK(bytes[i] != SECRET, "byte %u of the page's next owner was read after %s", i,
              release_names[by]);
    buffer_refresh(b);
}

#define CROWDS(ROW, test)                                                                          \
    ROW(test, own_domain, false, WORD(whose, "its own domain") WORD(who, "The same device"))       \
    ROW(test, other_domain, true, WORD(whose, "another domain") WORD(who, "Another device"))

VARIANTS(const bool, crowds, CROWDS);

TEST_EACH(held_and_evicted_by, CROWDS,
          PROMISE("DMA under way through a page that caches have dropped since, for pages of "
                  "{whose}, does not reach it after the flush, ATTACH or DETACH that released it")
          COVERS("FL-6 ATT-5 ATT-4 DET-4") LEVEL(stress) DEVICES(PROBE) KINDS("dma flush device")
          STEPS("The device starts a read or a write and holds it after the translation. {who} "
                "uses 5,120 other pages, of {whose}, which evicts the page from the caches. The "
                "guest unmaps it and releases it by one of five: a flush of the domain, a list for "
                "the page, a list for a block around it, ATTACH to a blocking domain, DETACH. A "
                "next owner writes to it; then the device carries its request out.")
          EXPECTS("The page holds what its next owner wrote, and the device has seen none of it.")
          IF_IT_FAILS("The host waits for DMA under way only where a flush has dropped an entry, "
                      "or only for requests whose entry it still finds."))
{
    struct dma_engine *e = device(t);
    bool other = VARIANT(crowds);
    struct dma_engine *crowd = other ? device_n(t, 1) : e;
    struct buffer b = buffer(t, 1), page = buffer(t, 1);
    struct domain *d = domain_paging(t), *blocked = domain_blocked(t);
    struct domain *of_crowd = other ? domain_paging(t) : d;

    map_crowd(t, of_crowd, &page);
    if (other)
        attach(t, of_crowd, crowd);
    for (enum release by = BY_DOMAIN; by < RELEASES; by++) {
        map(t, d, MATRIX_IOVA, &b, RW);
        attach(t, d, e);
        hold(t, e, by % 2 ? DMAPROBE_READ : DMAPROBE_FILL);
        use_crowd(t, crowd);
        unmap(t, d, MATRIX_IOVA, PAGE_SIZE);
        release_page(t, d, e, blocked, by);
        let_go(t, e, &b, by);
    }
}
