/* SPDX-License-Identifier: MIT */
/* Many ids, far apart, at the ends of the range, and used again at once, while devices work in the
 * domains. */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP   "lifetime"
#define SLOT         1u
#define LENGTH       64u
#define DEVICE_COUNT 3u

/* Page of `b`, of `count`, that holds the device's bytes; `count` when none or several do. They are
 * wiped. */
static unsigned landed(const struct buffer *b, unsigned count, size_t offset, size_t length,
                       uint8_t value)
{
    unsigned found = count, places = 0;

    for (unsigned i = 0; i < count; i++) {
        uint8_t *at = b->data + i * PAGE_SIZE + offset;

        if (memory_find_other(at, length, POISON_FRESH)) {
            found = memory_find_other(at, length, value) ? count : i;
            places++;
            memset(at, POISON_FRESH, length);
        }
    }
    return places == 1 ? found : count;
}

TEST(sparse_ids_under_load,
     PROMISE("Domains with sparse and extreme ids come and go while devices work in others of them")
     COVERS("DOM-1 DOM-2 DEL-3 ISO-1 ISO-2") DEVICES(PROBE) KINDS("dma")
     STEPS("Ten domains with ids at the ends of the range and with equal low bits map one IOVA to "
           "a page each. Three devices write there over and over, each bytes of its own. They move "
           "through the domains in turn; a domain that a device left, and that has none, is "
           "deleted and created again with new tables.")
     EXPECTS("Each device writes to the page of its own domain alone, whatever happens to the "
             "others.")
     IF_IT_FAILS("The host keeps only a part of an id, mixes up domains, or loses one when another "
                 "is deleted."))
{
    static const uint32_t ids[] = {1,          2,          0x00010001, 0x01000001, 0x7FFFFFFF,
                                   0x80000000, 0x80000001, 0x80010001, 0xFFFFFFFD, 0xFFFFFFFE};
    enum { COUNT = ARRAY_SIZE(ids) };
    struct buffer b = buffer(t, COUNT);
    struct domain *d[COUNT];
    struct dma_engine *e[DEVICE_COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        d[i] = domain_with_id(t, DOMAIN_PAGING, ids[i]);
        map_gpa(t, d[i], IOVA, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
    }
    for (unsigned i = 0; i < DEVICE_COUNT; i++) {
        e[i] = device_n(t, i);
        attach(t, d[i], e[i]);
        continuous_dma_start(t, e[i], SLOT, IOVA + i * LENGTH, LENGTH, (uint8_t)(i + 1));
    }
    for (unsigned round = 0; round < 5 * COUNT; round++) {
        unsigned left = round % COUNT, mover = round % DEVICE_COUNT;

        /* The domains `left + 1` and `left + 2` have the other two devices. */
        attach(t, d[(left + DEVICE_COUNT) % COUNT], e[mover]);
        delete_domain(t, d[left]);
        CHECK(domain_create(d[left], DOMAIN_PAGING, ids[left], 0, 0, NULL),
              "creating id 0x%x again", ids[left]);
        map_gpa(t, d[left], IOVA, gpa_of(b.data) + left * PAGE_SIZE, PAGE_SIZE, RW);
        for (unsigned i = 0; i < COUNT; i++)
            memset(b.data + i * PAGE_SIZE, POISON_FRESH, DEVICE_COUNT * LENGTH);
        continuous_dma_pass(e[mover], DMA_SETTLE_EXITS);
        for (unsigned i = 1; i <= DEVICE_COUNT; i++) {
            unsigned who = (round + i) % DEVICE_COUNT;

            CHECK_EQ(landed(&b, COUNT, who * LENGTH, LENGTH, (uint8_t)(who + 1)),
                     (left + i) % COUNT, "number of the domain whose page the device writes to");
        }
    }
    for (unsigned i = 0; i < DEVICE_COUNT; i++)
        (void)continuous_dma_stop(t, e[i], SLOT);
}

TEST(id_reused_two_hundred_times,
     PROMISE("An id that is used again at once with another root, two hundred times, translates by "
             "its newest root alone")
     COVERS("DEL-3 DOM-2 ATT-4") DEVICES(ALL) KINDS("dma")
     STEPS("Two hundred times a domain is created under the same id with a new top table, maps one "
           "of eight pages at one IOVA and another at a second, is used by the device, left and "
           "deleted at once. The device rests in a paging domain or in a blocking one in between, "
           "in turn.")
     EXPECTS("Each time both DMAs land in the pages of this round and in no other.")
     IF_IT_FAILS("The host keeps state under the id or under its own DID: an old top table, cached "
                 "tables or leaves."))
{
    enum { PAGES = 8, ROUNDS = 200 };
    struct dma_engine *e = device(t);
    struct domain *rest[] = {domain_paging(t), domain_blocked(t)}, d;
    struct buffer b = buffer(t, PAGES);
    uint32_t id = fresh_domain_id(t);

    for (unsigned i = 0; i < ROUNDS; i++) {
        enum hv_status status;

        CHECK(domain_create(&d, DOMAIN_PAGING, id, 0, 0, &status), "round %u: CREATE: %s", i,
              hv_status_name(status));
        for (unsigned k = 0; k < 2; k++) {
            map_gpa(t, &d, IOVA + k * SIZE_2M, gpa_of(b.data) + (i + 3 * k) % PAGES * PAGE_SIZE,
                    PAGE_SIZE, RW);
        }
        attach(t, &d, e);
        for (unsigned k = 0; k < 2; k++) {
            fill_by_device(t, e, IOVA + k * SIZE_2M, 8, "DMA");
            CHECK_EQ(landed(&b, PAGES, 0, 8, e->ops->fill_value), (i + 3 * k) % PAGES,
                     "number of the page that the DMA reached");
        }
        attach(t, rest[i % 2], e);
        delete_domain(t, &d);
    }
}

/* The same, where a DMA that reached the expected page has not reached another one; those are
 * looked at where it did not. */
static unsigned landed_at(const struct buffer *b, unsigned count, unsigned expected, uint8_t value)
{
    uint8_t *at = b->data + expected * PAGE_SIZE;

    if (memory_find_other(at, 8, value))
        return landed(b, count, 0, 8, value);
    memset(at, POISON_FRESH, 8);
    return expected;
}

TEST(many_domains_alive,
     PROMISE("With many domains at once two devices that visit them all see each by its own tables")
     COVERS("ISO-1 DOM-1 ATT-9") DEVICES(ALL) KINDS("dma")
     STEPS("Up to 56 paging domains exist at once, each with the same IOVA mapped to a page of its "
           "own. Two devices visit all of them, half of the domains apart, twice; both write at "
           "each stop, and again after the other one has.")
     EXPECTS("In each domain a device's DMA lands in the page of that domain.")
     IF_IT_FAILS("The host runs out of DIDs and shares them between domains, or finds the wrong "
                 "domain among many."))
{
    enum { MANY = 56 };
    const uint32_t first_id = 0x00300000;
    struct dma_engine *e[] = {device_n(t, 0), device_n(t, 1)};
    struct domain *rest = domain_blocked(t);
    struct domain *d = page_alloc((MANY * sizeof(*d) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);
    struct buffer b = buffer(t, MANY);
    const unsigned many = rounds_on(e[0], MANY, 24), apart = many / 2;
    unsigned alive = 0;

    REQUIRE(d, "no memory for the domains");
    for (unsigned i = 0; i < MANY; i++)
        (void)iommu_delete(first_id + i); /* left by a run of this test that failed */
    while (alive < many && domain_create(&d[alive], DOMAIN_PAGING, first_id + alive, 0, 0, NULL)) {
        map_gpa(t, &d[alive], IOVA, gpa_of(b.data) + alive * PAGE_SIZE, PAGE_SIZE, RW);
        alive++;
    }
    CHECK(alive >= 2, "the host has room for %u domains only", alive);
    for (unsigned i = 0; i < 2 * alive; i++) {
        attach(t, &d[i % alive], e[0]);
        attach(t, &d[(i + apart) % alive], e[1]);
        for (unsigned k = 0; k < 4; k++) {
            unsigned domain = (i + k % 2 * apart) % alive;

            fill_by_device(t, e[k % 2], IOVA, 8, "DMA");
            CHECK_EQ(landed_at(&b, alive, domain, e[k % 2]->ops->fill_value), domain,
                     "number of the domain whose page the DMA reached");
        }
    }
    expect_untouched(t, &b, "pages of all domains");
    attach(t, rest, e[0]);
    attach(t, rest, e[1]);
    for (unsigned i = 0; i < alive; i++)
        delete_domain(t, &d[i]);
    OBSERVE("%u domains at once", alive);
}
