/* SPDX-License-Identifier: MIT */
/*
 * More pages, large pages and tables than the caches of a host may hold (TR-1, TR-5, TR-2). Each
 * has a target of its own and is used twice, the second time in another order: an entry that was
 * evicted must not answer, and one that stayed must not have got the target of another.
 */
#include "drivers/dmaprobe.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"
#include "tests/harness/transcript.h"

#define TEST_GROUP "translate"

#define ODD 37u /* no divisor of any count here */

static void use(struct test_run *t, struct dma_engine *e, uint64_t iova, uint8_t *target)
{
    fill_by_device(t, e, iova, 8, "one of many");
    CHECK(*target == e->ops->fill_value,
          "a write to IOVA 0x%llx, one of many, does not land at GPA 0x%llx",
          (unsigned long long)iova, (unsigned long long)gpa_of(target));
    for (unsigned byte = 0; byte < 8; byte++)
        target[byte] = POISON_FRESH;
}

/* Places at each of which `pages` of the buffer are mapped in a row. */
struct places {
    struct buffer b;
    uint64_t stride;
    unsigned count, pages;
};

static uint64_t iova_of(const struct places *p, unsigned place, unsigned page)
{
    return IOVA_1G + place * p->stride + page * PAGE_SIZE;
}

static uint8_t *target_of(const struct places *p, unsigned place, unsigned page)
{
    return p->b.data + ((size_t)place * p->pages + page) * PAGE_SIZE;
}

/* Bytes of the number that is written through the n-th place. */
static uint64_t number(unsigned n)
{
    return 0x5A00000000000000ull + n;
}

/* One exit for many: each place gets a number of its own, so that two which lead to each other's
 * targets show. */
static void use_by_list(struct test_run *t, struct dma_engine *e, const struct places *p,
                        unsigned first, unsigned count, unsigned step, unsigned page)
{
    struct dmaprobe_request request = {
        .operation = DMAPROBE_WRITE, .flags = DMAPROBE_SCATTERED, .elements = count};
    uint64_t *numbers = (uint64_t *)dmaprobe_buffer(e);

    for (unsigned i = 0; i < count; i++) {
        numbers[i] = number(first + i);
        dmaprobe_scatter(e)[i] = (struct dmaprobe_element){
            .iova = iova_of(p, (first + i) * step % p->count, page), .length = sizeof(*numbers)};
    }
    dmaprobe_start(e, 0, &request);
    CHECK(request.status == DMAPROBE_OK, "a write to IOVA 0x%llx, one of many, is refused",
          (unsigned long long)request.fault_iova);
    for (unsigned i = 0; i < count; i++) {
        unsigned place = (first + i) * step % p->count;
        uint64_t *target = (uint64_t *)target_of(p, place, page), expected = number(first + i);

        CHECK(*target == expected,
              "a write to IOVA 0x%llx, one of many, does not land at GPA 0x%llx",
              (unsigned long long)iova_of(p, place, page), (unsigned long long)gpa_of(target));
        memset(target, POISON_FRESH, sizeof(*target));
    }
}

/* Place 0, `step`, twice that, and so on. */
static void use_all(struct test_run *t, struct dma_engine *e, const struct places *p, unsigned step,
                    unsigned page)
{
    for (unsigned done = 0, part; done < p->count; done += part) {
        part =
            p->count - done < DMAPROBE_SCATTER_LENGTH ? p->count - done : DMAPROBE_SCATTER_LENGTH;
        if (dmaprobe_is(e) && !transcript_is_on()) {
            use_by_list(t, e, p, done, part, step, page);
            continue;
        }
        for (unsigned i = done; i < done + part; i++) {
            unsigned place = i * step % p->count;

            use(t, e, iova_of(p, place, page), target_of(p, place, page));
        }
    }
}

/* `pages` in a row at each of `count` places; the first one is used first, then the last one in
 * another order. */
static void small_pages(struct test_run *t, unsigned count, uint64_t stride, unsigned pages)
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct places p = {.stride = stride, .count = rounds_on(e, count, 5), .pages = pages};

    need_width(t, IOVA_1G, p.count * stride);
    p.b = buffer(t, p.count * pages);
    for (unsigned i = 0; i < p.count; i++) {
        REQUIRE(domain_map(d, iova_of(&p, i, 0), gpa_of(target_of(&p, i, 0)), pages * PAGE_SIZE,
                           RW) == STAGE1_OK,
                "mapping place %u in our own tables", i);
    }
    attach(t, d, e);
    STEP("%llu pages at each of %llu places, one every 0x%llx bytes; the device uses all places, "
         "twice",
         pages, p.count, stride);
    use_all(t, e, &p, 1, 0);
    use_all(t, e, &p, ODD, pages - 1);
    expect_untouched(t, &p.b, "pages of other IOVAs");
}

