/* SPDX-License-Identifier: MIT */
/*
 * A device that never stops its DMA is moved from one domain to another (ATT-5, ATT-4), in each of
 * the nine directions between paging, identity and blocking domains.
 *
 * ATTACH replaces the entry by which the IOMMU finds the tables of a device. Hosts that do this in
 * several steps have states in between: the entry is cleared first (the device is blocked, and DMA
 * that both domains allow is refused), the type changes before the root does (the device passes
 * through, or walks the wrong tables), or the caches still hold translations with the DID of the
 * domain before. Each state lasts for microseconds. Only a device that is at work during the whole
 * call can see it.
 *
 * The device therefore repeats one write without end, at an IOVA that is also the GPA of a page of
 * the test. The page in which the write lands tells which state the host was in: the page at the
 * GPA for no translation, the page of the old or of the new domain, or the page of a third domain,
 * which the device was in before the test began and which shows translations that survive more than
 * one move.
 *
 * - During ATTACH only what the old or the new domain leads to may change. If both lead somewhere,
 * no pass is refused.
 * - After ATTACH only what the new domain leads to changes.
 *
 * All pages are wiped directly after ATTACH returns, before the next exit: writes that landed
 * during the call are checked first and then removed. DMA_SETTLE_EXITS exits later, everything that
 * was translated before the return has landed. A state that is shorter than one pass of the device
 * can escape, so each direction is gone through eight times.
 */
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"
#include "tests/harness/leaf.h"

#define TEST_GROUP "switch"
#define SLOT       1u
#define LENGTH     64u
#define ROUNDS     8u

enum place { AT_GPA, IN_OLD, IN_NEW, IN_THIRD, PLACES, NOWHERE };

static const char *const place_names[] = {"the page at the untranslated address",
                                          "the old domain's page", "the new domain's page",
                                          "the page of a domain left before"};

struct ground {
    struct dma_engine *engine;
    struct buffer untranslated;
    struct leaf leaf[PLACES]; /* of the domains */
    uint8_t *at[PLACES];      /* where the DMA lands */
    uint64_t iova;
};

/* Each domain has one leaf around the IOVA. */
static void lay_out(struct test_run *t, struct ground *g, uint64_t old_size, uint64_t new_size)
{
    const uint64_t size[PLACES] = {
        [IN_OLD] = old_size, [IN_NEW] = new_size, [IN_THIRD] = PAGE_SIZE};

    g->untranslated = buffer(t, 1);
    g->at[AT_GPA] = g->untranslated.data;
    g->iova = gpa_of(g->at[AT_GPA]);
    for (unsigned i = IN_OLD; i < PLACES; i++) {
        g->leaf[i] = leaf_for(t, g->iova & ~(size[i] - 1), size[i]);
        g->at[i] = gpa_pointer(g->leaf[i].gpa + (g->iova & (size[i] - 1)));
    }
}

static struct domain *domain_of(struct test_run *t, struct ground *g, enum domain_kind kind,
                                enum place paged)
{
    struct domain *d;

    switch (kind) {
    case DOMAIN_IDENTITY:
        return domain_identity(t);
    case DOMAIN_BLOCKED:
        return domain_blocked(t);
    case DOMAIN_PAGING:
        break;
    }
    d = domain_paging(t);
    leaf_map(t, d, &g->leaf[paged], RW);
    return d;
}

static enum place place_of(enum domain_kind kind, enum place paged)
{
    return kind == DOMAIN_IDENTITY ? AT_GPA : kind == DOMAIN_BLOCKED ? NOWHERE : paged;
}

static void refresh(struct ground *g)
{
    for (unsigned i = 0; i < PLACES; i++)
        memset(g->at[i], POISON_FRESH, LENGTH);
}

static void expect_only_in(struct test_run *t, struct ground *g, enum place first,
                           enum place second, const char *when)
{
    for (enum place i = AT_GPA; i < PLACES; i++) {
        if (i != first && i != second) {
            CHECK(!memory_find_other(g->at[i], LENGTH, POISON_FRESH), "%s: %s was written", when,
                  place_names[i]);
        }
    }
}

static void one_switch(struct test_run *t, struct ground *g, struct domain *to, enum place old,
                       enum place new)
{
    uint8_t value = g->engine->ops->fill_value;

