/* SPDX-License-Identifier: MIT */
/* Every granularity of invalidation drops what it names (VT-d 6.5.2). */
#include "tests/vtd/vtd_test.h"

#define TEST_GROUP "vtd"

#define PAGES    4u
#define AM_PAGES 2u
#define AM_2M    9u

/* One descriptor that covers IOVA in that domain. */
struct leaf_way {
    uint64_t low; /* without the tag */
    bool tagged, addressed;
};

#define LEAF_WAYS(ROW, test)                                                                       \
    ROW(test, iotlb_global, ((struct leaf_way){VTD_INVALIDATE_IOTLB | VTD_GLOBAL, false, false}),  \
        WORD(way, "the IOTLB, global") COVERS("VTD-INV-1"))                                        \
    ROW(test, iotlb_domain, ((struct leaf_way){VTD_INVALIDATE_IOTLB | VTD_DOMAIN, true, false}),   \
        WORD(way, "the IOTLB, by domain") COVERS("VTD-INV-2"))                                     \
    ROW(test, iotlb_pages, ((struct leaf_way){VTD_INVALIDATE_IOTLB | VTD_PAGES, true, true}),      \
        WORD(way, "the IOTLB, by pages") COVERS("VTD-INV-3"))                                      \
    ROW(test, pasid_all,                                                                           \
        ((struct leaf_way){VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID, true, false}),         \
        WORD(way, "the PASID-based IOTLB, by PASID") COVERS("VTD-INV-4"))                          \
    ROW(test, pasid_pages,                                                                         \
        ((struct leaf_way){VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID, true, true}),        \
        WORD(way, "the PASID-based IOTLB, by pages") COVERS("VTD-INV-5"))

VARIANTS(const struct leaf_way, leaf_ways, LEAF_WAYS);

static void push_leaf_way(const struct leaf_way *way, const struct domain *d)
{
    vtd_push(way->low | (way->tagged ? tag_field(d) : 0), way->addressed ? IOVA : 0);
}

TEST_EACH(stale_leaf, LEAF_WAYS,
          PROMISE("A cached leaf is gone after an invalidation of {way}")
          UNIT(vtd) DEVICES(rocker) KINDS("dma flush")
          STEPS("Two devices in one domain use a page, and its leaf is changed to another page. "
                "The invalidation is pushed, with a wait after it.")
          EXPECTS("Both devices reach the new page.")
          IF_IT_FAILS("The unit looks for cached entries by a tag that they do not have, or for "
                      "those of one requester alone: a guest's flush leaves stale translations."))
{
    struct stale s = stale(t, device_n(t, 0));
    struct dma_engine *second = device_n(t, 1);

    retarget(t, s.domain, IOVA, gpa_of(s.old.data));
    attach(t, s.domain, second);
    warm(t, second, IOVA, &s.old, "second device");
    retarget(t, s.domain, IOVA, gpa_of(s.next.data));
    push_leaf_way(&VARIANT(leaf_ways), s.domain);
    carry_out(t, "invalidation");
    expect_fresh(t, &s, "first device");
    s.engine = second;
    expect_fresh(t, &s, "second device");
}

TEST(iotlb_global_covers_all_domains,
     PROMISE("A global invalidation of the IOTLB drops the entries of every domain")
     UNIT(vtd) COVERS("VTD-INV-1") DEVICES(rocker) KINDS("dma flush")
     STEPS("Two devices in two domains use a page each, and both leaves are changed.")
     EXPECTS("After one global descriptor both reach their new pages.")
     IF_IT_FAILS("The global granularity is limited to the domain that the descriptor happens to "
                 "name."))
{
    struct stale first = stale(t, device_n(t, 0)), second = stale(t, device_n(t, 1));

    vtd_push(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0);
    carry_out(t, "global invalidation");
    expect_fresh(t, &first, "first domain");
    expect_fresh(t, &second, "second domain");
}

TEST(pages_by_address_mask,
     PROMISE("An address mask of n covers 2^n pages")
     UNIT(vtd) COVERS("VTD-INV-5") DEVICES(rocker) KINDS("dma flush")
     STEPS("Four adjacent pages are used, and their leaves changed. One descriptor of the "
           "PASID-based IOTLB by pages names the first with an address mask of 2.")
     EXPECTS("All four IOVAs lead to the new pages.")
     IF_IT_FAILS("The unit drops the addressed page alone, or half of the block."))
{
    struct dma_engine *e = device(t);
    struct buffer old = buffer(t, PAGES), next = buffer(t, PAGES);
    struct domain *d = domain_four_levels(t, IOVA, &old);

    take_unit(t);
    attach(t, d, e);
    for (unsigned i = 0; i < PAGES; i++)
        expect_write(t, e, IOVA + i * PAGE_SIZE, &old, i * PAGE_SIZE, 4, "before the change");
    for (unsigned i = 0; i < PAGES; i++)
        retarget(t, d, IOVA + i * PAGE_SIZE, gpa_of(next.data + i * PAGE_SIZE));
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag_field(d), IOVA | AM_PAGES);
    carry_out(t, "invalidation of four pages");
    for (unsigned i = 0; i < PAGES; i++)
        expect_write(t, e, IOVA + i * PAGE_SIZE, &next, i * PAGE_SIZE, 4, "after it");
    expect_untouched(t, &old, "after it");
}

