/* SPDX-License-Identifier: MIT */
/* IOVAs beyond the width that the host reports. */
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

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

typedef void attach_to(struct test_run *t, struct domain *d, struct dma_engine *e);

static void attach_any(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    attach(t, d, e);
}

static void expect_nothing_beyond(struct test_run *t, struct dma_engine *e, struct domain *d,
                                  attach_to *attach_device)
{
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
    attach_device(t, d, e);
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
    expect_nothing_beyond(t, device(t), domain_paging(t), attach_any);
}

TEST(five_levels_beyond_the_width,
     PROMISE("A page that tables of five levels map at or above 2^width is out of reach, also for "
             "a DMA that begins on the last page below")
     COVERS("TR-2 TR-12") ABI() DEVICES(ALL) KINDS("dma fault")
     STEPS("If the host reports five levels and a width of less than 57 bits, the last page below "
           "the width is mapped, and three beyond: the first, one after it and the last that the "
           "tables hold. The device reads and writes each of the three, writes below the width, "
           "tries the three again, and writes over the edge in one DMA.")
     EXPECTS("The page below the width is reached and none of the others.")
     IF_IT_FAILS("The unit compares an IOVA with the width for tables of four levels alone: the "
                 "fifth level opens what no guest was told of."))
{
    expect_nothing_beyond(t, device(t), domain_five_levels(t), attach_five_level);
}
