/* SPDX-License-Identifier: MIT */
/*
 * One DMA over the end of a region (TR-1): the index of a higher table level changes in the middle
 * of a request, or a bit of the IOVA that a host may keep in another word. The targets before and
 * after the boundary are apart and in reverse order, so that going on linearly is seen; another
 * page is mapped at the start of the region, where a request that wraps goes on.
 */
#include "lib/random.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

/* Places of the three pages in the buffer; the pages between them are not mapped. */
enum place { AFTER = 0, START = 2, BEFORE = 4, PLACES = 5 };

struct crossing {
    struct dma_engine *engine;
    struct buffer buffer;
    uint64_t boundary;
};

static void expect_bytes(struct test_run *t, const uint8_t *at, uint8_t expected, const char *why)
{
    CHECK(*at == expected, "%s: GPA 0x%llx holds 0x%02x, expected 0x%02x", why,
          (unsigned long long)gpa_of(at), *at, expected);
}

/* The bytes of the request in the order of their IOVAs. */
static uint8_t *byte_of(const struct crossing *c, size_t before, size_t i)
{
    return i < before ? c->buffer.data + (BEFORE + 1) * PAGE_SIZE - before + i
                      : c->buffer.data + AFTER * PAGE_SIZE + (i - before);
}

static void settle(struct test_run *t, struct crossing *c, size_t before, size_t length,
                   const char *what)
{
    for (size_t i = 0; i < length; i++)
        *byte_of(c, before, i) = POISON_FRESH;
    expect_untouched(t, &c->buffer, what);
}

static void write_over(struct test_run *t, struct crossing *c, size_t before, size_t after)
{
    STEP("device 0x%llx writes %llu bytes at IOVA 0x%llx", c->engine->device_id, before + after,
         c->boundary - before);
    fill_by_device(t, c->engine, c->boundary - before, before + after, "DMA over the boundary");
    for (size_t i = 0; i < before + after; i++) {
        expect_bytes(t, byte_of(c, before, i), c->engine->ops->fill_value,
                     i < before ? "written before the boundary" : "written after the boundary");
    }
    settle(t, c, before, before + after, "pages that were not written");
}

static void invert_over(struct test_run *t, struct crossing *c, size_t before, size_t after)
{
    uint8_t *from = page_alloc(1, PAGE_SIZE);

    REQUIRE(from && before + after <= PAGE_SIZE, "no memory for a copy");
    for (size_t i = 0; i < before + after; i++) {
        from[i] = (uint8_t)random_u64(&t->random);
        *byte_of(c, before, i) = from[i];
    }
    STEP("device 0x%llx inverts %llu bytes at IOVA 0x%llx", c->engine->device_id, before + after,
         c->boundary - before);
    invert_by_device(t, c->engine, c->boundary - before, before + after, from,
                     "DMA over the boundary");
    for (size_t i = 0; i < before + after; i++) {
        expect_bytes(t, byte_of(c, before, i), (uint8_t)~from[i],
                     i < before ? "inverted before the boundary" : "inverted after the boundary");
    }
    settle(t, c, before, before + after, "pages that were not inverted");
}

static void need_iova(struct test_run *t, const struct domain *d, uint64_t last)
{
    uint8_t width = capabilities(t)->max_iova_width;

    if ((width < 64 && last >> width != 0) || last >= stage1_iova_limit(&d->table)) {
        SKIP("the host has IOVAs of %u bits, and the test needs 0x%llx", width,
             (unsigned long long)last);
    }
}

/* The end of a region, where a level of the tables or a width of addresses ends. */
struct boundary {
    uint64_t at, region;
};

static const struct boundary end_2m = {0x04200000ull, SIZE_2M}, end_1g = {SIZE_1G, SIZE_1G},
                             end_4g = {4 * SIZE_1G, 4 * SIZE_1G},
                             end_512g = {512 * SIZE_1G, 512 * SIZE_1G};

#define BOUNDARIES(ROW, test)                                                                      \
    ROW(test, 2m, &end_2m, WORD(region, "a 2 MiB region"))                                         \
    ROW(test, 1g, &end_1g, WORD(region, "a 1 GiB region"))                                         \
    ROW(test, 4g, &end_4g, WORD(region, "the first 4 GiB"))                                        \
    ROW(test, 512g, &end_512g, WORD(region, "the first 512 GiB"))

VARIANTS(const struct boundary *const, boundaries, BOUNDARIES);

TEST_EACH(dma_across, BOUNDARIES,
          PROMISE("One DMA over the end of {region} follows the leaves on both sides")
          COVERS("TR-1") DEVICES(ALL) KINDS("dma")
          STEPS("The pages before and after the end of {region} lead to pages that are apart and "
                "in reverse order, and the first page of the region leads to a third one. The "
                "device writes and inverts some bytes over the boundary, each time in one DMA.")
          EXPECTS("The bytes before the boundary are in the one page, those after it in the other, "
                  "and nothing else changes.")
          IF_IT_FAILS("A request is translated once and goes on linearly, or the carry into the "
                      "upper bits of the IOVA is lost."))
{
    const uint64_t boundary = VARIANT(boundaries)->at, region = VARIANT(boundaries)->region;
    struct crossing c = {.engine = device(t), .buffer = buffer(t, PLACES), .boundary = boundary};
    struct domain *d = domain_paging(t);
    uint64_t gpa = gpa_of(c.buffer.data);

    need_iova(t, d, boundary + PAGE_SIZE - 1);
    map_gpa(t, d, boundary - PAGE_SIZE, gpa + BEFORE * PAGE_SIZE, PAGE_SIZE, RW);
    map_gpa(t, d, boundary, gpa + AFTER * PAGE_SIZE, PAGE_SIZE, RW);
    map_gpa(t, d, boundary - region, gpa + START * PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, c.engine);
    write_over(t, &c, 1, 1);
    write_over(t, &c, 100, 200);
    invert_over(t, &c, 77, 51);
    invert_over(t, &c, 1, 64);
}
