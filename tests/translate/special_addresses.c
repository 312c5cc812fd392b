/* SPDX-License-Identifier: MIT */
/* IOVAs and targets that look like special ones in some of their bits (TR-1, TR-13). */
#include "drivers/dmaprobe.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

#define WINDOW_FIRST 0xFEE00000ull
#define WINDOW_LAST  0xFEEFF000ull
#define LENGTH       64u

TEST(interrupt_window_with_a_higher_bit,
     PROMISE("The addresses of the interrupt window with one higher bit set translate like any "
             "others")
     COVERS("TR-13 TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("For each bit from 32 up to the reported width, the first and the last page of the "
           "interrupt window with this bit set are mapped, and the device writes in both.")
     EXPECTS("Each write lands.")
     IF_IT_FAILS("The host finds the interrupt window by some bits of an address, and loses DMA to "
                 "other ones."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_paging(t);
    unsigned bits = capabilities(t)->max_iova_width, step = 1 + rounds_on(e, 0, 5);

    if (bits <= 32 || e->iova_bits <= 32) {
        SKIP("IOVAs of %u bits, device with %u address lines: no address above the window", bits,
             e->iova_bits);
    }
    attach(t, d, e);
    for (unsigned bit = 32;
         bit < bits && bit < e->iova_bits && 1ull << bit < stage1_iova_limit(&d->table);
         bit += step) {
        uint64_t first = WINDOW_FIRST | 1ull << bit, last = WINDOW_LAST | 1ull << bit;

        map_gpa(t, d, first, gpa_of(b.data), PAGE_SIZE, RW);
        map_gpa(t, d, last, gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, RW);
        expect_write(t, e, first, &b, 0, 8, "the first page of the window with a higher bit");
        expect_write(t, e, last, &b, PAGE_SIZE, 8, "the last page of the window with a higher bit");
    }
}

/* Bytes that the device reads there. */
static uint64_t read_at(struct test_run *t, struct dma_engine *e, uint64_t iova)
{
    struct dmaprobe_request r = {.operation = DMAPROBE_READ, .iova = iova, .length = LENGTH};

    dmaprobe_start(e, 0, &r);
    STEP("device 0x%llx reads %llu bytes at IOVA 0x%llx: %llu moved", e->device_id, LENGTH, iova,
         r.moved);
    drain_faults(t, e);
    return r.moved;
}

TEST(leaf_to_page_0,
     PROMISE("A leaf that leads to GPA 0 translates like any other")
     COVERS("TR-1") DEVICES(PROBE) KINDS("dma")
     STEPS("In an identity domain the device reads at GPA 0, which shows whether the guest has "
           "memory there. Then it reads through a leaf that leads to GPA 0.")
     EXPECTS("Both reads move all bytes.")
     IF_IT_FAILS("An address of 0 is taken for none."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);

    attach(t, domain_identity(t), e);
    if (read_at(t, e, 0) != LENGTH)
        SKIP("the guest has no memory at GPA 0");
    map_gpa(t, d, IOVA, 0, PAGE_SIZE, RW);
    attach(t, d, e);
    CHECK_EQ(read_at(t, e, IOVA), LENGTH, "bytes read through a leaf that leads to GPA 0");
}
