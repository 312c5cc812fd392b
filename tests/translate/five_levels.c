/* SPDX-License-Identifier: MIT */
/* Tables of five levels, where the host reports them. */
#include "lib/bits.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define LOW_IOVA  0x3000ull
#define FIRST_BIT 30u
#define TOP_LEVEL 4u /* of the entries that name tables of 2^48 bytes */

#define TEST_GROUP "translate"

TEST(five_levels,
     PROMISE("A 5-level table translates IOVAs above 2^48 where the host reports it")
     COVERS("TR-12 CFG-1") DEVICES(ALL) KINDS("dma")
     STEPS("If the host reports five levels, a low page and one above 2^52 are mapped in a 5-level "
           "table, and the device writes to both.")
     EXPECTS("Both writes land.")
     IF_IT_FAILS("The fifth level is left out, or the table is walked as one of four levels."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d;

    d = domain_five_levels(t);
    map_gpa(t, d, 0x3000, gpa_of(b.data), PAGE_SIZE, RW);
    attach_five_level(t, d, e);
    expect_write(t, e, 0x3000, &b, 0, 16, "low IOVA");
    if (capabilities(t)->max_iova_width > 52) {
        map_gpa(t, d, (1ull << 52) + 0x3000, gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, RW);
        expect_write(t, e, (1ull << 52) + 0x3000, &b, PAGE_SIZE, 16,
                     "IOVA that needs the fifth level");
    }
}

TEST(five_levels_by_each_bit,
     PROMISE("Each bit of an IOVA counts in a 5-level table, up to the width that the host reports")
     COVERS("TR-12") DEVICES(ALL) KINDS("dma")
     STEPS("In a 5-level table one page is mapped at a low IOVA, and another one at the IOVA that "
           "differs from it in one bit, for each bit from 30 to the width; at last at the one in "
           "which all of these bits are set. The device writes there each time, and at the low "
           "IOVA.")
     EXPECTS("Each write lands in its own page, and changes no byte of the other one.")
     IF_IT_FAILS("The host drops a bit of the index into a table, most likely the topmost one into "
                 "the top table: two IOVAs lead to one page."))
{
    struct dma_engine *e = device(t);
    struct buffer low = buffer(t, 1), high = buffer(t, 1);
    struct domain *d = domain_five_levels(t);
    unsigned width = capabilities(t)->max_iova_width;
    uint64_t all = 0;

    if (e->iova_bits < width)
        width = e->iova_bits;
    map(t, d, LOW_IOVA, &low, RW);
    attach_five_level(t, d, e);
    for (unsigned bit = FIRST_BIT; bit < width || (bit == width && all != 0); bit++) {
        const uint64_t iova = LOW_IOVA + (bit < width ? BIT(bit) : all);

        if (bit < width)
            all |= BIT(bit);
        map(t, d, iova, &high, RW);
        expect_write(t, e, iova, &high, 0, 16, "the IOVA with one bit or all of them");
        expect_untouched(t, &low, "the page of the low IOVA");
        expect_write(t, e, LOW_IOVA, &low, 0, 16, "the low IOVA");
        expect_untouched(t, &high, "the page of the other IOVA");
    }
}

#undef TEST_GROUP
#define TEST_GROUP "configure"

OBSERVATION(levels_while_unattached,
            PROMISE("Tables of five levels in place of four, and back, for a domain without "
                    "devices: refused, or in force at the next ATTACH")
            COVERS("CFG-6 TR-12") DEVICES(ALL) KINDS("dma")
            STEPS("Two domains, one with tables of four levels and one of five, map one IOVA to "
                  "different pages. Each is configured with the levels and the top table of the "
                  "other; the device is attached to the one and then to the other, and writes.")
            EXPECTS("If the second CONFIGURE was refused, the write is in the page of the domain's "
                    "own table, otherwise in that of the other. The statuses are recorded.")
            IF_IT_FAILS("The host takes over the new root, and not the number of levels."))
{
    static const uint64_t flags[] = {HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                     HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL};
    struct dma_engine *e = device(t);
    struct domain *five = domain_five_levels(t), *d[] = {domain_paging_with(t, 4, PAGE_SIZE), five};
    struct buffer b[] = {buffer(t, 1), buffer(t, 1)};
    enum hv_status status[2];

    for (unsigned i = 0; i < 2; i++)
        map(t, d[i], IOVA_1G, &b[i], RW);
    for (unsigned i = 0; i < 2; i++) {
        status[i] = iommu_configure(d[i]->id, flags[1 - i], stage1_root_gpa(&d[1 - i]->table));
        STEP("configure domain 0x%llx again, with other levels: %s", d[i]->id,
             hv_status_name(status[i]));
        observe_status(t, i == 0 ? "five levels in place of four" : "four levels in place of five",
                       status[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        unsigned reached = status[i] == HV_STATUS_SUCCESS ? 1 - i : i;

        attach_five_level(t, d[i], e);
        expect_write(t, e, IOVA_1G, &b[reached], 0, 16, "after CONFIGURE with other levels");
        expect_untouched(t, &b[1 - reached], "the target of the other table");
    }
}

#undef TEST_GROUP
#define TEST_GROUP "flush"

/* The entry of the top table that leads to the IOVA. */
static uint64_t *top_entry(struct test_run *t, const struct domain *d, uint64_t iova)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, iova, &w) == STAGE1_OK, "our own mapping is gone");
    return w.entry[TOP_LEVEL];
}

