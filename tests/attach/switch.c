/* SPDX-License-Identifier: MIT */
/*
 * A device that never stops its DMA is moved from one domain to another (ATT-5, ATT-4), in each of the nine directions
 * between paging, identity and blocking domains. Its IOVA is the GPA of a page of ours, so that a moment without
 * translation shows there; the page of a third domain, which the device was in before, shows what outlives that.
 *
 *   during ATTACH     only what the old or the new domain leads to may change; where both lead on, no pass is refused
 *   behind ATTACH     only what the new domain leads to changes
 */
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP "switch"
#define RW         (STAGE1_READ | STAGE1_WRITE)
#define SLOT       1u
#define LENGTH     64u
#define ROUNDS     8u

enum place { AT_GPA, IN_OLD, IN_NEW, IN_THIRD, PLACES, NOWHERE };

static const char *const place_names[] = {"the page at the untranslated address", "the old domain's page",
                                          "the new domain's page", "the page of a domain left before"};

struct ground {
    struct dma_engine *engine;
    struct buffer page[PLACES];
    uint64_t iova;
};

static struct domain *domain_of(struct test_run *t, struct ground *g, enum domain_kind kind, enum place paged)
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
    map(t, d, g->iova, &g->page[paged], RW);
    return d;
}

static enum place place_of(enum domain_kind kind, enum place paged)
{
    return kind == DOMAIN_IDENTITY ? AT_GPA : kind == DOMAIN_BLOCKED ? NOWHERE : paged;
}

static void refresh(struct ground *g)
{
    for (unsigned i = 0; i < PLACES; i++) {
        memset(g->page[i].data, POISON_FRESH, LENGTH);
    }
}

static void expect_only_in(struct test_run *t, struct ground *g, enum place first, enum place second, const char *when)
{
    for (enum place i = AT_GPA; i < PLACES; i++) {
        if (i != first && i != second) {
            CHECK(!memory_find_other(g->page[i].data, LENGTH, POISON_FRESH), "%s: %s was written", when,
                  place_names[i]);
        }
    }
}

static void one_switch(struct test_run *t, struct ground *g, struct domain *to, enum place old, enum place new)
{
    uint8_t value = g->engine->ops->fill_value;

    attach(t, to, g->engine);
    expect_only_in(t, g, old, new, "during ATTACH");
    refresh(g); /* what the old domain led to is somebody else's now */
    continuous_dma_pass(g->engine, DMA_SETTLE_EXITS);
    expect_only_in(t, g, new, new, "behind ATTACH");
    CHECK(new == NOWHERE || !memory_find_other(g->page[new].data, LENGTH, value), "behind ATTACH: %s is not reached",
          place_names[new]);
    refresh(g);
}

static void under_fire(struct test_run *t, enum domain_kind from, enum domain_kind to)
{
    struct ground g = {.engine = device(t)};
    struct domain *old, *new, *third;
    struct dmaprobe_request burst;

    for (unsigned i = 0; i < PLACES; i++) {
        g.page[i] = buffer(t, 1);
    }
    g.iova = gpa_of(g.page[AT_GPA].data);
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
        CHECK_EQ(burst.faults, 0, "passes of the burst that were refused, though both domains lead on");
    }
    refresh(&g);
    for (unsigned i = 0; i < PLACES; i++) {
        expect_untouched(t, &g.page[i], place_names[i]);
    }
}

#define DIRECTION(symbol, name, requirements, from, to, words, failure)                                                \
    STORY(                                                                                                             \
        name,                                                                                                          \
        "A device writes to one IOVA over and over, first in a paging domain of its own. Eight times it moves " words  \
        " and back, without a pause; after each ATTACH the guest takes back what the device could reach before.",      \
        "While ATTACH runs, a write is in the old or the new place, never in a third; behind it, in the new one. No "  \
        "write is refused where both domains lead on.",                                                                \
        failure);                                                                                                      \
    TEST(symbol, name, requirements, ON_PROBE, "dma", "Under fire " words ": the old place or the new, then the new")  \
    {                                                                                                                  \
        under_fire(t, from, to);                                                                                       \
    }

#define PAGING   DOMAIN_PAGING
#define IDENTITY DOMAIN_IDENTITY
#define BLOCKED  DOMAIN_BLOCKED

DIRECTION(paging_paging, "paging_to_paging", "ATT-5 ATT-4", PAGING, PAGING, "from a paging domain to another",
          "The switch has a state in between, or DMA under way outlives it: look at the order of table entry, "
          "invalidation and drain.")
DIRECTION(paging_identity, "paging_to_identity", "ATT-5 ATT-4 ID-2", PAGING, IDENTITY,
          "from a paging to an identity domain", "Translations of the paging domain outlive the move.")
DIRECTION(paging_blocked, "paging_to_blocked", "ATT-5 ATT-4 ATT-6", PAGING, BLOCKED,
          "from a paging to a blocking domain", "DMA under way is not waited for, or the device passes through first.")
DIRECTION(identity_paging, "identity_to_paging", "ATT-5 ATT-4", IDENTITY, PAGING, "from an identity to a paging domain",
          "Untranslated access outlives the move.")
DIRECTION(identity_identity, "identity_to_identity", "ATT-5 ID-1", IDENTITY, IDENTITY,
          "from an identity domain to another", "The device is blocked for a moment, or falls back to an old table.")
DIRECTION(identity_blocked, "identity_to_blocked", "ATT-5 ATT-4 ATT-6", IDENTITY, BLOCKED,
          "from an identity to a blocking domain", "Untranslated DMA under way is not waited for.")
DIRECTION(blocked_paging, "blocked_to_paging", "ATT-5 ATT-4", BLOCKED, PAGING, "from a blocking to a paging domain",
          "The device is unblocked before its new translation is in force.")
DIRECTION(blocked_identity, "blocked_to_identity", "ATT-5 ID-2", BLOCKED, IDENTITY,
          "from a blocking to an identity domain", "A table that the device used before comes back for a moment.")
DIRECTION(blocked_blocked, "blocked_to_blocked", "ATT-5 ATT-6 ATT-7", BLOCKED, BLOCKED,
          "from a blocking domain to another", "The device is unblocked for a moment between two blocking domains.")
