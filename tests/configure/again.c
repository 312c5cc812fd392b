/* SPDX-License-Identifier: MIT */
/* A second CONFIGURE: refused, and then all is as before; or it takes effect as a whole. Nothing in
 * between. */
#define TEST_GROUP "configure"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define BASE_IOVA 0x7000000ull

/* One table for the first CONFIGURE and one for the second; the same IOVA leads to another buffer
 * in each. */
struct again {
    struct dma_engine *engine;
    struct domain *d, *second;
    struct buffer first_target, second_target;
};

static struct again again(struct test_run *t)
{
    struct again a = {.engine = device(t), .d = domain_paging(t), .second = domain_paging(t)};

    a.first_target = buffer(t, 1);
    a.second_target = buffer(t, 1);
    map(t, a.d, BASE_IOVA, &a.first_target, STAGE1_READ | STAGE1_WRITE);
    map(t, a.second, BASE_IOVA, &a.second_target, STAGE1_READ | STAGE1_WRITE);
    return a;
}

static enum hv_status configure(struct test_run *t, struct again *a, uint64_t flags, uint64_t root)
{
    enum hv_status status = iommu_configure(a->d->id, flags, root);

    STEP("configure domain 0x%llx again, flags 0x%llx, root 0x%llx: %s", a->d->id, flags, root,
         hv_status_name(status));
    return status;
}

/* The device reaches `reached` by the IOVA, byte for byte, and nothing else. */
static void expect_lands(struct test_run *t, struct again *a, struct buffer *reached,
                         const char *what)
{
    expect_write(t, a->engine, BASE_IOVA + 512, reached, 512, 64, what);
    expect_untouched(t, &a->first_target, what);
    expect_untouched(t, &a->second_target, what);
}

static void expect_blocked(struct test_run *t, struct again *a, const char *what)
{
    CHECK(!may_write(t, a->engine, BASE_IOVA, &a->first_target, 0, 64, what),
          "%s: the first table still translates", what);
    expect_untouched(t, &a->second_target, what);
    CHECK(!may_write(t, a->engine, gpa_of(a->first_target.data), &a->first_target, 0, 64, what),
          "%s: the device passes through", what);
}

OBSERVATION(table_while_unattached,
            PROMISE("Another top table for a domain without devices: refused, or in force at the "
                    "next ATTACH")
            COVERS("CFG-6") DEVICES(ALL) KINDS("dma fault")
            STEPS("Two tables map one IOVA to different pages. A domain without devices is "
                  "configured with the first and then with the second one; the device is attached "
                  "and writes.")
            EXPECTS("If the second CONFIGURE was refused, the write is in the page of the first "
                    "table, otherwise in that of the second; nothing else changes. The status is "
                    "recorded.")
            IF_IT_FAILS("Status and effect disagree: the host has stored the new root and reports "
                        "an error, or reports success and goes on with the old one."))
{
    struct again a = again(t);
    enum hv_status status = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                      stage1_root_gpa(&a.second->table));

    observe_status(t, "second CONFIGURE", status);
    attach(t, a.d, a.engine);
    expect_lands(t, &a, status == HV_STATUS_SUCCESS ? &a.second_target : &a.first_target,
                 "DMA after a second CONFIGURE of a domain without devices");
}

OBSERVATION(kind_while_unattached,
            PROMISE("Paging to blocking and back for a domain without devices: each step is "
                    "refused, or in force as a whole")
            COVERS("CFG-6") DEVICES(ALL) KINDS("dma fault")
            STEPS("A paging domain without devices is configured as blocking; the device is "
                  "attached and writes. The device leaves, the domain is configured as paging with "
                  "another table, and the device comes back and writes.")
            EXPECTS("After each step the domain is what the last CONFIGURE that succeeded made of "
                    "it: it blocks, or leads to the page of that table. Both statuses are "
                    "recorded.")
            IF_IT_FAILS("A part of the old settings stays: the mode changes without the root, or "
                        "the other way round, or a refused call has changed something."))
{
    struct again a = again(t);
    enum hv_status blocked = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0), back;

    attach(t, a.d, a.engine);
    if (blocked == HV_STATUS_SUCCESS)
        expect_blocked(t, &a, "DMA after a paging domain was configured as blocking");
    else
        expect_lands(t, &a, &a.first_target, "DMA after a refused CONFIGURE as blocking");
    attach(t, domain_blocked(t), a.engine);
    back = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                     stage1_root_gpa(&a.second->table));
    attach(t, a.d, a.engine);
    if (back == HV_STATUS_SUCCESS) {
        expect_lands(t, &a, &a.second_target,
                     "DMA after the domain was configured with another table");
    } else if (blocked == HV_STATUS_SUCCESS) {
        expect_blocked(t, &a, "DMA after a refused CONFIGURE of a blocking domain");
    } else {
        expect_lands(t, &a, &a.first_target, "DMA after two refused CONFIGUREs");
    }
    observe_status(t, "paging to blocking", blocked);
    observe_status(t, "to another table", back);
}

OBSERVATION(table_while_attached,
            PROMISE("Another top table for a domain with a device: refused, or in force at once "
                    "with nothing cached")
            COVERS("CFG-7") DEVICES(ALL) KINDS("dma fault")
            STEPS("The device uses a page of its domain, so that it is cached. The domain is "
                  "configured with another table while the device is in it, and the device writes "
                  "to the same IOVA, leaves, comes back and writes again.")
            EXPECTS("If the call was refused, the old page is reached; if it succeeded, the new "
                    "one is, at once and without a flush. The status is recorded.")
            IF_IT_FAILS("The call reports success while cached translations of the old table are "
                        "still in use, or a refused call has switched the table."))
{
    struct again a = again(t);
    enum hv_status status;

    attach(t, a.d, a.engine);
    warm(t, a.engine, BASE_IOVA, &a.first_target, "DMA before the second CONFIGURE");
    status = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                       stage1_root_gpa(&a.second->table));
    observe_status(t, "second CONFIGURE", status);
    expect_lands(t, &a, status == HV_STATUS_SUCCESS ? &a.second_target : &a.first_target,
                 "DMA after a second CONFIGURE of a domain with a device");
    attach(t, domain_blocked(t), a.engine);
    attach(t, a.d, a.engine);
    expect_lands(t, &a, status == HV_STATUS_SUCCESS ? &a.second_target : &a.first_target,
                 "DMA after a second CONFIGURE of a domain with a device");
}

