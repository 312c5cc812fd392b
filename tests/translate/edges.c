/* SPDX-License-Identifier: MIT */
/*
 * The edges of a mapping, byte by byte (TR-1, TR-5). A look-up that compares the end of a range
 * with "less or equal", or that asks for a range one byte too long, finds the mapping for the byte
 * beside it. Accesses of several bytes hide this: their other bytes are refused, and with them
 * often the whole access. So each access here is one byte long.
 */
#include "tests/harness/leaf.h"

#define TEST_GROUP "translate"
/* A boundary of each size; the low one is in reach of devices with few address lines. */

static void edges(struct test_run *t, uint64_t iova, uint64_t size)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, iova, size);
    struct domain *d = domain_paging(t);
    int64_t after = (int64_t)size;

    leaf_map(t, d, &l, RW);
    attach(t, d, e);
    /* Refused first with nothing in the caches, then with the mapping in them. */
    for (unsigned warm = 0; warm < 2; warm++) {
        leaf_expect_write_fault(t, e, &l, after, 1, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "byte after the last one");
        leaf_expect_write_fault(t, e, &l, -1, 1, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "byte before the first one");
        leaf_expect_read_fault(t, e, &l, after, 1, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "byte after the last one");
        leaf_expect_read_fault(t, e, &l, -1, 1, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "byte before the first one");
        leaf_expect_write(t, e, &l, 0, 1, "first byte");
        leaf_expect_write(t, e, &l, size - 1, 1, "last byte");
    }
}

TEST(edges_of_4k_leaf,
     PROMISE("The byte before a mapped page and the byte after it are out of reach; its first and "
             "last byte are not")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("One page is mapped. The device writes and reads one byte right after it and one right "
           "before it, and writes its first and its last byte; then all of this again, with the "
           "translation in the caches.")
     EXPECTS("The bytes beside the page fault as not present and nothing changes; the first and "
             "the last byte land.")
     IF_IT_FAILS("The host looks up a range that is one byte too long, or compares the end of a "
                 "mapping with less-or-equal."))
{
    edges(t, IOVA, PAGE_SIZE);
}

TEST(edges_of_2m_leaf,
     PROMISE("The byte before a 2 MiB leaf and the byte after it are out of reach; its first and "
             "last byte are not")
     COVERS("TR-5 TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("One 2 MiB leaf is mapped. The device writes and reads one byte right after it and one "
           "right before it, and writes its first and its last byte; then all of this again, with "
           "the translation in the caches.")
     EXPECTS("The bytes beside the leaf fault as not present and nothing changes; the first and "
             "the last byte land.")
     IF_IT_FAILS("The end of a superpage is computed with the wrong size, or compared with "
                 "less-or-equal."))
{
    edges(t, IOVA, SIZE_2M);
}

TEST(edges_of_1g_leaf,
     PROMISE("The byte before a 1 GiB leaf and the byte after it are out of reach; its first and "
             "last byte are not")
     COVERS("TR-5 TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("One 1 GiB leaf is mapped. The device writes and reads one byte right after it and one "
           "right before it, and writes its first and its last byte; then all of this again, with "
           "the translation in the caches.")
     EXPECTS("The bytes beside the leaf fault as not present and nothing changes; the first and "
             "the last byte land.")
     IF_IT_FAILS("The end of a superpage is computed with the wrong size, or compared with "
                 "less-or-equal."))
{
    edges(t, IOVA_1G, SIZE_1G);
}

TEST(edges_between_rights,
     PROMISE("At the boundary of a read-only page and a writable one each byte has the rights of "
             "its page")
     COVERS("TR-3 TR-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("A read-only page and a writable one lie side by side, in this order and in the other. "
           "The device writes the byte on either side of the boundary, with nothing in the caches "
           "and then with both pages in them, and inverts the one that is writable.")
     EXPECTS("The byte of the read-only page is denied and unchanged; the other one lands, and is "
             "inverted.")
     IF_IT_FAILS("The last byte of a page is looked up together with the first one of the next, so "
                 "that one byte has the rights of its neighbor."))
{
    struct dma_engine *e = device(t);

    for (unsigned second = 0; second < 2; second++) {
        struct buffer b = buffer(t, 2);
        struct domain *d = domain_paging(t);
        const size_t last = PAGE_SIZE - 1, first = PAGE_SIZE;
        const size_t denied = second ? first : last, allowed = second ? last : first;

        map_gpa(t, d, IOVA, gpa_of(b.data), PAGE_SIZE, second ? RW : STAGE1_READ);
        map_gpa(t, d, IOVA + PAGE_SIZE, gpa_of(b.data + PAGE_SIZE), PAGE_SIZE,
                second ? STAGE1_READ : RW);
        attach(t, d, e);
        for (unsigned warm = 0; warm < 2; warm++) {
            expect_write_fault(t, e, IOVA + denied, 1, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                               "byte of the read-only page at the boundary");
            expect_write(t, e, IOVA + allowed, &b, allowed, 1,
                         "byte of the writable page at the boundary");
        }
        expect_invert(t, e, IOVA + allowed, &b, allowed, 1,
                      "byte of the writable page at the boundary");
    }
}
