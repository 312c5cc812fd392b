/* SPDX-License-Identifier: MIT */
/* Translation through 4 KiB leaves: every byte where it belongs, nothing anywhere else (reference
 * 5). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

TEST(leaf_4k,
     PROMISE("A device writes through a 4 KiB leaf at its first, middle and last byte, and as a "
             "whole")
     COVERS("TR-1 ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("The device writes the first byte, two bytes in the middle, the last byte, and then the "
           "whole of a mapped page. A slow one (edu) writes its first and its last bytes only.")
     EXPECTS("Exactly these bytes change, and nothing around the page.")
     IF_IT_FAILS("The simplest translation does not work: look at the root, the levels and the "
                 "leaf that the host follows."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    stage(t, d, e);
    if (e->ops->features & DMA_SLOW) {
        expect_write(t, e, IOVA, &b, 0, 512, "first bytes");
        expect_write(t, e, IOVA + PAGE_SIZE - 3, &b, PAGE_SIZE - 3, 3, "last bytes");
        return;
    }
    expect_write(t, e, IOVA, &b, 0, 1, "first byte");
    expect_write(t, e, IOVA + 2047, &b, 2047, 2, "middle");
    expect_write(t, e, IOVA + PAGE_SIZE - 1, &b, PAGE_SIZE - 1, 1, "last byte");
    expect_write(t, e, IOVA, &b, 0, e->ops->max_length < PAGE_SIZE ? e->ops->max_length : PAGE_SIZE,
                 "whole page");
}

TEST(read_and_write_back,
     PROMISE("A device reads exactly the bytes that an IOVA maps and writes them back inverted")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("The device reads a page, an odd range and the last byte, each of random contents, and "
           "writes back the inverse.")
     EXPECTS("Each range holds exactly the inverse.")
     IF_IT_FAILS("Reads and writes of one IOVA go to different places."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    expect_invert(t, e, IOVA, &b, 0, PAGE_SIZE, "whole page");
    expect_invert(t, e, IOVA + 3, &b, 3, 13, "odd range");
    expect_invert(t, e, IOVA + PAGE_SIZE - 1, &b, PAGE_SIZE - 1, 1, "last byte");
}

TEST(unmapped_page_aborts,
     PROMISE("An access to an IOVA without a leaf aborts and changes no memory")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes and reads around its only mapped page, at IOVA 0, and at the "
           "physical address of the page.")
     EXPECTS("All fault and change nothing; the mapped page works afterwards.")
     IF_IT_FAILS("Without a leaf the host lets accesses through, most likely untranslated."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "page after the leaf");
    expect_write_fault(t, e, IOVA - PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "page before the leaf");
    expect_write_fault(t, e, 0, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "IOVA 0");
    expect_read_fault(t, e, IOVA + PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                      "read after the leaf");
    expect_write_fault(t, e, gpa_of(b.data), 4, &b, FAULT_ANY, "the buffer's GPA used as an IOVA");
    expect_write(t, e, IOVA, &b, 0, 4, "the leaf itself, afterwards");
}

TEST(empty_table_blocks_all,
     PROMISE("A domain with an empty root table lets no access through")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("In a domain without any mapping the device writes and reads at the physical address of "
           "a buffer.")
     EXPECTS("Both fault as not present.")
     IF_IT_FAILS("An empty root table is taken for no translation at all."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "write at the buffer's GPA");
    expect_read_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                      "read at the buffer's GPA");
}

TEST(dma_across_pages,
     PROMISE("One DMA over a page boundary follows both leaves, also when their targets are apart "
             "and in reverse order")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("One DMA of 48 bytes crosses from one page to the next, whose targets are apart and in "
           "reverse order.")
     EXPECTS("Half of the bytes are at the end of one page, half at the start of the other.")
     IF_IT_FAILS("The host translates the first page of a request only, and goes on linearly."))
{
    struct dma_engine *e = device(t);
    struct buffer low = buffer(t, 1), high = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &high);
    const uint8_t *bad;

    map(t, d, IOVA + PAGE_SIZE, &low, RW);
    attach(t, d, e);
    fill_by_device(t, e, IOVA + PAGE_SIZE - 24, 48, "DMA");
    bad = memory_find_other(high.data + PAGE_SIZE - 24, 24, e->ops->fill_value);
    CHECK(!bad,
          "the first 24 bytes belong to the end of the page that the first leaf maps; GPA 0x%llx "
          "differs",
          (unsigned long long)gpa_of(bad));
    bad = memory_find_other(low.data, 24, e->ops->fill_value);
    CHECK(!bad,
          "the last 24 bytes belong to the start of the page that the second leaf maps; GPA 0x%llx "
          "differs",
          (unsigned long long)gpa_of(bad));
    CHECK(!memory_find_other(high.data, PAGE_SIZE - 24, POISON_FRESH),
          "a byte before the DMA changed");
    CHECK(!memory_find_other(low.data + 24, PAGE_SIZE - 24, POISON_FRESH),
          "a byte after the DMA changed");
}

TEST(dma_into_unmapped_page_stops_there,
     PROMISE("A DMA that runs from a mapped into an unmapped page writes nothing after the "
             "boundary")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("One DMA of 32 bytes runs from a mapped page into one that is not.")
     EXPECTS("Nothing after the boundary changes.")
     IF_IT_FAILS("The host checks only the start of a request."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 2);

    map_gpa(t, d, IOVA, gpa_of(b.data), PAGE_SIZE, RW);
    attach(t, d, e);
    fill_by_device(t, e, IOVA + PAGE_SIZE - 16, 32, "DMA");
    drain_faults(t, e);
    CHECK(!memory_find_other(b.data, PAGE_SIZE - 16, POISON_FRESH),
          "a byte before the DMA changed");
    CHECK(!memory_find_other(b.data + PAGE_SIZE, PAGE_SIZE, POISON_FRESH),
          "the page after the boundary is not mapped, yet it changed");
}

TEST(scattered_64k,
     PROMISE("One DMA of almost 64 KiB follows sixteen leaves whose targets are in random order")
     COVERS("TR-1 TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("Sixteen pages in random order are mapped; the device writes to each, then over all of "
           "them in one DMA.")
     EXPECTS("Each byte is where its leaf points, and the byte after the DMA is unchanged.")
     IF_IT_FAILS("Some index of the leaf table is wrong, or long requests are not cut at page "
                 "boundaries."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 16);
    uint8_t order[16] = {0};

    for (unsigned i = 0; i < 16; i++) {
        unsigned other = (unsigned)random_below(&t->random, i + 1);

        order[i] = order[other];
        order[other] = (uint8_t)i;
    }
    for (unsigned i = 0; i < 16; i++)
        map_gpa(t, d, IOVA + i * PAGE_SIZE, gpa_of(b.data) + order[i] * PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    for (unsigned i = 0; i < 16; i++) {
        expect_write(t, e, IOVA + i * PAGE_SIZE + 100 + i, &b, order[i] * PAGE_SIZE + 100 + i, 200,
                     "one page of many");
    }
    fill_by_device(t, e, IOVA, 16 * PAGE_SIZE - 1, "DMA");
    for (unsigned i = 0; i < 16; i++) {
        size_t length = i == 15 ? PAGE_SIZE - 1 : PAGE_SIZE;

        CHECK(!memory_find_other(b.data + order[i] * PAGE_SIZE, length, e->ops->fill_value),
              "page %u of the DMA is not where its leaf points", i);
    }
    CHECK_EQ(b.data[(order[15] + 1) * PAGE_SIZE - 1], POISON_FRESH, "the byte after the DMA");
}

TEST(random_offsets_and_lengths,
     PROMISE("Small DMAs at random offsets and of random lengths touch exactly their bytes")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("Forty reads and writes back of up to 5000 bytes at random offsets of four pages.")
     EXPECTS("Exactly the named bytes are inverted each time.")
     IF_IT_FAILS("The offset in the page, or the length of pieces, is computed wrongly."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 4);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < rounds_on(e, 40, 10); i++) {
        size_t length = 1 + random_below(&t->random, 5000);
        size_t offset = random_below(&t->random, b.size - length);

        expect_invert(t, e, IOVA + offset, &b, offset, length, "random piece");
    }
}

TEST(two_iovas_one_page,
     PROMISE("Two IOVAs may map the same page")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two IOVAs map one page, and the device writes through both.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("The host assumes that a page is mapped once."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    map(t, d, IOVA + 64 * SIZE_2M, &b, RW);
    attach(t, d, e);
    expect_write(t, e, IOVA + 8, &b, 8, 8, "first IOVA");
    expect_write(t, e, IOVA + 64 * SIZE_2M + 16, &b, 16, 8, "second IOVA");
}

TEST(read_only_leaf_is_readable,
     PROMISE("A device reads through a read-only leaf, byte for byte")
     COVERS("TR-3") DEVICES(READING) KINDS("dma")
     STEPS("A page of random bytes is mapped read-only, and the device reads 301 of them.")
     EXPECTS("The device has seen exactly these bytes.")
     IF_IT_FAILS("The host refuses reads of a page that must not be written."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    for (size_t i = 0; i < b.size; i++)
        b.data[i] = (uint8_t)random_u64(&t->random);
    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    stage(t, d, e);
    expect_read(t, e, IOVA + 5, 301, b.data + 5, "read-only page");
}
