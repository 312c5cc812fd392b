/* SPDX-License-Identifier: MIT */
/*
 * What works once must work after many: domains up to the limit of the host, each of them alive;
 * hundreds of calls of each kind, accepted and refused, after which as many domains can be made as
 * before; others that come and go beside one that is at work.
 */
#define TEST_GROUP "lifecycle"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define CENSUS_FIRST  UINT32_C(0x00500000)
#define CENSUS_MAX    1200u /* a host that serves more is asked for no more */
#define FILLERS_FIRST UINT32_C(0x00580000)
#define ROOM_LEFT     40u
#define LEAKS         4u
#define REPEATS       80u
#define OFTEN         220u
#define LENGTH        8u
#define NO_DEVICE     UINT64_C(0x00000000FFFFFFF7)

/* The ids of many domains, for the reset after a test that fails. */
static void track_many(struct test_run *t)
{
    for (unsigned i = 0; i < CENSUS_MAX; i++) {
        track_domain_id(t, CENSUS_FIRST + i);
        track_domain_id(t, FILLERS_FIRST + i);
    }
}

/* How many domains can be made now, of `most`. */
static unsigned room_for(struct test_run *t, unsigned most)
{
    unsigned count = 0;

    while (count < most && iommu_create(CENSUS_FIRST + count) == HV_STATUS_SUCCESS)
        count++;
    for (unsigned i = 0; i < count; i++)
        CHECK_SUCCESS(iommu_delete(CENSUS_FIRST + i), "DELETE of one of many domains");
    return count;
}

static unsigned census(struct test_run *t)
{
    return room_for(t, CENSUS_MAX);
}

static void delete_fillers(struct test_run *t, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        CHECK_SUCCESS(iommu_delete(FILLERS_FIRST + i), "DELETE of one of many domains");
}

struct worker {
    struct dma_engine *e;
    struct domain *d, *rest;
    struct buffer b;
    uint32_t unknown;
};

static void create_existing(struct test_run *t, struct worker *w)
{
    (void)t;
    (void)iommu_create(w->d->id);
}

static void create_and_delete(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_create(w->unknown), "CREATE of a free id, many times");
    CHECK_SUCCESS(iommu_delete(w->unknown),
                  "DELETE of a domain that was never configured, many times");
}

static void configure_and_delete(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_create(w->unknown), "CREATE of a free id, many times");
    CHECK_SUCCESS(iommu_configure(w->unknown, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0),
                  "CONFIGURE of a new domain, many times");
    CHECK_SUCCESS(iommu_delete(w->unknown), "DELETE of a domain without devices, many times");
}

/* With a misaligned top table: refused, or the device is blocked (CFG-4). */
static void configure_refused(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_create(w->unknown), "CREATE of a free id, many times");
    (void)iommu_configure(w->unknown, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, 4);
    CHECK_SUCCESS(iommu_delete(w->unknown), "DELETE of a domain without devices, many times");
}

static void attach_elsewhere(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_attach(w->rest->id, w->e->device_id), "ATTACH, many times");
    CHECK_SUCCESS(iommu_attach(w->d->id, w->e->device_id),
                  "ATTACH of a device that comes back, many times");
}

static void attach_unknown(struct test_run *t, struct worker *w)
{
    CHECK_REFUSED(iommu_attach(w->unknown, w->e->device_id), "ATTACH to an unknown domain");
}

/* A host may manage a device that no bus shows. */
static void attach_stranger(struct test_run *t, struct worker *w)
{
    (void)t;
    if (iommu_attach(w->d->id, NO_DEVICE) == HV_STATUS_SUCCESS)
        (void)iommu_detach(NO_DEVICE);
}

static void detach_and_attach(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_detach(w->e->device_id), "DETACH of an attached device, many times");
    CHECK_SUCCESS(iommu_attach(w->d->id, w->e->device_id), "ATTACH after DETACH, many times");
}

static void detach_stranger(struct test_run *t, struct worker *w)
{
    (void)t;
    (void)w;
    (void)iommu_detach(NO_DEVICE);
}

