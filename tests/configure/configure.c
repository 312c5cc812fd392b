/* SPDX-License-Identifier: MIT */
/* The settings of a domain: the forms that guests send, forms that they do not, and domains that
 * got none at all. */
#define TEST_GROUP "configure"
#include "abi/hypercall.h"
#include "lib/bits.h"
#include "tests/harness/fixture.h"
#include "tests/harness/tally.h"

#define BASE_IOVA 0x7000000ull

/* A domain that exists and has no settings yet. */
static uint32_t bare_domain(struct test_run *t)
{
    uint32_t id = fresh_domain_id(t);

    capabilities(t);
    CHECK_SUCCESS(iommu_create(id), "CREATE");
    STEP("create domain 0x%llx", id);
    return id;
}

static enum hv_status configure(struct test_run *t, uint32_t id, uint64_t flags, uint64_t root)
{
    enum hv_status status = iommu_configure(id, flags, root);

    STEP("configure domain 0x%llx, flags 0x%llx, root 0x%llx: %s", id, flags, root,
         hv_status_name(status));
    return status;
}

/* Attaches, when the host lets us, and proves that no DMA by GPA gets through. */
static void expect_no_pass_through(struct test_run *t, struct dma_engine *e, uint32_t id,
                                   struct buffer *b, const char *what)
{
    enum hv_status status = iommu_attach(id, e->device_id);

    STEP("attach device 0x%llx to domain 0x%llx: %s", e->device_id, id, hv_status_name(status));
    CHECK(!may_write(t, e, gpa_of(b->data), b, 0, 64, what), "%s: DMA by GPA reached memory", what);
    /* The read path is another one: a byte read through would be written back inverted. */
    if (e->ops->features & DMA_READ_MODIFY) {
        dma_invert(e, gpa_of(b->data) + 128, 64);
        drain_faults(t, e);
        expect_untouched(t, b, what);
    }
}

TEST(forms_of_guests,
     PROMISE("CONFIGURE takes the identity, blocking and paging forms that guests send for a "
             "domain without devices")
     COVERS("CFG-1") DEVICES(NONE) KINDS("none")
     STEPS("Creates new domains and configures one as identity, one as blocking and three as "
           "paging with an empty top table, and with five levels too where the host reports them.")
     EXPECTS("Every CREATE and every CONFIGURE answers SUCCESS.")
     IF_IT_FAILS("The host refuses a form that guests send at boot, blocking with translation "
                 "enabled for one. No device can then be managed."))
{
    const struct hv_output_get_iommu_capabilities *caps = capabilities(t);
    uint32_t id;

    id = bare_domain(t);
    CHECK_SUCCESS(configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_IDENTITY, 0), "CONFIGURE as identity");
    id = bare_domain(t);
    CHECK_SUCCESS(configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, 0), "CONFIGURE as blocking");
    for (unsigned i = 0; i < 3; i++) {
        void *root = page_alloc(1, PAGE_SIZE);

        REQUIRE(root, "no memory");
        id = bare_domain(t);
        CHECK_SUCCESS(configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL, gpa_of(root)),
                      "CONFIGURE as paging");
        if (caps->iommu_cap & HV_IOMMU_CAP_S1_5LVL) {
            id = bare_domain(t);
            CHECK_SUCCESS(configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL, gpa_of(root)),
                          "CONFIGURE as paging with five levels");
        }
    }
}

TEST(each_domain_its_table,
     PROMISE("Domains configured one after the other each keep the top table of their own "
             "CONFIGURE")
     COVERS("CFG-1 ISO-1") DEVICES(ALL) KINDS("dma")
     STEPS("Configures four domains one after the other, each with a top table that maps the same "
           "IOVA to a page of its own. Then attaches the device to each in turn and writes once.")
     EXPECTS("Each write is in the page of the domain that the device is in; the other three are "
             "unchanged.")
     IF_IT_FAILS("The top table is kept in one place for all domains, or the last CONFIGURE wins: "
                 "devices of different owners would share memory."))
{
    struct dma_engine *e = device(t);
    struct domain *d[4];
    struct buffer b[4];

    for (unsigned i = 0; i < 4; i++) {
        d[i] = domain_paging(t);
        b[i] = buffer(t, 1);
        map(t, d[i], BASE_IOVA, &b[i], STAGE1_READ | STAGE1_WRITE);
    }
    for (unsigned i = 0; i < 4; i++) {
        attach(t, d[i], e);
        expect_write(t, e, BASE_IOVA + 16 * i, &b[i], 16 * i, 16, "DMA through one of four tables");
        for (unsigned k = 0; k < 4; k++)
            expect_untouched(t, &b[k], "target of another domain");
    }
}

