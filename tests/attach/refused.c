/* SPDX-License-Identifier: MIT */
/*
 * Where a device is after an ATTACH that was refused, or that names the domain it is in: not only
 * its DMA tells, but also DELETE of the domain and DETACH. A host keeps the members of a domain
 * apart from what the hardware translates by, and each can be changed too early alone.
 */
#define TEST_GROUP "attach"
#include "abi/hypercall.h"
#include "tests/harness/fixture.h"

#define LENGTH 64u

enum look { BY_DELETE, BY_DETACH, BY_FLUSH, LOOKS };

struct scene {
    struct dma_engine *e;
    struct buffer b;
    struct domain *d, *rest;
};

/* Refused, with the device at work as before; or the domain is gone and the device blocked (DEL-2).
 */
static void expect_member_by_delete(struct test_run *t, struct scene *s)
{
    enum hv_status status = iommu_delete(s->d->id);

    STEP("delete domain 0x%llx with the device in it: %s", s->d->id, hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        CHECK(!may_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA after DELETE of its domain"),
              "DELETE of the domain of the device succeeded, and the device still uses it");
        CHECK_SUCCESS(iommu_create(s->d->id), "CREATE of an id that was deleted");
        attach(t, s->rest, s->e);
        return;
    }
    expect_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA after a refused DELETE");
    CHECK_SUCCESS(iommu_detach(s->e->device_id), "DETACH of a device in a domain");
}

/* The host drops what it keeps of the domain wherever its devices are. */
static void expect_flushed(struct test_run *t, struct scene *s)
{
    unmap(t, s->d, IOVA, PAGE_SIZE);
    flush(t, s->d);
    CHECK(!may_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA after unmap and FLUSH"),
          "the device still uses a page that its domain has no more");
}

static void expect_member(struct test_run *t, struct scene *s, enum look look)
{
    expect_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA after the ATTACH");
    if (look == BY_DELETE)
        expect_member_by_delete(t, s);
    else if (look == BY_FLUSH)
        expect_flushed(t, s);
    if (look != BY_DELETE)
        CHECK_SUCCESS(iommu_detach(s->e->device_id), "DETACH of a device in a domain");
    CHECK(!may_write(t, s->e, IOVA, &s->b, 0, LENGTH, "DMA of a device in no domain"),
          "the device still uses the domain that it left");
    delete_domain(t, s->d);
}

static void bare(struct test_run *t, struct scene *s, uint32_t id)
{
    enum hv_status status;

    CHECK_SUCCESS(iommu_create(id), "CREATE");
    status = iommu_attach(id, s->e->device_id);
    STEP("attach to domain 0x%llx without settings: %s", id, hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) /* and the device is blocked (CFG-8) */
        attach(t, s->d, s->e);
    CHECK_SUCCESS(iommu_delete(id), "DELETE of a domain that no device is in");
}

static void unknown(struct test_run *t, struct scene *s, uint32_t id)
{
    enum hv_status status = iommu_attach(id, s->e->device_id);

    STEP("attach to domain 0x%llx, which does not exist: %s", id, hv_status_name(status));
    CHECK_REFUSED(status, "ATTACH to an unknown domain");
}

/* A host may put some of its devices behind a unit that walks four levels. */
static void five_levels(struct test_run *t, struct scene *s, uint32_t id)
{
    struct domain *five;
    enum hv_status status;

    (void)id;
    if (!(capabilities(t)->iommu_cap & HV_IOMMU_CAP_S1_5LVL))
        SKIP("the host does not report 5-level tables");
    five = domain_paging_with(t, 5, PAGE_SIZE);
    status = domain_attach(five, s->e->device_id);
    STEP("attach to domain 0x%llx with five levels: %s", five->id, hv_status_name(status));
    if (status == HV_STATUS_SUCCESS)
        attach(t, s->d, s->e);
    delete_domain(t, five);
}

static void same(struct test_run *t, struct scene *s, uint32_t id)
{
    (void)id;
    attach(t, s->d, s->e);
}

typedef void attempt(struct test_run *t, struct scene *s, uint32_t id);

#define ATTEMPTS(ROW, test)                                                                        \
    ROW(test, without_settings, bare,                                                              \
        COVERS("CFG-8 GEN-10") WORD(to, "a domain without settings"))                              \
    ROW(test, unknown_domain, unknown, COVERS("ATT-8 GEN-10") WORD(to, "an unknown domain"))       \
    ROW(test, five_levels, five_levels, COVERS("GEN-10") WORD(to, "a domain with five levels"))    \
    ROW(test, its_own_domain, same, COVERS("ATT-3") WORD(to, "the domain it is in"))

VARIANTS(attempt *const, attempts, ATTEMPTS);

TEST_EACH(membership_after_attach_to, ATTEMPTS,
          PROMISE("After ATTACH to {to} the device is a member of its domain as before: DELETE of "
                  "the domain does not leave it at work, and DETACH takes it out")
          DEVICES(ALL) ABI() KINDS("dma bad-input")
          STEPS("A device uses a page of its domain and is attached to {to}, which may be refused. "
                "It writes again. Then its domain is deleted, which may be refused; or the device "
                "is detached; or its page is unmapped and the domain flushed. Each with a new "
                "domain.")
          EXPECTS("The write arrives. If DELETE succeeds, the device is blocked; if not, it works "
                  "on, and DETACH succeeds and ends that. The page is out of reach after the "
                  "flush. The other domain has no member, and is deleted.")
          IF_IT_FAILS("A refused ATTACH has already taken the device off the list of its domain: "
                      "the domain can be deleted, and the device goes on using tables that the "
                      "guest frees."))
{
    struct scene s = {.e = device(t), .b = buffer(t, 1), .rest = domain_blocked(t)};

    for (enum look look = BY_DELETE; look < LOOKS; look++) {
        s.d = domain_mapping(t, IOVA, &s.b);
        attach(t, s.d, s.e);
        warm(t, s.e, IOVA, &s.b, "DMA before the ATTACH");
        VARIANT(attempts)(t, &s, fresh_domain_id(t));
        expect_member(t, &s, look);
        attach(t, s.rest, s.e);
    }
}
