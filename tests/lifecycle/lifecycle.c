/* SPDX-License-Identifier: MIT */
/* Domains come and go under ids that the guest chooses. */
#define TEST_GROUP "lifecycle"
#include "lib/bits.h"
#include "lib/fmt.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define BASE_IOVA 0x6000000ull

/* Far enough from the other ids of the suite, and not swept by the reset: the tests that use them
 * delete them. */
#define MANY_FIRST UINT32_C(0x00200000)
#define MANY_MAX   256u
/* The least that a guest needs: identity, blocking, and some devices with a domain each. */
#define MANY_WANTED 64u

TEST(sparse_ids,
     PROMISE("Ids with gaps, up to 0xFFFFFFFE and alike in their low bits, name domains of their "
             "own at the same time")
     COVERS("DOM-1") DEVICES(NONE) KINDS("none")
     STEPS("Creates twelve paging domains whose ids differ in one byte or one bit, up to "
           "0xFFFFFFFE. Flushes all, then deletes them one after the other and flushes those that "
           "are left each time.")
     EXPECTS("Every call succeeds.")
     IF_IT_FAILS("The host keeps fewer bits of the id than there are, so that two domains are "
                 "one."))
{
    /* Neighbors differ in one byte or in the top bit only: a host that keeps fewer bits takes two
     * of them for one. */
    static const uint32_t ids[] = {0x00000025, 0x00000026, 0x00000125, 0x00010025,
                                   0x01000025, 0x40000025, 0x80000025, 0x7FFFFFFF,
                                   0xFFFFFFFE, 0x0000FFFF, 0x00010000, 0x80000000};
    enum { COUNT = ARRAY_SIZE(ids) };
    struct domain *d[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        d[i] = domain_with_id(t, DOMAIN_PAGING, ids[i]);
    /* Each deletion in turn must leave all that come after it. */
    for (unsigned i = 0; i < COUNT; i++) {
        for (unsigned k = i; k < COUNT; k++)
            flush(t, d[k]);
        delete_domain(t, d[i]);
    }
}

TEST(sparse_ids_translate,
     PROMISE("Domains whose ids are alike in their low 8, 16, 24 or 31 bits each keep their own "
             "translation")
     COVERS("DOM-1 ISO-1") DEVICES(ALL) KINDS("dma")
     STEPS("Five paging domains with ids alike in their low bits map the same IOVA to a page each. "
           "The device is moved from one to the next and writes.")
     EXPECTS("Each write lands in the page of the domain it is in, and in no other.")
     IF_IT_FAILS("The host confuses domains whose ids share low bits."))
{
    static const uint32_t ids[] = {0x00000031, 0x00000131, 0x00010031, 0x01000031, 0x80000031};
    enum { COUNT = ARRAY_SIZE(ids) };
    struct dma_engine *e = device(t);
    struct domain *d[COUNT];
    struct buffer b[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        d[i] = domain_with_id(t, DOMAIN_PAGING, ids[i]);
        b[i] = buffer(t, 1);
        map(t, d[i], BASE_IOVA, &b[i], STAGE1_READ | STAGE1_WRITE);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        attach(t, d[i], e);
        expect_write(t, e, BASE_IOVA + 64, &b[i], 64, 32,
                     "DMA in one of several domains with similar ids");
        for (unsigned k = 0; k < COUNT; k++)
            expect_untouched(t, &b[k], "target of another domain with a similar id");
    }
}

TEST(id_free_after_delete,
     PROMISE("An id can be created again at once after its deletion, a hundred times")
     COVERS("DOM-2") DEVICES(NONE) KINDS("none")
     STEPS("Creates, configures as blocking and deletes one id a hundred times.")
     EXPECTS("Every call succeeds.")
     IF_IT_FAILS("A deleted id stays taken, or the host leaks something with each round until it "
                 "runs out."))
{
    uint32_t id = fresh_domain_id(t);

    capabilities(t);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_SUCCESS(iommu_create(id), "CREATE of an id that was just deleted");
        CHECK_SUCCESS(iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0),
                      "CONFIGURE of the new domain");
        CHECK_SUCCESS(iommu_delete(id), "DELETE of the new domain");
    }
}

TEST(id_forgets_its_past,
     PROMISE("An id that is used again is the domain it was configured as now: identity, then "
             "blocking, then paging")
     COVERS("DOM-2 CFG-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("One id is in turn an identity, a blocking and a paging domain. The device writes in "
           "each.")
     EXPECTS("As identity it passes addresses through, as blocking nothing lands, as paging only "
             "its mapping is reached.")
     IF_IT_FAILS("State of the deleted domain remains under its id: its type, its tables or its "
                 "cached translations."))
{
    struct dma_engine *e = device(t);
    struct domain *park = domain_blocked(t), *d;
    uint32_t id = fresh_domain_id(t);
    struct buffer b = buffer(t, 1);

    d = domain_with_id(t, DOMAIN_IDENTITY, id);
    attach(t, d, e);
    expect_write(t, e, gpa_of(b.data) + 8, &b, 8, 16,
                 "DMA by GPA while the id is an identity domain");
    attach(t, park, e);
    delete_domain(t, d);

    d = domain_with_id(t, DOMAIN_BLOCKED, id);
    attach(t, d, e);
    CHECK(
        !may_write(t, e, gpa_of(b.data), &b, 0, 16, "DMA by GPA while the id is a blocking domain"),
        "the id still passes DMA through, as the identity domain it was before");
    attach(t, park, e);
    delete_domain(t, d);

    d = domain_with_id(t, DOMAIN_PAGING, id);
    map(t, d, BASE_IOVA, &b, STAGE1_READ | STAGE1_WRITE);
    attach(t, d, e);
    expect_write(t, e, BASE_IOVA + 8, &b, 8, 16, "DMA by IOVA while the id is a paging domain");
    CHECK(!may_write(t, e, gpa_of(b.data), &b, 0, 16, "DMA by GPA while the id is a paging domain"),
          "the id still passes DMA through, as the identity domain it was before");
}