/* It may succeed, and blocks the device then (DEL-2). */
static void delete_in_use(struct test_run *t, struct worker *w)
{
    if (iommu_delete(w->d->id) == HV_STATUS_SUCCESS) {
        CHECK_SUCCESS(iommu_create(w->d->id), "CREATE of an id that was deleted with a device");
        CHECK_SUCCESS(iommu_configure(w->d->id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                      stage1_root_gpa(&w->d->table)),
                      "CONFIGURE of a domain that was made again");
        CHECK_SUCCESS(iommu_attach(w->d->id, w->e->device_id),
                      "ATTACH to a domain that was made again");
    }
}

static void delete_unknown(struct test_run *t, struct worker *w)
{
    (void)t;
    (void)iommu_delete(w->unknown);
}

static void flush_domain(struct test_run *t, struct worker *w)
{
    CHECK_SUCCESS(iommu_flush(w->d->id), "FLUSH, many times");
}

static void flush_unknown(struct test_run *t, struct worker *w)
{
    (void)t;
    (void)iommu_flush(w->unknown);
}

static void flush_one_page(struct test_run *t, struct worker *w)
{
    uint64_t element = hv_iommu_range(IOVA >> HV_PAGE_SHIFT, 0);

    CHECK_SUCCESS(iommu_flush_list(w->d->id, &element, 1, NULL), "FLUSH_LIST, many times");
}

static void flush_bad_list(struct test_run *t, struct worker *w)
{
    uint64_t element = hv_iommu_range((IOVA >> HV_PAGE_SHIFT) + 1, 9);

    (void)t;
    (void)iommu_flush_list(w->d->id, &element, 1, NULL);
}

static void ask(struct test_run *t, struct worker *w)
{
    struct hv_output_get_logical_device_property property;
    struct hv_output_get_iommu_capabilities caps;

    CHECK_SUCCESS(iommu_get_capabilities(&caps), "GET_CAPABILITIES, many times");
    CHECK_SUCCESS(iommu_get_device_property(w->e->device_id, &property),
                  "GET_PROPERTY, many times");
    (void)iommu_get_device_property(NO_DEVICE, &property);
}

static const struct work {
    const char *name;
    void (*once)(struct test_run *t, struct worker *w);
    unsigned times; /* OFTEN: what a host may count for each domain */
} works[] = {
    {"CREATE of an id that exists", create_existing, REPEATS},
    {"CREATE and DELETE", create_and_delete, REPEATS},
    {"CREATE, CONFIGURE and DELETE", configure_and_delete, REPEATS},
    {"CONFIGURE with a misaligned top table", configure_refused, REPEATS},
    {"ATTACH to another domain and back", attach_elsewhere, OFTEN},
    {"ATTACH to an unknown domain", attach_unknown, REPEATS},
    {"ATTACH of an unknown device", attach_stranger, REPEATS},
    {"DETACH and ATTACH", detach_and_attach, REPEATS},
    {"DETACH of an unknown device", detach_stranger, REPEATS},
    {"DELETE of a domain with a device", delete_in_use, REPEATS},
    {"DELETE of an unknown domain", delete_unknown, REPEATS},
    {"FLUSH", flush_domain, OFTEN},
    {"FLUSH of an unknown domain", flush_unknown, REPEATS},
    {"FLUSH_LIST", flush_one_page, OFTEN},
    {"FLUSH_LIST with an element that is not aligned", flush_bad_list, REPEATS},
    {"GET_CAPABILITIES and GET_PROPERTY", ask, REPEATS},
};
#define WORKS ARRAY_SIZE(works)

/* All of the calls still work, and the flushes still flush. */
static void expect_fit(struct test_run *t, struct worker *w, const char *after)
{
    for (unsigned by_list = 0; by_list < 2; by_list++) {
        uint64_t *leaf = leaf_entry(t, w->d, IOVA), value = *leaf;

        warm(t, w->e, IOVA, &w->b, after);
        *leaf = 0;
        if (by_list)
            flush_list(t, w->d, IOVA, PAGE_SIZE);
        else
            flush(t, w->d);
        expect_write_fault(t, w->e, IOVA, LENGTH, &w->b, ORACLE_FAULT_CLASS_NOT_PRESENT, after);
        *leaf = value;
    }
    attach_elsewhere(t, w);
    configure_and_delete(t, w);
}

/* Names the call after which there is room for fewer domains: goes through all of them once more,
 * with little room left. */
