/* SPDX-License-Identifier: MIT */
/*
 * Two domains with one top table, or with a lower table in common. A guest does so to give several
 * devices one view of memory; for the host they are two domains, each with an id, caches and a life
 * of its own.
 */
#include "lib/bits.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "isolation"

/* A domain with the tables of `d`, which stay its own; deleted by the reset. */
static struct domain twin_of(struct test_run *t, const struct domain *d)
{
    struct domain other = {
        .kind = DOMAIN_PAGING, .id = fresh_domain_id(t), .live = true, .table = d->table};

    CHECK_SUCCESS(iommu_create(other.id), "creating a domain");
    CHECK_SUCCESS(iommu_configure(other.id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                  stage1_root_gpa(&d->table)),
                  "configuring a second domain with one top table");
    STEP("create domain 0x%llx and configure it with the top table of domain 0x%llx", other.id,
         d->id);
    return other;
}

TEST(shared_root_flushed,
     PROMISE("Of two domains with one top table each serves its device, and a flush of it reaches "
             "its device")
     COVERS("CFG-1 FL-1 ATT-1 ISO-2") DEVICES(PROBE) KINDS("dma fault flush")
     STEPS("Two domains with one top table have a device each. Both devices write, twice in turn. "
           "The page is unmapped; the domain that was created last is flushed, and its device "
           "writes; then the first one. Then the same with the devices exchanged, and the first "
           "domain flushed first, by a list.")
     EXPECTS("Writes land while the page is mapped, and fault as not present after the flush.")
     IF_IT_FAILS("The host knows domains by their top table."))
{
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), other = twin_of(t, d);
    struct domain *all[2] = {d, &other};

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 2; i++)
            attach(t, all[i], e[i ^ round]);
        for (unsigned i = 0; i < 4; i++)
            expect_write(t, e[i % 2], IOVA, &b, 0, 8, "in two domains with one top table");
        *leaf_entry(t, d, IOVA) &= ~1ull;
        for (unsigned i = 0; i < 2; i++) {
            unsigned which = i == round ? 1 : 0;

            if (round == 0)
                CHECK_SUCCESS(iommu_flush(all[which]->id), "flushing one of the domains");
            else
                flush_block(t, all[which], IOVA >> 12, 0);
            expect_write_fault(t, e[which ^ round], IOVA, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "the domain of this device was flushed");
        }
        unmap(t, d, IOVA, PAGE_SIZE);
        flush(t, d);
        CHECK_SUCCESS(iommu_flush(other.id), "flushing the other domain");
        map(t, d, IOVA, &b, RW);
    }
}