TEST(blocked_untranslated,
     PROMISE("Blocked without translation_enabled is refused or blocks; it never passes DMA "
             "through")
     COVERS("CFG-2") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("Configures a domain with the blocked flag but without translation_enabled, alone and "
           "with the flag for five levels. Attaches the device to it, as far as the host permits, "
           "and lets it write and read at the address of a page.")
     EXPECTS("The page is unchanged, whether CONFIGURE was refused or not. The statuses are "
             "recorded.")
     IF_IT_FAILS("The host looks at translation_enabled alone and takes the domain for an identity "
                 "domain: what was meant to block lets everything through. After a refusal it is "
                 "the domain without settings that passes DMA through."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    static const uint64_t flags[] = {
        HV_DEVICE_DOMAIN_BLOCKED, HV_DEVICE_DOMAIN_BLOCKED | HV_DEVICE_DOMAIN_FIRST_STAGE_5_LEVEL};

    for (unsigned i = 0; i < 2; i++) {
        uint32_t id = bare_domain(t);

        attach(t, domain_blocked(t), e);
        observe_status(t, i ? "blocked and five levels" : "blocked alone",
                       configure(t, id, flags[i], 0));
        expect_no_pass_through(t, e, id, &b,
                               "a domain that is blocked without translation_enabled");
    }
}

OBSERVATION(five_levels_unreported,
            PROMISE("Five levels where they are not reported: the status, and that no DMA goes "
                    "astray")
            COVERS("CFG-3") DEVICES(ALL) KINDS("dma bad-input")
            STEPS("On a host without S1_5LVL, configures a domain for five levels with the top "
                  "table of a four-level one. Attaches the device, as far as the host permits, and "
                  "lets it access the address of a page and an IOVA that the table maps.")
            EXPECTS("The status is recorded. No access by the address of the page arrives, and one "
                    "by the IOVA arrives in its page or nowhere.")
            IF_IT_FAILS("The host accepts a walk that its unit cannot do, and lets DMA through or "
                        "reads the table at a wrong level. After a refusal it is the domain "
                        "without settings that passes DMA through."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);
    uint32_t id;

    if (capabilities(t)->iommu_cap & HV_IOMMU_CAP_S1_5LVL)
        SKIP("this host reports five levels");
    /* IOVA and target in a table of four levels; read as five, the same table leads nowhere. */
    map(t, d, BASE_IOVA, &b, STAGE1_READ | STAGE1_WRITE);
    attach(t, domain_blocked(t), e);
    id = bare_domain(t);
    observe_status(
        t, "five levels",
        configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_5_LEVEL, stage1_root_gpa(&d->table)));
    expect_no_pass_through(t, e, id, &b, "a domain with five levels that are not reported");
    may_write(t, e, BASE_IOVA, &b, 0, 64, "DMA by a mapped IOVA");
}

OBSERVATION(reserved_flags,
            PROMISE("Each reserved flag of CONFIGURE: refused, or ignored, and then DMA goes where "
                    "the table says or nowhere")
            COVERS("CFG-5") DEVICES(ALL) KINDS("dma bad-input")
            STEPS("For each reserved flag of CONFIGURE, creates the domain again and configures it "
                  "as paging with this flag. If the host accepts it, attaches the device and lets "
                  "it write to a mapped IOVA and to the address of a page that is not mapped.")
            EXPECTS("A refusal is right. If the flag is accepted, the first write lands in its "
                    "page or nowhere, the second nowhere. The statuses are recorded.")
            IF_IT_FAILS("A flag without public meaning opens the domain: DMA by address gets "
                        "through although translation is enabled."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), decoy = buffer(t, 1);
    struct domain *d = domain_mapping(t, BASE_IOVA, &b), *park = domain_blocked(t);
    struct tally tally = {0};

    for (unsigned bit = 0; bit < 64; bit++) {
        uint32_t id = d->id;
        enum hv_status status;

        if (!(HV_DEVICE_DOMAIN_SETTINGS_RESERVED >> bit & 1))
            continue;
        CHECK_SUCCESS(iommu_delete(id), "DELETE of a domain without devices");
        CHECK_SUCCESS(iommu_create(id), "CREATE of its id");
        status = configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL | 1ull << bit,
                           stage1_root_gpa(&d->table));
        tally_add(&tally, status);
        if (status != HV_STATUS_SUCCESS)
            continue;
        if (iommu_attach(id, e->device_id) == HV_STATUS_SUCCESS) {
            may_write(t, e, BASE_IOVA, &b, 0, 64, "DMA through a domain with a reserved flag");
            CHECK(!may_write(t, e, gpa_of(decoy.data), &decoy, 0, 64,
                             "DMA by GPA through a domain with a reserved flag"),
                  "reserved flag %u makes the domain pass DMA through", bit);
        }
        attach(t, park, e);
    }
    observe_tally(t, "reserved flags", &tally);
}