OBSERVATION(kind_while_attached,
            PROMISE("Paging to blocking and to identity for a domain with a device: refused, or in "
                    "force at once")
            COVERS("CFG-7") DEVICES(ALL) KINDS("dma fault")
            STEPS("The device uses a page of its domain. The domain is configured as blocking "
                  "while the device is in it, then as identity, and after each call the device "
                  "writes, by IOVA or by address.")
            EXPECTS("After a refusal all is as before; after a success the new mode is in force "
                    "for the next DMA. Both statuses are recorded.")
            IF_IT_FAILS("The status and the state of the device disagree. The dangerous case is a "
                        "CONFIGURE as identity that reports an error and still opens all memory to "
                        "the device."))
{
    struct again a = again(t);
    enum hv_status blocked, identity;
    bool through;

    attach(t, a.d, a.engine);
    warm(t, a.engine, BASE_IOVA, &a.first_target, "DMA before the second CONFIGURE");
    blocked = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
    if (blocked == HV_STATUS_SUCCESS)
        expect_blocked(t, &a, "DMA after the domain was configured as blocking");
    else
        expect_lands(t, &a, &a.first_target, "DMA after a refused CONFIGURE as blocking");
    identity = configure(t, &a, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0);
    if (identity == HV_STATUS_SUCCESS && (a.engine->ops->features & DMA_QUEUED))
        SKIP("the device takes its commands from memory, which is at other IOVAs now");
    through =
        may_write(t, a.engine, gpa_of(a.second_target.data), &a.second_target, 0, 64, "DMA by GPA");
    CHECK(through == (identity == HV_STATUS_SUCCESS),
          "CONFIGURE as identity gave %s, but DMA by GPA %s", hv_status_name(identity),
          through ? "arrives" : "does not arrive");
    observe_status(t, "paging to blocking", blocked);
    observe_status(t, "to identity", identity);
}

enum { KIND_IDENTITY, KIND_BLOCKING, KIND_FIRST_TABLE, KIND_SECOND_TABLE, KINDS_COUNT };

static enum hv_status make(struct again *a, uint32_t id, unsigned kind)
{
    const struct stage1 *tables[] = {
        [KIND_FIRST_TABLE] = &a->d->table, [KIND_SECOND_TABLE] = &a->second->table};

    if (kind == KIND_IDENTITY)
        return iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0);
    if (kind == KIND_BLOCKING)
        return iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0);
    return iommu_configure(id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                           stage1_root_gpa(tables[kind]));
}

static void expect_kind(struct test_run *t, struct again *a, unsigned kind)
{
    if (kind == KIND_IDENTITY)
        expect_write(t, a->engine, gpa_of(a->first_target.data), &a->first_target, 0, 64,
                     "DMA in an identity domain");
    else if (kind == KIND_BLOCKING)
        expect_blocked(t, a, "DMA in a blocking domain");
    else
        expect_lands(t, a, kind == KIND_FIRST_TABLE ? &a->first_target : &a->second_target,
                     "DMA in a paging domain");
}

OBSERVATION(each_kind_to_each_unattached,
            PROMISE("Each kind of domain to each other, and to itself, without devices: refused, "
                    "or in force at the next ATTACH")
            COVERS("CFG-6") DEVICES(ALL) KINDS("dma fault")
            STEPS("For each two of identity, blocking, and paging by two tables: a new domain is "
                  "configured as the first and then as the second. The device is attached and "
                  "writes, leaves, and the domain is deleted.")
            EXPECTS("The domain is what the last CONFIGURE that succeeded made of it. How many "
                    "were refused is recorded.")
            IF_IT_FAILS("The host compares a part of the settings, such as the root, which is the "
                        "same for identity and blocking domains, and takes the second CONFIGURE "
                        "for one that changes nothing. A device that was to be blocked passes "
                        "through."))
{
    struct again a = again(t);
    unsigned refused = 0;

    if (a.engine->ops->features & DMA_QUEUED)
        SKIP("the device takes its commands from memory, which is at other IOVAs in each kind");
    for (unsigned pair = 0; pair < KINDS_COUNT * KINDS_COUNT; pair++) {
        const unsigned first = pair / KINDS_COUNT, second = pair % KINDS_COUNT;
        const uint32_t id = fresh_domain_id(t);
        enum hv_status status;

        CHECK_SUCCESS(iommu_create(id), "creating a domain");
        CHECK_SUCCESS(make(&a, id, first), "the first CONFIGURE");
        status = make(&a, id, second);
        STEP("kind %u, then kind %u: %s", first, second, hv_status_name(status));
        refused += status != HV_STATUS_SUCCESS;
        CHECK_SUCCESS(iommu_attach(id, a.engine->device_id), "ATTACH to the domain");
        expect_kind(t, &a, status == HV_STATUS_SUCCESS ? second : first);
        attach(t, domain_blocked(t), a.engine);
        CHECK_SUCCESS(iommu_delete(id), "deleting it");
    }
    OBSERVE("%u of %u second CONFIGUREs are refused", refused, KINDS_COUNT * KINDS_COUNT);
}
