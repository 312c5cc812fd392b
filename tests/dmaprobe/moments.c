/* SPDX-License-Identifier: MIT */
/*
 * DMA during calls that leave the device where it is. A repeating request is under way also while
 * the host carries out a call: a pass that was refused tells of a moment without the translation.
 */
#include "abi/hypercall.h"
#include "drivers/dmaprobe.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "dmaprobe"
#define BURST      1u /* slot */
#define LENGTH     64u
#define TIMES      3u

struct scene {
    struct dma_engine *busy, *other;
    struct domain *d, *apart;
    uint32_t unused_id, spare_id;
    uint64_t element; /* of a list: the page in use */
};

typedef void calls(struct test_run *t, const struct scene *s);

static void attach_again(struct test_run *t, const struct scene *s)
{
    enum hv_status status = iommu_attach(s->d->id, s->busy->device_id);

    if (status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
        CHECK_SUCCESS(status, "ATTACH to the domain that the device is in");
}

/* A host may take the second one, and block the device: it says so by SUCCESS. */
static void refused_attach(struct test_run *t, const struct scene *s)
{
    CHECK_REFUSED(iommu_attach(s->unused_id, s->busy->device_id), "ATTACH to a domain that is not");
    CHECK_SUCCESS(iommu_create(s->spare_id), "CREATE");
    if (iommu_attach(s->spare_id, s->busy->device_id) == HV_STATUS_SUCCESS) {
        CHECK_SUCCESS(iommu_attach(s->d->id, s->busy->device_id), "ATTACH back to its domain");
        SKIP("the host takes ATTACH to a domain that was never configured");
    }
    CHECK_SUCCESS(iommu_delete(s->spare_id), "DELETE of a domain without devices");
}

static void company(struct test_run *t, const struct scene *s)
{
    attach(t, s->d, s->other);
    CHECK_SUCCESS(iommu_detach(s->other->device_id), "DETACH of another device");
    attach(t, s->d, s->other);
    attach(t, s->apart, s->other);
}

static void own_flushes(struct test_run *t, const struct scene *s)
{
    CHECK_SUCCESS(iommu_flush(s->d->id), "FLUSH of the domain in use");
    CHECK_SUCCESS(iommu_flush_list(s->d->id, &s->element, 1, NULL),
                  "FLUSH_LIST of the page in use");
}

static void other_flushes(struct test_run *t, const struct scene *s)
{
    CHECK_SUCCESS(iommu_flush(s->apart->id), "FLUSH of another domain");
    CHECK_SUCCESS(iommu_flush_list(s->apart->id, &s->element, 1, NULL),
                  "FLUSH_LIST of another domain");
}

static void other_domains(struct test_run *t, const struct scene *s)
{
    CHECK_SUCCESS(iommu_create(s->spare_id), "CREATE of another domain");
    CHECK_SUCCESS(iommu_configure(s->spare_id, HV_DEVICE_DOMAIN_SETTINGS_PAGING_4_LEVEL,
                                  stage1_root_gpa(&s->apart->table)),
                  "CONFIGURE of another domain");
    CHECK_SUCCESS(iommu_delete(s->spare_id), "DELETE of another domain");
}

static void refused_create(struct test_run *t, const struct scene *s)
{
    CHECK_REFUSED(iommu_create(s->d->id), "CREATE of the domain in use");
}

/* A host may delete it, and block the device (DEL-2). */
static void refused_delete(struct test_run *t, const struct scene *s)
{
    if (iommu_delete(s->d->id) == HV_STATUS_SUCCESS)
        SKIP("the host deletes a domain with devices");
}

#define CALLS(ROW, test)                                                                           \
    ROW(test, attach_again, attach_again,                                                          \
        WORD(calls, "ATTACH of the device to the domain that it is in") COVERS("ATT-3"))           \
    ROW(test, refused_attach, refused_attach,                                                      \
        WORD(calls, "ATTACH of the device to a domain that there is not, and to one that was "     \
                    "never configured") COVERS("ATT-8 GEN-10"))                                    \
    ROW(test, company, company,                                                                    \
        WORD(calls, "ATTACH and DETACH of another device, to and from the same domain")            \
            COVERS("ISO-2"))                                                                       \
    ROW(test, own_flushes, own_flushes,                                                            \
        WORD(calls, "FLUSH and FLUSH_LIST of the page that the device uses") COVERS("TR-1 FL-2"))  \
    ROW(test, other_flushes, other_flushes,                                                        \
        WORD(calls, "FLUSH and FLUSH_LIST of another domain") COVERS("FL-4"))                      \
    ROW(test, other_domains, other_domains,                                                        \
        WORD(calls, "CREATE, CONFIGURE and DELETE of another domain")                              \
            COVERS("DOM-1 CFG-1 DEL-4 TR-1"))                                                      \
    ROW(test, refused_create, refused_create,                                                      \
        WORD(calls, "CREATE of the domain that the device is in") COVERS("DOM-3 GEN-10"))          \
    ROW(test, refused_delete, refused_delete,                                                      \
        WORD(calls, "DELETE of the domain that the device is in") COVERS("DEL-4 GEN-10"))

VARIANTS(calls *const, each_calls, CALLS);

TEST_EACH(busy_during, CALLS,
          PROMISE("DMA of a device is neither refused nor let through untranslated while the host "
                  "carries out {calls}")
          ABI() DEVICES(PROBE) KINDS("dma device")
          STEPS("A device writes to one IOVA without end, also in the middle of each call. The "
                "calls are made three times: {calls}. Another page lies at the address to which "
                "the IOVA leads without translation.")
          EXPECTS("Not one pass of the writes is refused, the mapped page is written to at the "
                  "end, and the other page is unchanged.")
          IF_IT_FAILS("The host makes devices quiet before it looks at a call, or while it works: "
                      "what they do meanwhile is lost, or passes through."))
{
    struct scene s = {.busy = device_n(t, 0), .other = device_n(t, 1)};
    struct buffer page = buffer(t, 1), untranslated = buffer(t, 1);
    struct dmaprobe_request burst = {.operation = DMAPROBE_FILL,
                                     .flags = DMAPROBE_REPEAT,
                                     .iova = gpa_of(untranslated.data),
                                     .length = LENGTH,
                                     .operand = s.busy->ops->fill_value};

    s.d = domain_mapping(t, burst.iova, &page);
    s.apart = domain_paging(t);
    s.unused_id = fresh_domain_id(t);
    s.spare_id = fresh_domain_id(t);
    s.element = hv_iommu_range(burst.iova >> HV_PAGE_SHIFT, 0);
    attach(t, s.d, s.busy);
    attach(t, s.apart, s.other);
    STEP("device 0x%llx writes 64 bytes at IOVA 0x%llx again and again", s.busy->device_id,
         burst.iova);
    dmaprobe_start(s.busy, BURST, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
    for (unsigned i = 0; i < TIMES; i++)
        VARIANT(each_calls)(t, &s);
    buffer_refresh(&page);
    (void)dmaprobe_pending(s.busy); /* exits, at which the DMA continues */
    (void)dmaprobe_pending(s.busy);
    CHECK(!memory_find_other(page.data, LENGTH, s.busy->ops->fill_value),
          "the continuous DMA no longer reaches its page after the calls");
    (void)dmaprobe_release(s.busy, BURST, &burst);
    CHECK_EQ(burst.faults, 0, "refused passes of the continuous DMA during the calls");
    REQUIRE(burst.repeats >= TIMES, "the continuous DMA made %u passes only", burst.repeats);
    expect_untouched(t, &untranslated, "the page at the untranslated address");
}
