/* SPDX-License-Identifier: MIT */
/* The end of a domain, and what its tables' memory is used for next (DEL-1 to DEL-5, DOM-2). */
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "delete"
static unsigned tables_of(struct test_run *t, struct domain *d, uint64_t *tables[4])
{
    struct stage1_walk w;
    unsigned count = 0;

    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    tables[count++] = d->table.root;
    for (unsigned level = d->table.levels - 1; level > w.leaf_level; level--)
        tables[count++] = gpa_pointer(*w.entry[level] & d->table.format->address_mask);
    return count;
}

/* Fills the tables as a new owner of the pages could: an entry, read at any level, leads to a table
 * of these or to `trap`. */
static void reuse(uint64_t *const tables[4], unsigned count, const struct buffer *trap)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t next = i + 1 < count ? gpa_of(tables[i + 1]) | 0x27 : gpa_of(trap->data) | 0x67;

        for (unsigned k = 0; k < PAGE_SIZE / sizeof(uint64_t); k++)
            tables[i][k] = next;
    }
}

TEST(tables_are_free_before_delete,
     PROMISE("Once the last device has left, the tables' memory can be reused; DELETE neither "
             "reads nor writes it")
     COVERS("DEL-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device uses a page and is moved to a blocking domain. All table pages of the old "
           "domain are filled with 0x11, which makes present entries with clear accessed bits. "
           "DELETE is called, and the pages are then filled with entries that lead to a trap; the "
           "blocked device writes.")
     EXPECTS("DELETE succeeds, all table pages hold 0x11 in every byte after it, and neither the "
             "trap nor the old page is written to.")
     IF_IT_FAILS("DELETE walks or clears tables that already have another owner in the guest. A "
                 "byte that changed is corruption of that owner; a DELETE that fails suggests that "
                 "the host reads them."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), trap = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);
    uint64_t *tables[4];
    unsigned count;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "mapped");
    attach(t, blocked, e);
    count = tables_of(t, d, tables);
    for (unsigned i = 0; i < count; i++)
        memset(tables[i], 0x11, PAGE_SIZE);
    /* As entries these are present and not accessed: a host that still walked them would leave a
     * mark. */
    STEP("overwrite all %llu table pages with 0x11", count);
    CHECK_SUCCESS(iommu_delete(d->id), "DELETE of a domain whose tables are gone");
    for (unsigned i = 0; i < count; i++) {
        CHECK(!memory_find_other((uint8_t *)tables[i], PAGE_SIZE, 0x11),
              "DELETE has written to table page %u", i);
    }
    reuse(tables, count, &trap);
    expect_write_fault(t, e, IOVA, 8, &trap, ORACLE_FAULT_CLASS_BLOCKED,
                       "device in the blocking domain");
    expect_untouched(t, &b, "the old target");
}

TEST(tables_are_dead_after_delete,
     PROMISE("After DELETE the old tables can hold anything: no DMA walks them, also not when the "
             "id is used again")
     COVERS("DEL-5 DEL-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device uses a page, is moved to a blocking domain, and its old domain is deleted. "
           "The old table pages are filled with entries that lead to a trap. A new domain with the "
           "same id maps the same IOVA to another page; the device is attached and writes there, "
           "and to the next IOVA, which only the old tables lead on.")
     EXPECTS("The first write is in the new page, the second one faults as not present; the trap "
             "and the old page are unchanged.")
     IF_IT_FAILS("Something still points to the old tables: cached upper levels of the walk, "
                 "cached leaves, or a root that the host keeps by domain id. The device follows "
                 "entries that are no longer entries."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), c = buffer(t, 1), trap = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t), again;
    uint64_t *tables[4];
    enum hv_status status;
    unsigned count;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "mapped");
    attach(t, blocked, e);
    count = tables_of(t, d, tables);
    CHECK_SUCCESS(iommu_delete(d->id), "DELETE of a domain without devices");
    reuse(tables, count, &trap);
    CHECK(domain_create(&again, DOMAIN_PAGING, d->id, 0, 0, &status),
          "the id cannot be created again: %s", hv_status_name(status));
    map(t, &again, IOVA, &c, RW);
    attach(t, &again, e);
    expect_write(t, e, IOVA, &c, 0, 8, "new tables");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "only the old tables lead on");
    expect_untouched(t, &b, "the old target");
    attach(t, blocked, e);
    CHECK_SUCCESS(domain_delete(&again), "DELETE of the second domain with this id");
}

TEST(id_with_a_new_root,
     PROMISE("A domain id that is deleted and created forty times translates by its newest root "
             "only")
     COVERS("DEL-3 DOM-2") DEVICES(ALL) KINDS("dma")
     STEPS("Forty times, creates a domain with the same id and a new table, which maps the same "
           "IOVA to one of two pages in turn. The device is attached and writes, is moved to a "
           "blocking domain, and the domain is deleted.")
     EXPECTS("Every CREATE and DELETE succeeds, and every write is in the page of its round.")
     IF_IT_FAILS("Guests use ids again at once. The host brings back the root or the cached "
                 "translations of the earlier domain of this id, or runs out of something that "
                 "DELETE should give back."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t);
    struct buffer b = buffer(t, 2);
    uint32_t id = fresh_domain_id(t);

    for (unsigned i = 0; i < 40; i++) {
        size_t page = (i % 2) * PAGE_SIZE;
        enum hv_status status;
        struct domain d;

        CHECK(domain_create(&d, DOMAIN_PAGING, id, 0, 0, &status), "creating id 0x%x again: %s", id,
              hv_status_name(status));
        map_gpa(t, &d, IOVA, gpa_of(b.data) + page, PAGE_SIZE, RW);
        attach(t, &d, e);
        expect_write(t, e, IOVA + i, &b, page + i, 16, "this round's page");
        attach(t, blocked, e);
        CHECK_SUCCESS(domain_delete(&d), "DELETE of a domain without devices");
    }
}

