/* SPDX-License-Identifier: MIT */
/* The index bits of the walk: low, high and sparse IOVAs. Bit 47 and above are left alone, because
 * first-stage hardware with a 48-bit width wants canonical addresses there and the ABI does not say
 * (reference 5). */
#include "lib/iova.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

/* IOVAs below this are good on every host of at least this width. */
static unsigned usable_bits(struct test_run *t)
{
    unsigned bits = capabilities(t)->max_iova_width;

    return bits > 47 ? 47 : bits;
}

TEST(every_index_bit,
     PROMISE("Each IOVA bit from 12 to the top takes part in the walk: a page mapped there is "
             "reached and its neighbors are not")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("A page of its own is mapped at each IOVA with one bit set, from bit 12 to the top, and "
           "at 0; the device writes to all.")
     EXPECTS("Each write lands in its own page.")
     IF_IT_FAILS("An IOVA bit is left out of the walk, so that two IOVAs are one."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    unsigned bits = usable_bits(t);
    struct buffer b = buffer(t, 48);

    map_gpa(t, d, 0, gpa_of(b.data), PAGE_SIZE, RW);
    for (unsigned bit = 12; bit < bits; bit++)
        map_gpa(t, d, 1ull << bit, gpa_of(b.data) + (bit - 11) * PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    for (unsigned bit = 12; bit < bits; bit++) {
        expect_write(t, e, (1ull << bit) + 40, &b, (bit - 11) * PAGE_SIZE + 40, 8,
                     "IOVA with a single bit set");
    }
    expect_write(t, e, 16, &b, 16, 8, "IOVA 0, after all the others");
}

TEST(sparse_random_iovas,
     PROMISE("Pages at random IOVAs over the whole width are reached, each its own target")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("24 pages are mapped at random IOVAs over the whole width; the device writes to all.")
     EXPECTS("Each write lands in its own page.")
     IF_IT_FAILS("Tables at some place of the tree are not found."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    uint64_t limit = 1ull << usable_bits(t), iova[24];
    struct buffer b = buffer(t, 24);

    need_width(t, 0, 1ull << 20); /* enough for 24 pages by chance */
    for (unsigned i = 0; i < 24; i++) {
        do {
            iova[i] = random_below(&t->random, limit) & ~(PAGE_SIZE - 1);
        } while ((iova[i] >= IOVA_MSI_FIRST && iova[i] <= IOVA_MSI_LAST) ||
                 domain_map(d, iova[i], gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW) !=
                     STAGE1_OK);
    }
    attach(t, d, e);
    for (unsigned i = 0; i < 24; i++)
        expect_write(t, e, iova[i] + 8 * i, &b, i * PAGE_SIZE + 8 * i, 32, "sparse IOVA");
}

TEST(highest_iova,
     PROMISE("The last page below the reported width (at most 2^47) translates to its last byte")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("The last page below the reported width is mapped, and the device writes all of it and "
           "its last byte.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("The host's limit is lower than what it reports, or off by one."))
{
    struct dma_engine *e = device(t);
    uint64_t iova = (1ull << usable_bits(t)) - PAGE_SIZE;
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, iova, &b);

    attach(t, d, e);
    expect_write(t, e, iova, &b, 0, PAGE_SIZE, "last page");
    expect_write(t, e, iova + PAGE_SIZE - 1, &b, PAGE_SIZE - 1, 1, "last byte");
}

TEST(aliases_of_a_mapped_page,
     PROMISE("IOVAs that differ from a mapped one in one index bit abort")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("One page is mapped at an IOVA with mixed bits; the device writes to addresses that "
           "differ in one index bit.")
     EXPECTS("All of them fault as not present.")
     IF_IT_FAILS("Some index bit takes no part in the walk or in the lookup of the cache."))
{
    struct dma_engine *e = device(t);
    uint64_t iova = 0x2A5533AA5000ull & ((1ull << usable_bits(t)) - 1);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, iova, &b);

    attach(t, d, e);
    warm(t, e, iova, &b, "the mapped IOVA");
    for (unsigned bit = 12; bit < usable_bits(t); bit += 3) {
        expect_write_fault(t, e, iova ^ (1ull << bit), 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "IOVA with one bit flipped");
    }
}

TEST(next_to_the_interrupt_window,
     PROMISE("The pages right below and right above the interrupt window 0xFEE00000 to 0xFEEFFFFF "
             "translate like any other")
     COVERS("TR-13 TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("The pages right below and right above 0xFEE00000 to 0xFEEFFFFF are mapped, and the "
           "device writes all of both.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("The interrupt window is taken too wide: a driver whose IOVA lies beside it loses "
                 "its DMA."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 2);
    uint64_t below = IOVA_MSI_FIRST - PAGE_SIZE, above = IOVA_MSI_LAST + 1;

    map_gpa(t, d, below, gpa_of(b.data), PAGE_SIZE, RW);
    map_gpa(t, d, above, gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    expect_write(t, e, below, &b, 0, PAGE_SIZE, "page below the window, to its last byte");
    expect_write(t, e, above, &b, PAGE_SIZE, PAGE_SIZE,
                 "page above the window, from its first byte");
}