TEST(pages_of_a_2m_leaf,
     PROMISE("An address mask of 9 drops a cached leaf of 2 MiB")
     UNIT(vtd) COVERS("VTD-INV-5") DEVICES(rocker) KINDS("dma flush")
     STEPS("A leaf of 2 MiB is used at its second half and changed to another region. One "
           "descriptor names the region with an address mask of 9.")
     EXPECTS("The device reaches the new region.")
     IF_IT_FAILS("Large leaves are cached in a form that the look-up by address does not find."))
{
    struct dma_engine *e = device(t);
    struct buffer old = buffer_for_leaf(t, SIZE_2M), next = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_mapping(t, IOVA, &old);
    const uint64_t at = SIZE_2M / 2 + PAGE_SIZE;

    take_unit(t);
    attach(t, d, e);
    expect_write(t, e, IOVA + at, &old, at, 4, "before the change");
    retarget(t, d, IOVA, gpa_of(next.data));
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag_field(d), IOVA | AM_2M);
    carry_out(t, "invalidation of 2 MiB");
    expect_write(t, e, IOVA + at, &next, at, 4, "after it");
    expect_untouched(t, &old, "after it");
}

/* Invalidations after a change of an entry above the page tables, as 6.5.3.3 asks for them. */
static void push_context(const struct dma_engine *e, uint64_t granularity)
{
    vtd_push(VTD_INVALIDATE_CONTEXT | granularity | source_field(e), 0);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_GLOBAL, 0);
    vtd_push(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0);
}

#define CONTEXT_WAYS(ROW, test)                                                                    \
    ROW(test, global, VTD_GLOBAL, WORD(way, "global"))                                             \
    ROW(test, domain, VTD_DOMAIN, WORD(way, "by domain, which scalable mode treats as global"))    \
    ROW(test, device, VTD_CONTEXT_DEVICE, WORD(way, "by device"))

VARIANTS(const uint64_t, context_ways, CONTEXT_WAYS);

TEST_EACH(context_entry_changed, CONTEXT_WAYS,
          PROMISE("A changed context entry is in force after an invalidation of the context cache, "
                  "{way}")
          UNIT(vtd) COVERS("VTD-INV-6") DEVICES(rocker) KINDS("dma flush")
          STEPS("A device uses a page. Its context entry is changed to another PASID directory, "
                "whose table leads to another page; the context cache, the PASID cache and the "
                "IOTLB are invalidated.")
          EXPECTS("The device reaches the other page.")
          IF_IT_FAILS("The context cache keeps the entry: a device stays in its old domain."))
{
    struct stale s = stale(t, device_n(t, 0));
    struct vtd_place *p = place(t, s.engine), *other = place(t, device_n(t, 1));
    struct domain *d = domain_mapping(t, IOVA, &s.next);

    retarget(t, s.domain, IOVA, gpa_of(s.old.data));
    attach(t, d, device_n(t, 1));
    vtd_flaw(p->context, *p->context ^ *other->context);
    push_context(s.engine, VARIANT(context_ways));
    carry_out(t, "invalidation");
    expect_fresh(t, &s, "after it");
}

#define PASID_WAYS(ROW, test)                                                                      \
    ROW(test, global, VTD_PASID_GLOBAL, WORD(way, "global"))                                       \
    ROW(test, domain, VTD_PASID_DOMAIN, WORD(way, "by domain"))                                    \
    ROW(test, pasid, VTD_PASID_ONE, WORD(way, "by PASID"))

VARIANTS(const uint64_t, pasid_ways, PASID_WAYS);

TEST_EACH(pasid_entry_changed, PASID_WAYS,
          PROMISE("A changed PASID table entry is in force after an invalidation of the PASID "
                  "cache, {way}, and of the PASID-based IOTLB")
          UNIT(vtd) COVERS("VTD-INV-7") DEVICES(rocker) KINDS("dma flush")
          STEPS("A device uses a page. The top table in its PASID table entry is replaced, while "
                "the domain id stays; PASID cache and PASID-based IOTLB are invalidated.")
          EXPECTS("The device reaches the page that the other top table maps.")
          IF_IT_FAILS("The unit goes on with the tables of the old entry."))
{
    struct stale s = stale(t, device(t));
    struct vtd_place *p = place(t, s.engine);
    struct domain *d = domain_mapping(t, IOVA, &s.next);
    uint64_t *entry = p->tables[p->now];

    retarget(t, s.domain, IOVA, gpa_of(s.old.data));
    vtd_flaw(&entry[2], entry[2] ^ stage1_root_gpa(&d->table));
    vtd_push(VTD_INVALIDATE_PASID | VARIANT(pasid_ways) | tag_field(s.domain), 0);
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag_field(s.domain), 0);
    carry_out(t, "invalidation");
    expect_fresh(t, &s, "after it");
}