    attach(t, to, g->engine);
    expect_only_in(t, g, old, new, "during ATTACH");
    refresh(g); /* the page of the old domain has another owner now */
    continuous_dma_pass(g->engine, DMA_SETTLE_EXITS);
    expect_only_in(t, g, new, new, "after ATTACH");
    CHECK(new == NOWHERE || !memory_find_other(g->at[new], LENGTH, value),
          "after ATTACH: %s is not reached", place_names[new]);
    refresh(g);
}

static void move_under_fire(struct test_run *t, enum domain_kind from, uint64_t old_size,
                            enum domain_kind to, uint64_t new_size)
{
    struct ground g = {.engine = device(t)};
    struct domain *old, *new, *third;
    struct dmaprobe_request burst;

    lay_out(t, &g, old_size, new_size);
    old = domain_of(t, &g, from, IN_OLD);
    new = domain_of(t, &g, to, IN_NEW);
    third = domain_of(t, &g, DOMAIN_PAGING, IN_THIRD);
    attach(t, third, g.engine);
    continuous_dma_start(t, g.engine, SLOT, g.iova, LENGTH, g.engine->ops->fill_value);
    continuous_dma_pass(g.engine, DMA_SETTLE_EXITS);
    refresh(&g);
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_switch(t, &g, old, i == 0 ? IN_THIRD : place_of(to, IN_NEW), place_of(from, IN_OLD));
        one_switch(t, &g, new, place_of(from, IN_OLD), place_of(to, IN_NEW));
    }
    burst = continuous_dma_stop(t, g.engine, SLOT);
    if (from != DOMAIN_BLOCKED && to != DOMAIN_BLOCKED) {
        CHECK_EQ(burst.faults, 0,
                 "refused passes of the continuous DMA, though both domains map the IOVA");
    }
    refresh(&g);
    expect_untouched(t, &g.untranslated, place_names[AT_GPA]);
    for (unsigned i = IN_OLD; i < PLACES; i++)
        if (g.leaf[i].buffer.data)
            expect_untouched(t, &g.leaf[i].buffer, place_names[i]);
}

static void under_fire(struct test_run *t, enum domain_kind from, enum domain_kind to)
{
    move_under_fire(t, from, PAGE_SIZE, to, PAGE_SIZE);
}

/* clang-format off */
/* The nine directions: where the device comes from, by where it goes. */
#define FROM_EACH_TO_PAGING(ROW, test)                                                             \
    ROW(test, paging, DOMAIN_PAGING,                                                               \
        COVERS("ATT-5 ATT-4 FL-10") WORD(direction, "from a paging domain to another")             \
        IF_IT_FAILS("The switch has a state in between, or DMA under way outlives it: look at "    \
                    "the order of table entry, invalidation and drain."))                          \
    ROW(test, identity, DOMAIN_IDENTITY,                                                           \
        COVERS("ATT-5 ATT-4") WORD(direction, "from an identity to a paging domain")               \
        IF_IT_FAILS("Untranslated access outlives the move."))                                     \
    ROW(test, blocked, DOMAIN_BLOCKED,                                                             \
        COVERS("ATT-5 ATT-4") WORD(direction, "from a blocking to a paging domain")                \
        IF_IT_FAILS("The device is unblocked before its new translation is in force."))

#define FROM_EACH_TO_IDENTITY(ROW, test)                                                           \
    ROW(test, paging, DOMAIN_PAGING,                                                               \
        COVERS("ATT-5 ATT-4 ID-2") WORD(direction, "from a paging to an identity domain")          \
        IF_IT_FAILS("Translations of the paging domain outlive the move."))                        \
    ROW(test, identity, DOMAIN_IDENTITY,                                                           \
        COVERS("ATT-5 ID-1") WORD(direction, "from an identity domain to another")                 \
        IF_IT_FAILS("The device is blocked for a short time, or uses an old table."))              \
    ROW(test, blocked, DOMAIN_BLOCKED,                                                             \
        COVERS("ATT-5 ID-2") WORD(direction, "from a blocking to an identity domain")              \
        IF_IT_FAILS("A table that the device used before is in force for a short time."))

