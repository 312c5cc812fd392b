/* SPDX-License-Identifier: MIT */
/* Superpage leaves: PS at the 2 MiB and 1 GiB levels, alone and next to small leaves (TR-5, TR-6).
 */
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

static void check_leaf_size(struct test_run *t, struct domain *d, uint64_t iova, uint64_t size)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, iova, &w) == STAGE1_OK && w.page_size == size,
            "our own table has no leaf of 0x%llx bytes at 0x%llx", (unsigned long long)size,
            (unsigned long long)iova);
}

TEST(leaf_2m,
     PROMISE("A 2 MiB leaf translates its first, middle and last byte and every 4 KiB boundary in "
             "it")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma")
     STEPS("The device writes at the start, middle and end of a 2 MiB leaf, 60 KiB inside, and "
           "right before and after it.")
     EXPECTS("Accesses in the leaf land, those next to it fault.")
     IF_IT_FAILS("A superpage is not recognized, or its offset bits are cut."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_mapping(t, IOVA_1G, &b);

    check_leaf_size(t, d, IOVA_1G, SIZE_2M);
    attach(t, d, e);
    expect_write(t, e, IOVA_1G, &b, 0, 1, "first byte");
    expect_write(t, e, IOVA_1G + SIZE_2M / 2 - 8, &b, SIZE_2M / 2 - 8, 16,
                 "middle, over a 4 KiB boundary");
    expect_write(t, e, IOVA_1G + SIZE_2M - 1, &b, SIZE_2M - 1, 1, "last byte");
    expect_write(t, e, IOVA_1G + 0x12345, &b, 0x12345, 0xF000, "60 KiB inside");
    expect_write_fault(t, e, IOVA_1G + SIZE_2M, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "after the leaf");
    expect_write_fault(t, e, IOVA_1G - 4, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "before the leaf");
}

TEST(leaf_2m_read_only,
     PROMISE("A read-only 2 MiB leaf drops writes to its first and last byte")
     COVERS("TR-3 TR-5") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to the first and last bytes of a read-only 2 MiB leaf.")
     EXPECTS("Both fault as write denied and change nothing.")
     IF_IT_FAILS("The permission of superpage leaves is not checked."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_paging(t);

    map(t, d, IOVA_1G, &b, STAGE1_READ);
    check_leaf_size(t, d, IOVA_1G, SIZE_2M);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA_1G, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED, "first bytes");
    expect_write_fault(t, e, IOVA_1G + SIZE_2M - 4, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "last bytes");
}

TEST(small_leaves_around_2m,
     PROMISE("4 KiB leaves directly before and after a 2 MiB leaf are told apart from it")
     COVERS("TR-6") DEVICES(ALL) KINDS("dma")
     STEPS("4 KiB leaves are mapped right before and after a 2 MiB leaf; the device uses the large "
           "leaf, then writes at all four edges.")
     EXPECTS("Each write lands on its own side.")
     IF_IT_FAILS("The extent of a superpage is taken too large, in the walk or in the cache."))
{
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA_1G, &big);

    map_gpa(t, d, IOVA_1G - PAGE_SIZE, gpa_of(small.data), PAGE_SIZE, RW);
    map_gpa(t, d, IOVA_1G + SIZE_2M, gpa_of(small.data) + PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    /* A cached translation of the large leaf must not answer for the small ones. */
    warm(t, e, IOVA_1G, &big, "2 MiB leaf");
    expect_write(t, e, IOVA_1G - 4, &small, PAGE_SIZE - 4, 4, "last bytes of the page before");
    expect_write(t, e, IOVA_1G + SIZE_2M, &small, PAGE_SIZE, 4, "first bytes of the page after");
    expect_write(t, e, IOVA_1G, &big, 0, 4, "first bytes of the 2 MiB leaf");
    expect_write(t, e, IOVA_1G + SIZE_2M - 4, &big, SIZE_2M - 4, 4, "last bytes of the 2 MiB leaf");
    expect_untouched(t, &small, "the small pages in the end");
}

TEST(small_leaves_for_2m,
     PROMISE("512 leaves of 4 KiB translate like the 2 MiB leaf that could replace them")
     COVERS("TR-6") DEVICES(ALL) KINDS("dma")
     STEPS("2 MiB are mapped by 512 leaves of 4 KiB; the device writes at both ends and over "
           "several pages.")
     EXPECTS("All writes land.")
     IF_IT_FAILS("The host guesses superpages from contiguous leaves, or loses leaves of a full "
                 "table."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_aligned(t, SIZE_2M / PAGE_SIZE, SIZE_2M);
    struct domain *d = domain_four_levels(t, IOVA_1G, &b);

    check_leaf_size(t, d, IOVA_1G, PAGE_SIZE);
    attach(t, d, e);
    expect_write(t, e, IOVA_1G, &b, 0, 4, "first page");
    expect_write(t, e, IOVA_1G + SIZE_2M - 4, &b, SIZE_2M - 4, 4, "last page");
    expect_write(t, e, IOVA_1G + 0x54321, &b, 0x54321, 0x8000, "several pages inside");
}

/* Three pages of a GiB that no allocator owns: the one that a DMA hits, and both neighbors. */
static void check_window(struct test_run *t, struct dma_engine *e, uint64_t iova, uint64_t gigapage,
                         uint64_t offset, size_t length, const char *what)
{
    uint64_t first = offset & ~(PAGE_SIZE - 1), start = first > 0 ? first - PAGE_SIZE : first;
    uint64_t end = first + 2 * PAGE_SIZE > SIZE_1G ? SIZE_1G : first + 2 * PAGE_SIZE;
    uint8_t *window = gpa_pointer(gigapage + start);

    memset(window, POISON_FRESH, end - start);
    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx", e->device_id, length, iova + offset);
    fill_by_device(t, e, iova + offset, length, "DMA");
    CHECK(!memory_find_other(window + (offset - start), length, e->ops->fill_value),
          "%s: not written", what);
    CHECK(!memory_find_other(window, offset - start, POISON_FRESH), "%s: a byte before it changed",
          what);
    CHECK(
        !memory_find_other(window + (offset - start) + length, end - offset - length, POISON_FRESH),
        "%s: a byte after it changed", what);
}

/* One DMA over the end of a large leaf, `last` being the first byte after it in memory: it goes on
 * where the next leaf leads. */
static void cross_from_large(struct test_run *t, struct dma_engine *e, uint64_t boundary,
                             uint8_t *last, uint8_t *next, size_t before, size_t after)
{
    uint8_t value = e->ops->fill_value;

    memset(last - PAGE_SIZE, POISON_FRESH, PAGE_SIZE);
    memset(next, POISON_FRESH, PAGE_SIZE);
    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx", e->device_id, before + after,
         boundary - before);
    fill_by_device(t, e, boundary - before, before + after, "DMA over the end of a large leaf");
    CHECK(!memory_find_other(last - before, before, value), "the end of the large leaf");
    CHECK(!memory_find_other(last - PAGE_SIZE, PAGE_SIZE - before, POISON_FRESH),
          "a byte before the DMA");
    CHECK(!memory_find_other(next, after, value), "the leaf after the large one");
    CHECK(!memory_find_other(next + after, PAGE_SIZE - after, POISON_FRESH),
          "a byte after the DMA");
}

static void cross_ends(struct test_run *t, struct dma_engine *e, uint64_t boundary, uint8_t *last,
                       uint8_t *next)
{
    static const struct {
        size_t before, after;
    } parts[] = {{8, 8}, {100, 200}, {PAGE_SIZE, 8}, {8, PAGE_SIZE}};

    for (unsigned i = 0; i < rounds_on(e, ARRAY_SIZE(parts), 2); i++)
        cross_from_large(t, e, boundary, last, next, parts[i].before, parts[i].after);
}

/* Memory for two leaves of 2 MiB. */
static struct buffer two_leaves(struct test_run *t)
{
    need_page_size(t, SIZE_2M);
    return buffer_aligned(t, 2 * SIZE_2M / PAGE_SIZE, SIZE_2M);
}

/* The same at the end of a 1 GiB leaf, where there can be one. */
static void cross_1g(struct test_run *t, struct dma_engine *e, uint8_t *next)
{
    struct domain *d;
    uint64_t gigapage;

    if ((capabilities(t)->pgsize_bitmap & SIZE_1G) == 0 || !memory_gigapage(&gigapage) ||
        (2 * SIZE_1G + PAGE_SIZE) >> capabilities(t)->max_iova_width != 0)
        return;
    d = domain_paging(t);
    map_gpa(t, d, SIZE_1G, gigapage, SIZE_1G, RW);
    map_gpa(t, d, 2 * SIZE_1G, gpa_of(next), PAGE_SIZE, RW);
    check_leaf_size(t, d, SIZE_1G, SIZE_1G);
    attach(t, d, e);
    cross_ends(t, e, 2 * SIZE_1G, gpa_pointer(gigapage + SIZE_1G), next);
}

TEST(dma_across_large_leaves,
     PROMISE("One DMA over the end of a large leaf follows the next leaf, wherever it leads")
     COVERS("TR-5 TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two 2 MiB leaves lead to the halves of 4 MiB in reverse order, and a 4 KiB leaf "
           "follows them. The device writes over the end of each large leaf in one DMA. The same "
           "with a 1 GiB leaf.")
     EXPECTS("The bytes after the boundary are where the next leaf leads, and nothing else "
             "changes.")
     IF_IT_FAILS("A translation holds for as much as there is memory from there on, not to the end "
                 "of its leaf: a request runs on into memory of others."))
{
    struct dma_engine *e = device(t);
    struct buffer both = two_leaves(t), small = buffer(t, 1);
    struct domain *d = domain_paging(t);

    map_gpa(t, d, IOVA_1G, gpa_of(both.data) + SIZE_2M, SIZE_2M, RW);
    map_gpa(t, d, IOVA_1G + SIZE_2M, gpa_of(both.data), SIZE_2M, RW);
    map_gpa(t, d, IOVA_1G + 2 * SIZE_2M, gpa_of(small.data), PAGE_SIZE, RW);
    check_leaf_size(t, d, IOVA_1G, SIZE_2M);
    check_leaf_size(t, d, IOVA_1G + SIZE_2M, SIZE_2M);
    attach(t, d, e);
    cross_ends(t, e, IOVA_1G + SIZE_2M, both.data + 2 * SIZE_2M, both.data);
    cross_ends(t, e, IOVA_1G + 2 * SIZE_2M, both.data + SIZE_2M, small.data);
    cross_1g(t, e, small.data);
}

TEST(leaf_1g,
     PROMISE("A 1 GiB leaf translates its first, middle and last byte")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes at the start, at a 2 MiB boundary in the middle, inside and at the "
           "end of a 1 GiB leaf, and right before and after it.")
     EXPECTS("Accesses in the leaf land and the neighbor bytes are unchanged; accesses next to the "
             "leaf fault.")
     IF_IT_FAILS("A 1 GiB leaf is not recognized, or the offset in it is cut to 2 MiB."))
{
    struct dma_engine *e = device(t);
    uint64_t iova = capabilities(t)->max_iova_width > 34 ? 0x3C0000000ull : 2 * SIZE_1G, gigapage;
    struct domain *d;

    need_page_size(t, SIZE_1G);
    if ((iova + SIZE_1G) >> capabilities(t)->max_iova_width != 0)
        SKIP("the host has IOVAs of %u bits", capabilities(t)->max_iova_width);
    d = domain_paging(t);
    if (!memory_gigapage(&gigapage))
        SKIP("this machine has no free, aligned GiB of RAM");
    map_gpa(t, d, iova, gigapage, SIZE_1G, RW);
    check_leaf_size(t, d, iova, SIZE_1G);
    attach(t, d, e);
    check_window(t, e, iova, gigapage, 0, 1, "first byte");
    check_window(t, e, iova, gigapage, SIZE_1G / 2 - 100, 200, "middle, over a 2 MiB boundary");
    check_window(t, e, iova, gigapage, 0x2345678, 9, "some bytes in a 2 MiB page of its own");
    check_window(t, e, iova, gigapage, SIZE_1G - 1, 1, "last byte");
    expect_write_fault(t, e, iova + SIZE_1G, 4, NULL, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "after the leaf");
    expect_write_fault(t, e, iova - 4, 4, NULL, ORACLE_FAULT_CLASS_NOT_PRESENT, "before the leaf");
}