TEST(domain_id_used_again,
     PROMISE("A domain id can serve another table after the invalidations for its reuse")
     UNIT(vtd) COVERS("VTD-INV-8 VTD-INV-2") DEVICES(rocker) KINDS("dma flush")
     STEPS("Two devices use a page in one domain. Both get the tables of another domain under the "
           "same domain id; PASID cache and IOTLB are invalidated by domain.")
     EXPECTS("Both devices reach the page that the new tables map.")
     IF_IT_FAILS("Entries of the id's former owner survive: two domains are mixed."))
{
    struct stale s = stale(t, device_n(t, 0));
    struct dma_engine *second = device_n(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &s.next);

    retarget(t, s.domain, IOVA, gpa_of(s.old.data));
    attach(t, s.domain, second);
    warm(t, second, IOVA, &s.old, "second device");
    for (unsigned i = 0; i < 2; i++) {
        struct vtd_place *p = place(t, device_n(t, i));
        uint64_t *entry = p->tables[p->now];

        vtd_flaw(&entry[2], entry[2] ^ stage1_root_gpa(&d->table));
    }
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_DOMAIN | tag_field(s.domain), 0);
    vtd_push(VTD_INVALIDATE_IOTLB | VTD_DOMAIN | tag_field(s.domain), 0);
    carry_out(t, "invalidation by domain");
    expect_fresh(t, &s, "first device");
    s.engine = second;
    expect_fresh(t, &s, "second device");
}

TEST(absent_pasid_entry_blocks,
     PROMISE("A PASID table entry whose present bit was cleared blocks its device after the "
             "invalidations that the change asks for")
     UNIT(vtd) COVERS("VTD-INV-9") DEVICES(rocker) KINDS("dma flush")
     STEPS("A device uses a page. Bit P of its PASID table entry is cleared, and nothing else; "
           "the PASID cache is invalidated by PASID, and the PASID-based IOTLB as well.")
     EXPECTS("The device writes nowhere.")
     IF_IT_FAILS("A device that a driver has blocked by the shortest sequence that the "
                 "specification gives goes on with its DMA."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    struct vtd_place *p = place(t, e);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "while it is present");
    vtd_flaw(p->tables[p->now], VTD_PRESENT);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_ONE | tag_field(d), 0);
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag_field(d), 0);
    carry_out(t, "invalidation");
    fill_by_device(t, e, IOVA, 4, "absent PASID table entry");
    expect_untouched(t, &b, "absent PASID table entry");
}

TEST(pass_through_ends,
     PROMISE("A device whose PASID table entry changes from pass-through to first-stage is "
             "translated after the invalidations that the change asks for")
     UNIT(vtd) COVERS("VTD-INV-10") DEVICES(rocker) KINDS("dma flush")
     STEPS("A device works with pass-through. Its PASID table entry becomes one with tables that "
           "map nothing, under the same domain id; the PASID cache is invalidated by PASID, the "
           "IOTLB by domain, and the PASID-based IOTLB.")
     EXPECTS("The device does not reach the page by its physical address.")
     IF_IT_FAILS("The device goes on reaching all of memory, although its driver has put it into a "
                 "domain of its own."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *identity = domain_identity(t), *empty = domain_paging(t);
    struct vtd_place *p = place(t, e);
    uint64_t *entry;

    attach(t, identity, e);
    expect_write(t, e, gpa_of(b.data), &b, 0, 4, "pass-through");
    entry = p->tables[p->now];
    entry[2] = stage1_root_gpa(&empty->table);
    vtd_flaw(entry, VTD_PASID_PASS_THROUGH | VTD_PASID_FIRST_STAGE);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_ONE | tag_field(identity), 0);
    vtd_push(VTD_INVALIDATE_IOTLB | VTD_DOMAIN | tag_field(identity), 0);
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag_field(identity), 0);
    carry_out(t, "invalidation");
    fill_by_device(t, e, gpa_of(b.data), 4, "first-stage tables without a mapping");
    expect_untouched(t, &b, "first-stage tables without a mapping");
}

TEST(address_width_of_first_stage,
     PROMISE("The address width of a PASID table entry does not limit its first-stage tables")
     UNIT(vtd) COVERS("VTD-ENT-6") DEVICES(rocker) KINDS("dma")
     STEPS("The field AW of a device's PASID table entry, which is about second-stage tables, "
           "becomes 0; all caches are invalidated. The device writes at an IOVA of 1 GiB.")
     EXPECTS("The write arrives.")
     IF_IT_FAILS("The unit checks the address against the width of tables that are not in use: a "
                 "driver that leaves the field at 0 gets 30 bits."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA_1G, &b);
    struct vtd_place *p = place(t, e);

    attach(t, d, e);
    vtd_flaw(p->tables[p->now], VTD_PASID_WIDTH_48);
    invalidate_all(t);
    expect_write(t, e, IOVA_1G, &b, 0, 4, "AW is 0");
}