OBSERVATION(create_existing,
            PROMISE("CREATE of an id that exists: the status, and that the domain, its device and "
                    "its mapping stay")
            COVERS("DOM-3") DEVICES(ALL) KINDS("dma bad-input")
            STEPS("Creates an id that exists three times; after each call the device of that "
                  "domain writes. Then the device leaves the domain and comes back.")
            EXPECTS("The status is open and recorded; the domain, its device and its mapping stay.")
            IF_IT_FAILS("The second CREATE resets the domain: a mistake of the guest would cut off "
                        "a running device."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, BASE_IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < 3; i++) {
        enum hv_status status = iommu_create(d->id);

        STEP("create domain 0x%llx again: %s", d->id, hv_status_name(status));
        if (i == 0)
            observe_status(t, "CREATE of an existing id", status);
        expect_write(t, e, BASE_IOVA + 300 * i, &b, 300 * i, 200,
                     "DMA after its domain was created again");
    }
    flush(t, d);
    /* A device that is attached again gets the configuration of the domain, not that of a new
     * domain. */
    attach(t, domain_blocked(t), e);
    attach(t, d, e);
    expect_write(t, e, BASE_IOVA, &b, 0, 64, "DMA after the device came back to the domain");
}

/* Creates up to `limit` domains and says how many there were and which status ended it. */
static unsigned create_many(unsigned limit, enum hv_status *last)
{
    unsigned count = 0;

    while (count < limit && (*last = iommu_create(MANY_FIRST + count)) == HV_STATUS_SUCCESS)
        count++;
    return count;
}

OBSERVATION(many_domains,
            PROMISE("How many domains the host serves; beyond its limit it fails cleanly, and all "
                    "of them can be deleted")
            COVERS("DOM-7") DEVICES(NONE) KINDS("dma")
            STEPS("Creates up to 256 domains, until the host refuses; configures, and deletes all "
                  "of them.")
            EXPECTS("All that were created can be deleted, a flush works with them, and afterwards "
                    "a domain can be created again. The number is recorded, and how many can be "
                    "configured.")
            IF_IT_FAILS("The host breaks at its limit instead of refusing, or does not get its "
                        "resources back."))
{
    struct canary by = canary(t);
    enum hv_status last = HV_STATUS_SUCCESS, configured = HV_STATUS_SUCCESS;
    enum hv_status deleted = HV_STATUS_SUCCESS, flushed;
    unsigned count = create_many(MANY_MAX, &last), usable = 0;

    while (usable < count && configured == HV_STATUS_SUCCESS) {
        configured = iommu_configure(MANY_FIRST + usable, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
        usable += configured == HV_STATUS_SUCCESS;
    }
    flushed = iommu_flush(by.domain->id);
    for (unsigned i = 0; i < count; i++) {
        enum hv_status one = iommu_delete(MANY_FIRST + i);

        deleted = deleted == HV_STATUS_SUCCESS ? one : deleted;
    }
    if (usable < count) {
        OBSERVE("%u domains at once, and CONFIGURE of %u of them; a guest may need %u", count,
                usable, MANY_WANTED);
    } else if (count == MANY_MAX) {
        OBSERVE("%u domains at once, and none was refused", count);
    } else {
        OBSERVE("%u domains at once, then %s; a guest may need %u", count, hv_status_name(last),
                MANY_WANTED);
    }
    CHECK(usable > 0, "CONFIGURE of the first of many domains: %s", hv_status_name(configured));
    CHECK_SUCCESS(flushed, "flush of a paging domain beside many others");
    CHECK_SUCCESS(deleted, "DELETE of one of many domains");
    expect_undisturbed(t, &by, "many domains were created and deleted");
    CHECK_SUCCESS(iommu_create(MANY_FIRST), "CREATE after all of the many were deleted");
    CHECK_SUCCESS(iommu_delete(MANY_FIRST), "DELETE of a domain just created");
}

TEST(deletion_of_one,
     PROMISE("Deleting domains leaves the others, their devices and their mappings as they are")
     COVERS("DOM-2 FL-4") DEVICES(NONE) KINDS("dma")
     STEPS("Next to a canary with a device, four domains are made and deleted in another order.")
     EXPECTS("The canary's device, mapping and property stay as they are.")
     IF_IT_FAILS("A deletion flushes, frees or clears more than its own domain."))
{
    struct canary by = canary(t);
    struct domain *d[4];
    char after[TEXT_MAX];

    for (unsigned i = 0; i < 4; i++)
        d[i] = domain_paging(t);
    for (unsigned i = 0; i < 4; i++) {
        delete_domain(t, d[(i + 2) % 4]);
        fmt_snprintf(after, sizeof(after), "%u of 4 other domains were deleted", i + 1);
        expect_undisturbed(t, &by, after);
    }
}
