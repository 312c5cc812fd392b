/* SPDX-License-Identifier: MIT */
/*
 * Lists of every length around a power of two (LS-4), and elements for the first and the last page
 * (LS-1). A host handles elements in batches and in pairs, and an element for page 0 alone is the
 * number 0.
 */
#include "drivers/hypercall.h"
#include "lib/bits.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush-list"

#define LENGTH_MAX 257u
#define STRIDE     (2 * PAGE_SIZE) /* so that no two pages make one block */

/* Uses, unmaps and flushes as many pages by one list with an element for each, and tries all of
 * them. */
static void flush_number(struct test_run *t, struct domain *d, struct dma_engine *e,
                         struct buffer *b, unsigned count)
{
    uint64_t element[LENGTH_MAX];
    unsigned done = 0;
    enum hv_status status;

    for (unsigned i = 0; i < count; i++) {
        uint64_t iova = IOVA + i * STRIDE;

        REQUIRE(domain_map(d, iova, gpa_of(b->data) + i * PAGE_SIZE, PAGE_SIZE, RW) == STAGE1_OK,
                "mapping page %u", i);
        fill_by_device(t, e, iova, 8, "mapped");
        CHECK_EQ(b->data[i * PAGE_SIZE], e->ops->fill_value,
                 "first byte of a mapped page after the DMA");
        b->data[i * PAGE_SIZE] = POISON_FRESH;
        *leaf_entry(t, d, iova) = 0;
        element[i] = hv_iommu_range(iova >> 12, 0);
    }
    status = iommu_flush_list(d->id, element, count, &done);
    STEP("%llu pages used, unmapped and flushed by a list with an element for each: %s, %llu done",
         count, hv_status_name(status), done);
    CHECK_SUCCESS(status, "flushing a list");
    CHECK_EQ(done, count, "elements completed");
    for (unsigned i = 0; i < count; i++) {
        fill_by_device(t, e, IOVA + i * STRIDE, 8, "flushed");
        CHECK(b->data[i * PAGE_SIZE] == POISON_FRESH,
              "a list of %u elements: a write to page %u lands after it", count, i);
    }
    drain_faults(t, e);
}

static void flush_numbers(struct test_run *t, const uint16_t *number, unsigned count)
{
    struct dma_engine *e = device(t);
    unsigned limit = rounds_on(e, LENGTH_MAX, 4);
    struct buffer b = buffer(t, LENGTH_MAX);
    struct domain *d = domain_paging(t);

    need_width(t, IOVA, LENGTH_MAX * STRIDE);
    attach(t, d, e);
    for (unsigned i = 0; i < count && number[i] <= limit; i++) {
        flush_number(t, d, e, &b, number[i]);
        buffer_refresh(&b);
    }
}

TEST(lengths_around_powers_of_two,
     PROMISE("Lists of 1 to 5, 7 to 9 and 15 to 17 elements flush every one")
     COVERS("LS-4 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("For each of these lengths the device uses as many pages that are apart from each "
           "other; all are unmapped and flushed by one list with an element for each; the device "
           "writes to every one of them.")
     EXPECTS("All elements are reported as done, and no write lands.")
     IF_IT_FAILS("The last element is lost where the number of elements is odd, or a multiple of a "
                 "batch."))
{
    static const uint16_t lengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17};

    flush_numbers(t, lengths, ARRAY_SIZE(lengths));
}

TEST(long_lengths_around_powers_of_two,
     PROMISE("Lists of 31 to 33, 63 to 65, 127 to 129 and 255 to 257 elements flush every one")
     COVERS("LS-4 FL-1") DEVICES(rocker) KINDS("dma fault flush")
     STEPS("For each of these lengths the device uses as many pages that are apart from each "
           "other; all are unmapped and flushed by one list with an element for each; the device "
           "writes to every one of them.")
     EXPECTS("All elements are reported as done, and no write lands.")
     IF_IT_FAILS("The last element is lost where the number of elements is odd, or a multiple of a "
                 "batch."))
{
    static const uint16_t lengths[] = {31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257};

    flush_numbers(t, lengths, ARRAY_SIZE(lengths));
}

/* Elements in the order of their places; each page is used, unmapped, and gone after the list. */
static void flush_places(struct test_run *t, const uint64_t *iova, unsigned count)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, count);
    struct domain *d = domain_paging(t);
    uint64_t element[3];
    unsigned done = 0;

    attach(t, d, e);
    for (unsigned i = 0; i < count; i++) {
        map_gpa(t, d, iova[i], gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        expect_write(t, e, iova[i], &b, i * PAGE_SIZE, 8, "mapped");
        element[i] = hv_iommu_range(iova[i] >> 12, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        *leaf_entry(t, d, iova[i]) = 0;
        STEP("clear the leaf of IOVA 0x%llx, no flush", iova[i]);
    }
    CHECK_SUCCESS(iommu_flush_list(d->id, element, count, &done), "flushing a list");
    STEP(
        "FLUSH_DEVICE_DOMAIN_LIST domain 0x%llx, %llu elements for these pages: SUCCESS, %llu done",
        d->id, count, done);
    CHECK_EQ(done, count, "elements completed");
    for (unsigned i = 0; i < count; i++) {
        expect_write_fault(t, e, iova[i], 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "unmapped and flushed by its element");
    }
}

TEST(page_0_alone,
     PROMISE("A list of one element for page 0 alone, which is the number 0, flushes page 0")
     COVERS("LS-1 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses page 0. It is unmapped and flushed by a list of one element of 0; the "
           "device writes to it.")
     EXPECTS("The write faults as not present.")
     IF_IT_FAILS("An element of 0 is taken for an empty one."))
{
    static const uint64_t places[] = {0};

    flush_places(t, places, 1);
}

TEST(page_0_among_others,
     PROMISE("A list whose second element is for page 0 alone flushes all of its pages")
     COVERS("LS-4 LS-1 FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses page 0 and two others. All are unmapped and flushed by a list with "
           "page 0 in the middle; the device writes to all of them.")
     EXPECTS("All writes fault as not present.")
     IF_IT_FAILS("An element of 0 is taken for an empty one, or for the end of the list."))
{
    static const uint64_t places[] = {IOVA, 0, IOVA + STRIDE};

    flush_places(t, places, 3);
}

TEST(last_page,
     PROMISE("A list element for the last page of the address space flushes it")
     COVERS("LS-1 FL-1 TR-2") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses the last page of the reported width, or of a table of four levels. It "
           "is unmapped and flushed by a list of two elements, of which it is the second; the "
           "device writes to it.")
     EXPECTS("The write faults as not present.")
     IF_IT_FAILS("The end of an element is compared with the end of the address space by "
                 "less-than, or overflows."))
{
    unsigned bits = capabilities(t)->max_iova_width;
    uint64_t end = 1ull << (bits < 48 ? bits : 48);
    const uint64_t places[] = {IOVA, end - PAGE_SIZE};

    flush_places(t, places, 2);
}