TEST(many_pages_twice,
     PROMISE("Each of 150 pages that are used twice leads to its target")
     COVERS("TR-1") DEVICES(ALL) KINDS("dma")
     STEPS("150 pages in a row have a target each. The device writes in all of them, and again in "
           "another order.")
     EXPECTS("Every write lands in its own page, and nothing else changes.")
     IF_IT_FAILS("An entry that makes room for another leaves its tag or its target behind."))
{
    small_pages(t, 150, PAGE_SIZE, 1);
}

TEST(many_tables_twice,
     PROMISE("130 leaf tables that are used twice lead to the targets of two pages each")
     COVERS("TR-2") DEVICES(ALL) KINDS("dma")
     STEPS("130 pairs of pages lie 2 MiB apart, each page with a target of its own. The device "
           "writes in the first pages of all, and then in the second ones in another order.")
     EXPECTS("Every write lands in its own page, and nothing else changes.")
     IF_IT_FAILS("A full paging-structure cache mixes up tag and table of two entries."))
{
    small_pages(t, 130, SIZE_2M, 2);
}

TEST(many_large_pages_twice,
     PROMISE("Each of 100 large pages that are used twice leads to its target")
     COVERS("TR-5") DEVICES(ALL) KINDS("dma")
     STEPS("100 leaves of 2 MiB lead to one of two targets in turn. The device writes in all of "
           "them, and again in another order.")
     EXPECTS("Every write lands in its own target, and nothing else changes.")
     IF_IT_FAILS("A full cache of large pages mixes up tag and target of two entries."))
{
    struct dma_engine *e = device(t);
    struct buffer target[2] = {buffer_for_leaf(t, SIZE_2M), buffer_for_leaf(t, SIZE_2M)};
    struct domain *d = domain_paging(t);
    unsigned count = rounds_on(e, 100, 5);

    need_width(t, IOVA_1G, count * SIZE_2M);
    for (unsigned i = 0; i < count; i++) {
        REQUIRE(domain_map(d, IOVA_1G + i * SIZE_2M, gpa_of(target[i % 2].data), SIZE_2M, RW) ==
                    STAGE1_OK,
                "mapping leaf %u of our own tables", i);
    }
    attach(t, d, e);
    STEP("map %llu leaves of 2 MiB to two targets in turn; the device writes in each, twice in "
         "another order",
         count);
    for (unsigned i = 0; i < 2 * count; i++) {
        unsigned which = i < count ? i : i * ODD % count;

        use(t, e, IOVA_1G + which * SIZE_2M, target[which % 2].data);
    }
    for (unsigned i = 0; i < 2; i++)
        expect_untouched(t, &target[i], "targets of other IOVAs");
}

#undef TEST_GROUP
#define TEST_GROUP "stress"

STRESS(many_tables,
       PROMISE("1,100 leaf tables that are used twice lead to the targets of two pages each")
       COVERS("TR-2") DEVICES(dmaprobe) KINDS("dma")
       STEPS("1,100 pairs of pages lie 2 MiB apart, each page with a target of its own. The device "
             "writes in the first pages of all, and then in the second ones in another order.")
       EXPECTS("Every write lands in its own page, and nothing else changes.")
       IF_IT_FAILS("A full paging-structure cache mixes up tag and table of two entries."))
{
    small_pages(t, 1100, SIZE_2M, 2);
}

STRESS(eight_thousand_pages,
       PROMISE("Each of 8,192 pages that are used twice leads to its target")
       COVERS("TR-1") DEVICES(dmaprobe) TIER(stress) KINDS("dma")
       STEPS("8,192 pages in a row have a target each. The device writes in all of them, and again "
             "in another order.")
       EXPECTS("Every write lands in its own page, and nothing else changes.")
       IF_IT_FAILS("In a full cache of thousands of entries, a new entry keeps the tag or the "
                   "target of the one that it replaces."))
{
    small_pages(t, 8192, PAGE_SIZE, 1);
}