typedef void settle(struct test_run *t, struct domain *d, struct dma_engine *e);

/* Another tree takes the place of everything below the top table's entry. */
static void replace_below_top(struct test_run *t, settle *way)
{
    struct dma_engine *e = device(t);
    struct buffer old = buffer(t, 1), new = buffer(t, 1);
    struct domain *live = domain_five_levels(t), *store = domain_five_levels(t);
    uint64_t *entry, before;

    map(t, live, IOVA_1G, &old, RW);
    map(t, store, IOVA_1G, &new, RW);
    attach_five_level(t, live, e);
    warm(t, e, IOVA_1G, &old, "the old tree");
    entry = top_entry(t, live, IOVA_1G);
    before = *entry;
    *entry = *top_entry(t, store, IOVA_1G);
    STEP("the top table's entry leads to the tables of domain 0x%llx, which no device uses",
         store->id);
    way(t, live, e);
    expect_write(t, e, IOVA_1G, &new, 0, 16, "the new tree");
    expect_untouched(t, &old, "the old target");
    *entry = before; /* each tree frees its own tables */
}

static void by_domain(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    (void)e;
    flush(t, d);
}

static void by_list(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    unsigned bits = capabilities(t)->max_iova_width;

    (void)e;
    flush_list(t, d, 0, 1ull << (bits < 48 ? bits : 48));
}

static void by_attach(struct test_run *t, struct domain *d, struct dma_engine *e)
{
    attach(t, domain_blocked(t), e);
    flush(t, d);
    attach_five_level(t, d, e);
}

/* clang-format off */
/* After each of these the device uses the new tables. */
#define WAYS_BELOW_TOP(ROW, test)                                                                  \
    ROW(test, domain, by_domain,                                                                   \
        COVERS("FL-1 FL-2 TR-12") KINDS("dma flush")                                               \
        WORD(result, "after FLUSH_DEVICE_DOMAIN the new ones count")                               \
        WORD(then, "FLUSH_DEVICE_DOMAIN."))                                                        \
    ROW(test, list, by_list,                                                                       \
        COVERS("LS-1 LS-8 TR-12") KINDS("dma flush")                                               \
        WORD(result, "after a list flush of all of it the new ones count")                         \
        WORD(then, "The whole range is flushed by a list."))                                       \
    ROW(test, attach, by_attach,                                                                   \
        COVERS("ATT-4 TR-12") KINDS("dma flush")                                                   \
        WORD(result, "a device that was away meanwhile uses the new ones")                         \
        WORD(then, "The device is attached to a blocking domain, the domain that it left is "      \
                   "flushed, and the device comes back."))
/* clang-format on */

VARIANTS(settle *const, ways_below_top, WAYS_BELOW_TOP);

TEST_EACH(five_levels_by, WAYS_BELOW_TOP,
          PROMISE("All tables below the top one of five levels are replaced: {result}")
          DEVICES(ALL)
          STEPS("A page is mapped in two domains with tables of five levels, to different targets; "
                "the device uses the one of the first. Then the entry of its top table is replaced "
                "by that of the second. {then}")
          EXPECTS("The next write lands in the second target.")
          IF_IT_FAILS("The host caches the table of the fourth level and walks on through it: look "
                      "at the page-walk cache of the fifth level."))
{
    replace_below_top(t, VARIANT(ways_below_top));
}
