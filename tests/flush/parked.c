/* SPDX-License-Identifier: MIT */
/* Flushes of a domain while all of its devices are elsewhere. A host may keep what is cached of it
 * (ATT-4), and its flush has to reach that. */
#include "lib/bits.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "flush"

#define LENGTH 16u
#define LEVELS 4u

enum park { PARK_BLOCKED, PARK_IDENTITY, PARK_PAGING, PARK_DETACHED, PARKS };

static const char *const parks[PARKS] = {"a blocking domain", "an identity domain",
                                         "another paging domain", "no domain"};

struct parking {
    struct domain *home, *store; /* the same IOVA leads to `old` and to `new` */
    struct domain *at[PARKS];
    struct buffer old, new;
};

static struct parking parking(struct test_run *t)
{
    struct parking p = {.old = buffer(t, 1), .new = buffer(t, 1)};

    p.home = domain_four_levels(t, IOVA, &p.old);
    p.store = domain_four_levels(t, IOVA, &p.new);
    p.at[PARK_BLOCKED] = domain_blocked(t);
    p.at[PARK_IDENTITY] = domain_identity(t);
    p.at[PARK_PAGING] = domain_paging(t);
    return p;
}

static void go(struct test_run *t, struct parking *p, struct dma_engine *e, enum park park)
{
    if (park == PARK_DETACHED)
        CHECK_SUCCESS(iommu_detach(e->device_id), "DETACH");
    else
        attach(t, p->at[park], e);
}

static uint64_t *entry_of(struct test_run *t, struct domain *d, unsigned level)
{
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    return w.entry[level];
}

/* All that the entry of that level leads to. */
static void flush_below(struct test_run *t, struct domain *d, unsigned level, flush_way *way)
{
    const uint64_t size = level == 0 ? PAGE_SIZE : level == 1 ? SIZE_2M : SIZE_1G;

    if (level == LEVELS - 1 && way == flush_by_cover)
        flush_by_everything(t, d, 0, 0);
    else
        way(t, d, IOVA & ~(size - 1), size);
}

#define PARKED_WAYS(ROW, test)                                                                     \
    ROW(test, domain, flush_by_domain, WORD(way, "FLUSH_DEVICE_DOMAIN"))                           \
    ROW(test, list, flush_by_cover, WORD(way, "a list flush") COVERS("LS-1 LS-8"))

VARIANTS(flush_way *const, parked_ways, PARKED_WAYS);

TEST_EACH(parked_device_by, PARKED_WAYS,
          PROMISE("Tables that are replaced and flushed while the only device of the domain is "
                  "elsewhere serve it no more when it comes back: {way}")
          COVERS("FL-1 FL-2") DEVICES(ALL) KINDS("dma flush")
          STEPS("A device uses a page of its domain and goes to another one, blocking, identity "
                "or paging, or is detached. The leaf, or the entry of one of the three levels "
                "above, is replaced by that of another tree of tables. {way} of all below it; "
                "the device comes back and writes. Each state with each level.")
          EXPECTS("The write lands in the target of the new tree.")
          IF_IT_FAILS("The host keeps what it has cached of a domain whose last device goes, and "
                      "takes a domain without devices for one of which nothing is cached: the "
                      "flush does nothing, or drops leaves and not tables. The pages that the "
                      "guest has freed meanwhile are written to."))
{
    struct dma_engine *e = device(t);
    struct parking p = parking(t);

    for (enum park park = 0; park < PARKS; park++) {
        for (unsigned level = 0; level < LEVELS; level++) {
            uint64_t *entry, before;

            STEP("level %llu, the device goes to %s", level + 1, parks[park]);
            attach(t, p.home, e);
            warm(t, e, IOVA, &p.old, "before it goes");
            entry = entry_of(t, p.home, level);
            before = *entry;
            go(t, &p, e, park);
            *entry = *entry_of(t, p.store, level);
            flush_below(t, p.home, level, VARIANT(parked_ways));
            attach(t, p.home, e);
            expect_write(t, e, IOVA, &p.new, 0, LENGTH, "after it came back");
            expect_untouched(t, &p.old, "the target of before");
            *entry = before; /* each tree frees its own tables */
            flush_by_domain(t, p.home, 0, 0);
        }
    }
}

TEST_EACH(parked_devices_by, PARKED_WAYS,
          PROMISE("A page that is replaced and flushed while all devices of the domain are "
                  "elsewhere serves none of them when they come back: {way}")
          COVERS("FL-1 FL-2 ATT-9") ABI() DEVICES(NONE) KINDS("dma flush device")
          STEPS("All devices that are not slow use one page of one domain and go elsewhere, one "
                "after the other: to a blocking, an identity or a paging domain, or to none. The "
                "leaf is replaced. {way}; they come back, and each writes.")
          EXPECTS("Each write lands in the new target.")
          IF_IT_FAILS("The flush reaches what the devices of the domain have cached, and the "
                      "domain has none at the moment; or it reaches the unit of the device that "
                      "went last."))
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    const unsigned count = fast_devices(t, e, 2);
    struct parking p = parking(t);

    for (enum park park = 0; park < PARKS; park++) {
        uint64_t *entry = entry_of(t, p.home, 0), before = *entry;

        for (unsigned i = 0; i < count; i++)
            attach(t, p.home, e[i]);
        for (unsigned i = 0; i < count; i++)
            warm(t, e[i], IOVA, &p.old, "before it goes");
        for (unsigned i = 0; i < count; i++)
            go(t, &p, e[park % 2 ? i : count - 1 - i], park);
        *entry = *entry_of(t, p.store, 0);
        STEP("all devices went to %s, and the leaf is replaced", parks[park]);
        VARIANT(parked_ways)(t, p.home, IOVA, PAGE_SIZE);
        for (unsigned i = 0; i < count; i++) {
            attach(t, p.home, e[i]);
            expect_write(t, e[i], IOVA, &p.new, 0, LENGTH, "after it came back");
            expect_untouched(t, &p.old, "the target of before");
        }
        *entry = before;
        flush_by_domain(t, p.home, 0, 0);
    }
}