TEST(never_configured,
     PROMISE("A device that is attached to a domain without settings is refused or blocked, never "
             "passed through")
     COVERS("CFG-8") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("Creates a domain and configures nothing. A blocked device is attached to it, as far as "
           "the host permits, and writes to and reads from the address of a page.")
     EXPECTS("ATTACH may fail or succeed; the page is unchanged in both cases.")
     IF_IT_FAILS("The settings of a new domain are all zero, which reads as identity. A device "
                 "that is attached too early has the run of the guest's memory."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    uint32_t id = bare_domain(t);

    attach(t, domain_blocked(t), e);
    expect_no_pass_through(t, e, id, &b, "a domain that was never configured");
}

TEST(never_configured_after_paging,
     PROMISE("ATTACH to a domain without settings leaves the device where it was when refused, and "
             "blocks it when not")
     COVERS("CFG-8 GEN-10") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("The device uses a page of a paging domain. ATTACH moves it to a domain that was "
           "created but never configured. It writes to the old IOVA and to the address of the "
           "page.")
     EXPECTS("If ATTACH was refused, the IOVA works as before; if not, it reaches nothing. The "
             "write to the address never arrives. The status is recorded.")
     IF_IT_FAILS("A refused ATTACH already took the device out of its domain, or an accepted one "
                 "leaves the old translation or no translation at all in force."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, BASE_IOVA, &b);
    uint32_t id = bare_domain(t);
    enum hv_status status;

    attach(t, d, e);
    warm(t, e, BASE_IOVA, &b, "DMA before the ATTACH");
    status = iommu_attach(id, e->device_id);
    STEP("attach to unconfigured domain 0x%llx: %s", id, hv_status_name(status));
    observe_status(t, "ATTACH to a domain without settings", status);
    if (status == HV_STATUS_SUCCESS) {
        CHECK(!may_write(t, e, BASE_IOVA, &b, 0, 64, "DMA by the old IOVA"),
              "the device still uses the domain that it left");
    } else {
        expect_write(t, e, BASE_IOVA + 64, &b, 64, 64, "DMA after a refused ATTACH");
    }
    CHECK(!may_write(t, e, gpa_of(b.data), &b, 0, 64, "DMA by GPA"), "the device passes through");
}

OBSERVATION(blocked_with_root,
            PROMISE("A blocking domain with a root: the status, and that DMA is blocked whatever "
                    "the root says")
            COVERS("CFG-9") DEVICES(ALL) KINDS("dma fault")
            STEPS("Configures blocking domains with five different roots, a real table, a "
                  "misaligned one and one outside of the address space among them. Attaches the "
                  "device to each, as far as the host permits, and lets it access the address of a "
                  "page and the IOVA that the real table maps.")
            EXPECTS("Each CONFIGURE may be refused or accepted, which is recorded. No access "
                    "arrives.")
            IF_IT_FAILS("The blocked flag does not come first: as soon as there is a root, the "
                        "host builds a translation from it."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, BASE_IOVA, &b);
    const uint64_t roots[] = {stage1_root_gpa(&d->table), stage1_root_gpa(&d->table) + 8, 0xFFF,
                              1ull << memory_physical_bits(), ~(PAGE_SIZE - 1)};
    struct tally tally = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(roots); i++) {
        uint32_t id = bare_domain(t);

        attach(t, domain_blocked(t), e);
        tally_add(&tally, configure(t, id, HV_DEVICE_DOMAIN_SETTINGS_BLOCKING, roots[i]));
        expect_no_pass_through(t, e, id, &b, "a blocking domain with a root");
        CHECK(!may_write(t, e, BASE_IOVA, &b, 0, 64, "DMA by an IOVA that the root maps"),
              "a blocking domain translates through root 0x%llx", (unsigned long long)roots[i]);
    }
    observe_tally(t, "roots of blocking domains", &tally);
}