TEST(id_reused_without_blocking,
     PROMISE("A device that moves straight from a domain to the next user of the same id sees "
             "nothing of the first")
     COVERS("DEL-3 ATT-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device uses two pages of a domain and is attached to another one. The first domain "
           "is deleted, and its id created again with a table that maps only the first IOVA, to a "
           "new page. The device is attached straight to it and writes to both IOVAs.")
     EXPECTS("The first IOVA leads to the new page; the second faults as not present, and the page "
             "of the first domain is unchanged, as is that of the domain in between.")
     IF_IT_FAILS("Cached translations are tagged with the domain id and outlive the domain. The "
                 "move away did not drop them, and the new domain of the same id inherits them."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 2), b = buffer(t, 1), c = buffer(t, 1);
    struct domain *other = domain_mapping(t, IOVA, &c), first, second;
    uint32_t id = fresh_domain_id(t);

    CHECK(domain_create(&first, DOMAIN_PAGING, id, 0, 0, NULL), "creating a domain");
    map(t, &first, IOVA, &a, RW);
    attach(t, &first, e);
    expect_write(t, e, IOVA, &a, 0, 8, "first domain");
    expect_write(t, e, IOVA + PAGE_SIZE, &a, PAGE_SIZE, 8, "first domain, second page");
    attach(t, other, e);
    CHECK_SUCCESS(domain_delete(&first), "DELETE of the first domain");
    CHECK(domain_create(&second, DOMAIN_PAGING, id, 0, 0, NULL), "creating the id again");
    map(t, &second, IOVA, &b, RW);
    attach(t, &second, e);
    expect_write(t, e, IOVA, &b, 0, 8, "second domain");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "page of the first domain");
    expect_untouched(t, &c, "the domain in between");
    attach(t, other, e);
    CHECK_SUCCESS(domain_delete(&second), "DELETE of the second domain");
}

OBSERVATION(domain_with_a_device,
            PROMISE("DELETE of a domain that still has a device: refused, or the device is "
                    "blocked; never a stale translation")
            COVERS("DEL-2 DEL-4") DEVICES(ALL) KINDS("dma flush")
            STEPS("The device uses one of two mapped pages. DELETE is called while it is in the "
                  "domain. Then it writes to both IOVAs and, if the call succeeded, to the address "
                  "of the page.")
            EXPECTS("After a refusal both pages are reached, the domain can be flushed, and it can "
                    "be deleted once the device has left. After a success nothing is reached. The "
                    "status is recorded.")
            IF_IT_FAILS("The host deletes the domain but not the entry of the device: it still "
                        "translates with tables that the guest will free, or lets the device pass "
                        "through."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);
    enum hv_status status;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    status = iommu_delete(d->id);
    STEP("delete the domain with a device in it: %s", hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        CHECK(!may_write(t, e, IOVA, &b, 0, 8, "warm page"),
              "the domain is deleted, but its translation is used");
        CHECK(!may_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 8, "cold page"),
              "the deleted domain's tables are used");
        CHECK(!may_write(t, e, gpa_of(b.data), &b, 0, 8, "GPA"),
              "the device of a deleted domain passes through");
    } else {
        expect_write(t, e, IOVA, &b, 0, 8, "the domain still works after the refusal: warm page");
        expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 8, "cold page");
        flush(t, d);
        attach(t, blocked, e);
        CHECK_SUCCESS(iommu_delete(d->id), "DELETE once the device has left");
    }
    OBSERVE("%s", hv_status_name(status));
}

TEST(refused_delete_leaves_it_usable,
     PROMISE("A domain is there after a refused DELETE and gone after a successful one, for every "
             "call")
     COVERS("DEL-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Calls DELETE for a domain with a device in it. If that is refused, unmaps and flushes "
           "a page that the device had cached, lets it write there, moves it to a blocking domain "
           "and deletes again. Then calls FLUSH, ATTACH, CONFIGURE, DELETE and CREATE with the id.")
     EXPECTS("After the refusal the flush still works: the write faults as not present. Once the "
             "domain is deleted, the first four calls fail, and CREATE succeeds.")
     IF_IT_FAILS("A refused DELETE has already taken something of the domain, so that its flushes "
                 "no longer reach the device, or a deleted one still answers to its id."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);
    bool refused;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    refused = iommu_delete(d->id) != HV_STATUS_SUCCESS;
    STEP("delete the domain with a device in it; refused: %llu", refused);
    if (refused) {
        unmap(t, d, IOVA, PAGE_SIZE);
        flush(t, d);
        expect_write_fault(t, e, IOVA, 8, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "flush still reaches the device");
        attach(t, blocked, e);
        CHECK_SUCCESS(iommu_delete(d->id), "DELETE once the device has left");
    }
    CHECK_REFUSED(iommu_flush(d->id), "FLUSH of the deleted domain");
    CHECK_REFUSED(iommu_attach(d->id, e->device_id), "ATTACH to the deleted domain");
    CHECK_REFUSED(iommu_configure(d->id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0),
                  "CONFIGURE of the deleted domain");
    CHECK_REFUSED(iommu_delete(d->id), "second DELETE");
    CHECK_SUCCESS(iommu_create(d->id), "CREATE of the id");
}
