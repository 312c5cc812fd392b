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

TEST(beyond_the_width_aborts,
     PROMISE("An IOVA at or above 2^width aborts, even when its low bits are mapped")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("One low page is mapped; the device writes to its address with each bit at or above the "
           "width set.")
     EXPECTS("All of them abort.")
     IF_IT_FAILS("The host drops high bits: an IOVA that is not mapped reaches a page."))
{
    struct dma_engine *e = device(t);
    unsigned width = capabilities(t)->max_iova_width;
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, 0x5000, &b);

    attach(t, d, e);
    warm(t, e, 0x5000, &b, "the low IOVA itself");
    for (unsigned bit = width; bit < 64; bit += bit < 48 ? 1 : 5)
        expect_write_fault(t, e, (1ull << bit) | 0x5000, 4, &b, FAULT_ANY, "IOVA beyond the width");
}

TEST(mapped_beyond_the_width,
     PROMISE("A page that the tables map at or above 2^width is out of reach, also for a DMA that "
             "begins on the last page below")
     COVERS("TR-2") ABI() DEVICES(ALL) KINDS("dma fault")
     STEPS("If the tables have room beyond the reported width, the last page below it is mapped, "
           "and three beyond: the first, one after it and the last that the tables hold. The "
           "device reads and writes each of the three, writes below the width, tries the three "
           "again, and writes over the edge in one DMA.")
     EXPECTS("The page below the width is reached and none of the others.")
     IF_IT_FAILS("The unit compares an IOVA with what its tables can hold and not with the width "
                 "that the host reports, or compares only some accesses."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer below = buffer(t, 1), beyond = buffer(t, 3);
    unsigned width = capabilities(t)->max_iova_width;
    uint64_t limit = stage1_iova_limit(&d->table), end = width < 63 ? 1ull << width : limit;
    const uint64_t iova[] = {end, end + 5 * PAGE_SIZE, limit - PAGE_SIZE};

    if (end >= limit)
        SKIP("tables of %u levels hold no IOVA beyond %u bits", d->table.levels, width);
    map(t, d, end - PAGE_SIZE, &below, RW);
    /* Past the fixture, which maps nothing beyond the width. */
    for (unsigned i = 0; i < 3; i++)
        REQUIRE(stage1_map(&d->table, iova[i], gpa_of(beyond.data) + i * PAGE_SIZE, PAGE_SIZE,
                           RW) == STAGE1_OK,
                "our own tables do not hold IOVA 0x%llx", (unsigned long long)iova[i]);
    attach(t, d, e);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            expect_write_fault(t, e, iova[i] + 8, 4, &beyond, FAULT_ANY, "mapped beyond the width");
            expect_read_fault(t, e, iova[i] + 8, 4, &beyond, FAULT_ANY, "mapped beyond the width");
        }
        expect_write(t, e, end - PAGE_SIZE, &below, 0, 16, "the last page below the width");
    }
    STEP("device 0x%llx writes 32 bytes at IOVA 0x%llx, over the edge", e->device_id, end - 16);
    fill_by_device(t, e, end - 16, 32, "DMA that begins below the width");
    expect_untouched(t, &beyond, "pages beyond the width, after a DMA that began below it");
    drain_faults(t, e);
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