static void find_leak(struct test_run *t, struct worker *w, unsigned before)
{
    unsigned room = census(t), filled = 0;

    while (filled + ROOM_LEFT < room && iommu_create(FILLERS_FIRST + filled) == HV_STATUS_SUCCESS)
        filled++;
    for (unsigned i = 0; i < WORKS && room > ROOM_LEFT; i++) {
        unsigned first = census(t), now;

        for (unsigned k = 0; k < LEAKS; k++)
            works[i].once(t, w);
        now = census(t);
        CHECK(now >= first,
              "the host has room for %u domains, and had for %u before hundreds of calls; after %u "
              "times %s, for %u "
              "more instead of %u",
              room, before, LEAKS, works[i].name, now, first);
    }
    CHECK(false, "the host has room for %u domains, and had for %u before hundreds of calls", room,
          before);
}

static struct worker worker(struct test_run *t)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    struct worker w = {0};

    (void)fast_devices(t, e, 1);
    w.e = e[0];
    w.b = buffer(t, 1);
    w.d = domain_mapping(t, IOVA, &w.b);
    w.rest = domain_blocked(t);
    w.unknown = fresh_domain_id(t);
    attach(t, w.d, w.e);
    return w;
}

STRESS(nothing_wears_out,
     PROMISE("After hundreds of calls of each kind, accepted and refused, each works as at first, "
             "and there is room for as many domains")
     COVERS("DOM-7 GEN-10 DEL-4 FL-1 ATT-2 DOM-2") ABI() DEVICES(NONE)
     KINDS("dma fault flush bad-input device")
     STEPS("Makes as many domains as there is room for, up to 1,200, and deletes 40 of them. Makes "
           "each of sixteen calls, right and wrong ones, 80 times, or 220 times where a host may "
           "count them for each domain. After each a page is unmapped and flushed in both ways, "
           "the device moves, and a domain is made. Counts how many more domains can be made.")
     EXPECTS("All right calls succeed, each flush drops its page, and 40 domains can be made.")
     IF_IT_FAILS("The host does not give something back: a domain, a tag, a reference. The report "
                 "names the call. Or it counts something in too few bits."))
{
    struct worker w = worker(t);
    unsigned before = 0, left;

    track_many(t);
    while (before < CENSUS_MAX && iommu_create(FILLERS_FIRST + before) == HV_STATUS_SUCCESS)
        before++;
    /* With little room left the first domains that are missing show, and it is soon counted. */
    left = before < ROOM_LEFT ? before : ROOM_LEFT;
    delete_fillers(t, before - left, before);
    OBSERVE("room for %u more domains%s", before, before == CENSUS_MAX ? " at least" : "");
    for (unsigned i = 0; i < WORKS; i++) {
        STEP("%s, %llu times", works[i].name, works[i].times);
        for (unsigned k = 0; k < works[i].times; k++)
            works[i].once(t, &w);
        expect_fit(t, &w, works[i].name);
    }
    left -= room_for(t, left);
    delete_fillers(t, 0, before < ROOM_LEFT ? 0 : before - ROOM_LEFT);
    if (left > 0)
        find_leak(t, &w, before);
    forget_domain_ids(t);
}

#define CHAINS                                                                                     \
    61u /* a prime: domains whose numbers differ by a power of two have different ones             \
         */
#define PARKED  4u
#define TARGETS (CHAINS + 1)

/* Top tables of their own, whose first entry leads to one of 61 chains of lower tables, each to a
 * page of its own. */
struct city {
    struct domain *chains; /* chain k at IOVA k * 512 GiB + IOVA */
    struct buffer page;
    uint64_t *roots;
    unsigned count;
};

static unsigned chain_of(unsigned i)
{
    return i % CHAINS;
}

/* Number of the page that the DMA reached. A DMA that reached the expected page has not reached
 * another one: the others are looked at where it did not, and at the end. */
static unsigned city_page(struct test_run *t, struct city *c, struct dma_engine *e,
                          unsigned expected)
{
    uint8_t *likely = c->page.data + expected * PAGE_SIZE;
    unsigned found = TARGETS;

    fill_by_device(t, e, IOVA, LENGTH, "DMA");
    if (!memory_find_other(likely, LENGTH, e->ops->fill_value)) {
        memset(likely, POISON_FRESH, LENGTH);
        return expected;
    }
    for (unsigned k = 0; k < CHAINS; k++) {
        uint8_t *at = c->page.data + k * PAGE_SIZE;

        if (*at != POISON_FRESH) {
            found =
                found == TARGETS && !memory_find_other(at, LENGTH, e->ops->fill_value) ? k : CHAINS;
            memset(at, POISON_FRESH, LENGTH);
        }
    }
    return found;
}