#define FROM_EACH_TO_BLOCKED(ROW, test)                                                            \
    ROW(test, paging, DOMAIN_PAGING,                                                               \
        COVERS("ATT-5 ATT-4 ATT-6") WORD(direction, "from a paging to a blocking domain")          \
        IF_IT_FAILS("DMA under way is not waited for, or the device passes through first."))       \
    ROW(test, identity, DOMAIN_IDENTITY,                                                           \
        COVERS("ATT-5 ATT-4 ATT-6") WORD(direction, "from an identity to a blocking domain")       \
        IF_IT_FAILS("Untranslated DMA under way is not waited for."))                              \
    ROW(test, blocked, DOMAIN_BLOCKED,                                                             \
        COVERS("ATT-5 ATT-6 ATT-7") WORD(direction, "from a blocking domain to another")           \
        IF_IT_FAILS("The device is unblocked for a short time between two blocking domains."))
/* clang-format on */

/* The rows of the lists are in one order. */
VARIANTS(const enum domain_kind, origins, FROM_EACH_TO_PAGING);

/* The labels that all directions share. */
#define UNDER_FIRE                                                                                 \
    PROMISE("During continuous DMA {direction}: the old place or the new, then the new")           \
    DEVICES(PROBE)                                                                                 \
    KINDS("dma")                                                                                   \
    STEPS("A device writes to one IOVA over and over, first in a paging domain of its own. Eight " \
          "times it moves "                                                                        \
          "{direction} and back, without a pause; after each ATTACH the guest takes back what "    \
          "the device could reach "                                                                \
          "before.")                                                                               \
    EXPECTS("While ATTACH runs, a write is in the old or the new place, never in a third; after "  \
            "it, in the new one. "                                                                 \
            "No write is refused where both domains map the IOVA.")

EACH_TEST(FROM_EACH_TO_PAGING, to_paging, UNDER_FIRE)
{
    under_fire(t, VARIANT(origins), DOMAIN_PAGING);
}

EACH_TEST(FROM_EACH_TO_IDENTITY, to_identity, UNDER_FIRE)
{
    under_fire(t, VARIANT(origins), DOMAIN_IDENTITY);
}

EACH_TEST(FROM_EACH_TO_BLOCKED, to_blocked, UNDER_FIRE)
{
    under_fire(t, VARIANT(origins), DOMAIN_BLOCKED);
}

#define LARGE_LEAVES(ROW, test)                                                                    \
    ROW(test, 2m, SIZE_2M, WORD(size, "2 MiB"))                                                    \
    ROW(test, 1g, SIZE_1G, WORD(size, "1 GiB"))

VARIANTS(const uint64_t, large_leaves, LARGE_LEAVES);

EACH_TEST(LARGE_LEAVES, leaf_to_each_kind,
          PROMISE("During continuous DMA through a {size} leaf, from its domain to each kind and "
                  "back: the old place or the new, then the new")
          COVERS("ATT-5 ATT-4 ATT-6 ID-2 ISO-1") DEVICES(PROBE) KINDS("dma")
          STEPS("A device writes to one IOVA over and over. Eight times each it moves from a "
                "domain that maps the IOVA by a leaf of {size} to one with a leaf of 4 KiB, of 2 "
                "MiB, to an identity and to a blocking domain, and back, without a pause; after "
                "each ATTACH the guest takes back what the device could reach before.")
          EXPECTS("While ATTACH runs, a write is in the old or the new place, never in a third; "
                  "after it, in the new one. No write is refused where both domains map the IOVA.")
          IF_IT_FAILS("Large pages have a cache, a path or a wait of their own, and the switch "
                      "does not treat it as that of small ones."))
{
    uint64_t size = VARIANT(large_leaves);

    move_under_fire(t, DOMAIN_PAGING, size, DOMAIN_PAGING, PAGE_SIZE);
    if (has_page_size(t, SIZE_2M))
        move_under_fire(t, DOMAIN_PAGING, size, DOMAIN_PAGING, SIZE_2M);
    move_under_fire(t, DOMAIN_PAGING, size, DOMAIN_IDENTITY, PAGE_SIZE);
    move_under_fire(t, DOMAIN_PAGING, size, DOMAIN_BLOCKED, PAGE_SIZE);
}