TEST(shared_root_deleted,
     PROMISE("DELETE of one of two domains with one top table leaves the other, and nothing of it "
             "for a third domain")
     COVERS("DEL-4 ISO-1 ISO-2") DEVICES(PROBE) KINDS("dma")
     STEPS("Two domains have one top table, and a device in each; both write. The first device "
           "goes to a domain with tables of its own, and the first domain is deleted; both devices "
           "write. Then a domain is created and mapped again, the first device goes there, and "
           "both write, twice in turn. Then all of this with the two domains in the other order.")
     EXPECTS("Each device reaches the page of its own domain, every time.")
     IF_IT_FAILS("The tag of cached translations, or the table itself, goes with the first domain "
                 "of a top table."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *aside = domain_mapping(t, IOVA, &b);

    for (unsigned order = 0; order < 2; order++) {
        struct domain *d = domain_mapping(t, IOVA, &a), other = twin_of(t, d), *fresh;

        attach(t, order == 0 ? d : &other, first);
        attach(t, order == 0 ? &other : d, second);
        expect_write(t, first, IOVA, &a, 0, 8,
                     "first device, one of two domains with one top table");
        expect_write(t, second, IOVA, &a, 0, 8, "second device, the other domain");
        attach(t, aside, first);
        CHECK_SUCCESS(iommu_delete(order == 0 ? d->id : other.id),
                      "deleting a domain without devices");
        STEP("delete domain 0x%llx", order == 0 ? d->id : other.id);
        d->live = order != 0;
        expect_write(t, first, IOVA, &b, 0, 8, "first device, in a domain of its own");
        expect_write(t, second, IOVA, &a, 0, 8,
                     "second device, after the other domain was deleted");
        fresh = domain_mapping(t, IOVA, &b);
        attach(t, fresh, first);
        for (unsigned i = 0; i < 2; i++) {
            expect_write(t, first, IOVA, &b, 0, 8,
                         "first device, in a domain that was created since");
            expect_write(t, second, IOVA, &a, 0, 8, "second device, which stayed");
        }
        attach(t, aside, second);
        attach(t, aside, first);
        if (order == 0)
            CHECK_SUCCESS(iommu_delete(other.id), "deleting the second domain");
    }
}

/* Two domains of their own top tables, in which IOVA goes through one leaf table. */
struct in_common {
    struct domain *owner, *other;
    uint64_t *owner_entry, *other_entry; /* above the leaf table */
    uint64_t other_table;                /* what the other one had there */
};

static struct in_common in_common(struct test_run *t, const struct buffer *b)
{
    struct in_common c = {.owner = domain_four_levels(t, IOVA, b),
                          .other = domain_four_levels(t, IOVA, b)};
    struct stage1_walk w;

    REQUIRE(stage1_walk(&c.owner->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    c.owner_entry = w.entry[1];
    REQUIRE(stage1_walk(&c.other->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    c.other_entry = w.entry[1];
    c.other_table = *c.other_entry;
    *c.other_entry = *c.owner_entry;
    STEP("the leaf table of domain 0x%llx becomes that of domain 0x%llx, too: entry 0x%llx",
         c.owner->id, c.other->id, *c.other_entry);
    return c;
}

TEST(shared_leaf_table_rights,
     PROMISE("A leaf table of two domains is read-only in the one whose entry above it is "
             "read-only")
     COVERS("TR-4") DEVICES(PROBE) KINDS("dma fault")
     STEPS("Two domains lead to one leaf table, the second one by a read-only entry. The device of "
           "the first writes, then that of the second, then both again.")
     EXPECTS("Writes of the first device land, those of the second fault as write denied.")
     IF_IT_FAILS("Permissions of a path are kept with the table that it leads to."))
{
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct buffer b = buffer(t, 1);
    struct in_common c = in_common(t, &b);

    *c.other_entry &= ~2ull;
    attach(t, c.owner, e[0]);
    attach(t, c.other, e[1]);
    for (unsigned i = 0; i < 2; i++) {
        expect_write(t, e[0], IOVA, &b, 0, 8, "by a writable entry");
        expect_write_fault(t, e[1], IOVA, 8, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                           "by a read-only entry");
        read_and_try_to_write(t, e[1], IOVA, 8);
    }
    *c.other_entry = c.other_table; /* so that the driver frees what it allocated */
    flush(t, c.other);
}

TEST(shared_leaf_table_unlinked,
     PROMISE("A leaf table of two domains that one of them has unlinked and flushed is out of "
             "reach there alone")
     COVERS("FL-1 LS-8 ISO-2") DEVICES(PROBE) KINDS("dma fault flush")
     STEPS("Two domains lead to one leaf table of two pages. The device of each uses the first "
           "page. The first domain unlinks the table and is flushed, as a whole or by a list of "
           "its pages; its device writes to both pages, and the other device as well.")
     EXPECTS("The first device faults as not present at both pages, the other one reaches both.")
     IF_IT_FAILS("Cached tables belong to the domain that used them last."))
{
    static flush_way *const ways[] = {flush_by_domain, flush_list};
    struct dma_engine *e[2] = {device_n(t, 0), device_n(t, 1)};
    struct buffer b = buffer(t, 2);
    struct in_common c = in_common(t, &b);
    uint64_t entry = *c.owner_entry;

    attach(t, c.owner, e[0]);
    attach(t, c.other, e[1]);
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        expect_write(t, e[0], IOVA, &b, 0, 8, "in the first domain");
        expect_write(t, e[1], IOVA, &b, 0, 8, "in the second domain");
        *c.owner_entry = 0;
        STEP("the first domain unlinks the table");
        ways[i](t, c.owner, IOVA, 2 * PAGE_SIZE);
        expect_write_fault(t, e[0], IOVA + PAGE_SIZE, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "unlinked, other page");
        expect_write_fault(t, e[0], IOVA, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "unlinked, page that was used");
        expect_write(t, e[1], IOVA + PAGE_SIZE, &b, PAGE_SIZE, 8, "in the second domain, still");
        *c.owner_entry = entry;
    }
    *c.other_entry = c.other_table; /* so that the driver frees what it allocated */
    flush(t, c.other);
}