static void build_city(struct test_run *t, struct city *c)
{
    need_width(t, IOVA, PAGE_SIZE);
    c->chains = domain_paging_with(t, 4, PAGE_SIZE);
    c->page = buffer(t, CHAINS);
    for (unsigned k = 0; k < CHAINS; k++) {
        /* Not an IOVA: these are places in tables that no domain uses as a whole. */
        REQUIRE(domain_map(c->chains, ((uint64_t)k << 39) | IOVA,
                           gpa_of(c->page.data) + k * PAGE_SIZE, PAGE_SIZE, RW) == STAGE1_OK,
                "mapping page %u in our own tables", k);
    }
    c->roots = page_alloc(CENSUS_MAX, PAGE_SIZE);
    REQUIRE(c->roots, "no memory for %u top tables", CENSUS_MAX);
    while (c->count < CENSUS_MAX && iommu_create(CENSUS_FIRST + c->count) == HV_STATUS_SUCCESS) {
        uint64_t *root = c->roots + c->count * (PAGE_SIZE / sizeof(uint64_t));

        memset(root, 0, PAGE_SIZE);
        root[0] = ((uint64_t *)gpa_pointer(stage1_root_gpa(&c->chains->table)))[chain_of(c->count)];
        if (iommu_configure(CENSUS_FIRST + c->count, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                            gpa_of(root)) != HV_STATUS_SUCCESS) {
            /* A host may find out here that it has no room for it. */
            CHECK_SUCCESS(iommu_delete(CENSUS_FIRST + c->count),
                          "DELETE of a domain whose CONFIGURE was refused");
            break;
        }
        c->count++;
    }
}

/* The domain's own entry leads to the next chain, twice; after each flush so does the device. */
static void expect_flushed(struct test_run *t, struct city *c, struct dma_engine *resident,
                           unsigned domain)
{
    const uint64_t *chains = gpa_pointer(stage1_root_gpa(&c->chains->table));
    uint64_t element = hv_iommu_range(IOVA >> HV_PAGE_SHIFT, 0);

    for (unsigned by_list = 0; by_list < 2; by_list++) {
        unsigned chain = chain_of(domain + 1 + by_list);

        c->roots[domain * (PAGE_SIZE / sizeof(uint64_t))] = chains[chain];
        STEP("the top table of domain %llu leads to the next page; flush by %s", domain,
             by_list ? "list" : "domain");
        CHECK_SUCCESS(by_list ? iommu_flush_list(CENSUS_FIRST + domain, &element, 1, NULL)
                              : iommu_flush(CENSUS_FIRST + domain),
                      "a flush of one of many domains");
        CHECK_EQ(city_page(t, c, resident, chain), chain,
                 "number of the page that a device reached after the flush of its domain");
    }
}

STRESS(every_domain_is_alive,
       PROMISE("With as many domains as the host takes each translates by its own tables and is "
               "flushed by its own number, and one more does not change that")
       COVERS("DOM-7 ISO-1 DOM-1 DEL-4 FL-1 LS-1") ABI() DEVICES(NONE) KINDS("dma flush device")
       STEPS("Makes paging domains until one is refused, up to 1,200, in which one IOVA leads to "
             "one of 61 pages. Some devices stay in the first one, the last one and some between, "
             "and have used them. Another device goes through all domains and writes; then the "
             "others write again, and after the tables of each have changed and were flushed, by "
             "domain and by list. A few more CREATEs are tried. All domains are deleted, and one "
             "is made again.")
       EXPECTS("Each DMA lands in the page of the domain of its device. Every domain can be "
               "deleted, and a domain can be made afterwards.")
       IF_IT_FAILS("The host has fewer tags than domains, in its look-ups or in its flushes, or "
                   "makes room for a new domain by taking another one's place."))
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    struct dma_engine *resident[PARKED], *visitor;
    unsigned devices = fast_devices(t, e, 2), parked;
    unsigned home[PARKED];
    struct city c = {0};

    track_many(t);
    build_city(t, &c);
    visitor = e[devices - 1];
    parked = devices - 1 < PARKED ? devices - 1 : PARKED;
    REQUIRE(c.count > PARKED, "the host has room for %u domains only", c.count);
    for (unsigned i = 0; i < parked; i++) {
        home[i] = i * (c.count - 1) / (PARKED - 1);
        resident[i] = i % 2 ? e[i / 2] : e[devices - 2 - i / 2];
        CHECK_SUCCESS(iommu_attach(CENSUS_FIRST + home[i], resident[i]->device_id),
                      "ATTACH to one of many domains");
        CHECK_EQ(city_page(t, &c, resident[i], chain_of(home[i])), chain_of(home[i]),
                 "number of the page that the DMA reached");
    }
    for (unsigned i = 0; i < 3 && c.count < CENSUS_MAX; i++) {
        /* A host may have found more memory since. */
        if (iommu_create(CENSUS_FIRST + c.count) == HV_STATUS_SUCCESS)
            CHECK_SUCCESS(iommu_delete(CENSUS_FIRST + c.count), "DELETE of a new domain");
    }
    for (unsigned i = 0; i < c.count; i++) {
        STEP("domain %llu of %llu", i, c.count);
        CHECK_SUCCESS(iommu_attach(CENSUS_FIRST + i, visitor->device_id),
                      "ATTACH to one of many domains");
        CHECK_EQ(city_page(t, &c, visitor, chain_of(i)), chain_of(i),
                 "number of the page that the DMA reached");
    }
    for (unsigned i = 0; i < parked; i++) {
        CHECK_EQ(city_page(t, &c, resident[i], chain_of(home[i])), chain_of(home[i]),
                 "number of the page that a device that stayed reached");
    }
    for (unsigned i = 0; i < parked; i++)
        expect_flushed(t, &c, resident[i], home[i]);
    expect_untouched(t, &c.page, "pages of all domains");
    for (unsigned i = 0; i < parked; i++)
        attach(t, c.chains, resident[i]);
    attach(t, c.chains, visitor);
    for (unsigned i = 0; i < c.count; i++)
        CHECK_SUCCESS(iommu_delete(CENSUS_FIRST + i), "DELETE of one of many domains");
    CHECK_SUCCESS(iommu_create(CENSUS_FIRST), "CREATE after all of the many were deleted");
    CHECK_SUCCESS(iommu_delete(CENSUS_FIRST), "DELETE of a domain just created");
    forget_domain_ids(t);
    OBSERVE("%u domains at once%s", c.count, c.count == CENSUS_MAX ? " at least" : "");
}

STRESS(others_come_and_go,
     PROMISE("A device at work in its domain is undisturbed by 300 others that are made, used by "
             "another device and deleted")
     COVERS("ISO-1 ISO-2 DOM-2 DEL-3 FL-3") DEVICES(NONE) KINDS("dma device")
     STEPS("A device uses a page of its domain. 300 times another domain is made under a new id, "
           "with a page of its own at the same IOVA; a second device is attached to it and writes, "
           "the first one writes, and the domain is deleted.")
     EXPECTS("Each DMA of either device lands in the page of its own domain.")
     IF_IT_FAILS("The tags of the host come around, and it gives one to a new domain that a living "
                 "one still has."))
{
    enum { TIMES = 300 };
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned devices = fast_devices(t, e, 3);
    struct dma_engine *worker = e[devices - 2]; /* behind the same unit as the visitor */
    struct buffer own = buffer(t, 1), other = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &own), *rest = domain_blocked(t), come;

    track_many(t);
    attach(t, d, e[0]);
    attach(t, d, worker);
    for (unsigned i = 0; i < TIMES; i++) {
        STEP("domain %llu of %llu", i, TIMES);
        warm(t, worker, IOVA, &own, "the device at work");
        CHECK(domain_create(&come, DOMAIN_PAGING, CENSUS_FIRST + i, 0, 0, NULL),
              "CREATE of domain %u of many", i);
        map(t, &come, IOVA, &other, RW);
        attach(t, &come, e[devices - 1]);
        warm(t, e[devices - 1], IOVA, &other, "the device in a new domain");
        warm(t, worker, IOVA, &own, "the device at work");
        warm(t, e[0], IOVA, &own, "the device at work behind another unit");
        attach(t, rest, e[devices - 1]);
        delete_domain(t, &come);
    }
    forget_domain_ids(t);
}
