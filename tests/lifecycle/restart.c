/* SPDX-License-Identifier: MIT */
/* A second kernel without a reset in between: it sets the hypercall page up again and finds what
 * the first one left (CON-4). */
#include "abi/msr.h"
#include "drivers/hypercall.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "restart"
static void hand_over(struct test_run *t)
{
    REQUIRE(msr_write_safe(HV_MSR_GUEST_OS_ID, 0) == TRAP_NONE, "GUEST_OS_ID cannot be cleared");
    STEP("clear GUEST_OS_ID: the first kernel is gone");
    REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
    STEP("write GUEST_OS_ID and enable the hypercall page: the second kernel starts");
}

OBSERVATION(domains_of_the_first_kernel,
            PROMISE("After a hand-over the old domain is still there or gone; a device in it uses "
                    "the old tables or is blocked, and never passes through")
            COVERS("CON-4") ABI() DEVICES(ALL) KINDS("dma fault")
            STEPS("The device uses a domain; then GUEST_OS_ID is cleared and set up again, as a "
                  "second kernel does. The device writes to the old mapping and to a page that was "
                  "never mapped, and the old id is created.")
            EXPECTS("The old mapping works or does not, and CREATE has any status, which is "
                    "recorded; the other page is never reached.")
            IF_IT_FAILS("The hand-over lets the device pass through: a second kernel starts with "
                        "memory that a device can write."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), other = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    enum hv_status create;
    bool landed;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before the hand-over");
    hand_over(t);
    landed = may_write(t, e, IOVA, &b, 0, 16, "the old domain's page");
    CHECK(!may_write(t, e, gpa_of(other.data), &other, 0, 16, "a page that was never mapped"),
          "after the hand-over the device passes through");
    create = iommu_create(d->id);
    OBSERVE("the old tables are %s; CREATE of the old id: %s", landed ? "in force" : "out of force",
            hv_status_name(create));
}

TEST(second_kernel_takes_over,
     PROMISE("The second kernel blocks the device, whatever the first one did with it, and then "
             "uses it in a domain of its own")
     COVERS("CON-4 ATT-2 ATT-4 ATT-7") ABI() DEVICES(ALL) KINDS("dma fault")
     STEPS("After the same hand-over the second kernel moves the device to a blocking domain, then "
           "to a paging domain of its own.")
     EXPECTS("Blocked, the device faults; in the new domain it reaches the new page; the first "
             "kernel's page stays unchanged.")
     IF_IT_FAILS("The state that the first kernel left cannot be taken over, or its translations "
                 "remain."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *old = domain_mapping(t, IOVA, &a), *blocked, *mine;

    attach(t, old, e);
    warm(t, e, IOVA, &a, "the first kernel's page");
    hand_over(t);
    blocked = domain_blocked(t);
    attach(t, blocked, e);
    expect_write_fault(t, e, IOVA, 16, &a, ORACLE_FAULT_CLASS_BLOCKED, "the first kernel's page");
    mine = domain_paging(t);
    map(t, mine, IOVA, &b, RW);
    attach(t, mine, e);
    expect_write(t, e, IOVA, &b, 0, 16, "the second kernel's page");
    expect_untouched(t, &a, "the first kernel's page");
}

/* How a kernel goes: by its identity, by the page, or by both in the order of one that starts
 * another kernel. */
enum farewell { FAREWELL_IDENTITY, FAREWELL_PAGE, FAREWELL_BOTH, FAREWELLS };

static void go(struct test_run *t, enum farewell how)
{
    uint64_t page = 0;

    if (how != FAREWELL_IDENTITY && hypercall_page_is_locked())
        SKIP("the hypercall page is locked where it is");
    REQUIRE(msr_read_safe(HV_MSR_HYPERCALL, &page) == TRAP_NONE, "HYPERCALL cannot be read");
    if (how != FAREWELL_IDENTITY) {
        REQUIRE(msr_write_safe(HV_MSR_HYPERCALL, page & ~HV_HYPERCALL_MSR_ENABLE) == TRAP_NONE,
                "the hypercall page cannot be disabled");
        STEP("disable the hypercall page");
    }
    if (how == FAREWELL_PAGE) {
        REQUIRE(hypercall_reenable(), "the hypercall page cannot be enabled again");
        STEP("enable the hypercall page again");
    } else {
        hand_over(t);
    }
}

/* One IOVA: the GPA of `open`, which the paging domain leads to `paged`. */
struct heirs {
    struct dma_engine *in_paging, *in_blocked, *in_none;
    struct domain *paging, *blocked;
    struct buffer open, paged;
    uint64_t iova;
};

static void heirs_open(struct test_run *t, struct heirs *h)
{
    struct dma_engine *e[DMA_ENGINES_MAX];
    unsigned count = fast_devices(t, e, 3);

    h->in_paging = e[0];
    h->in_blocked = e[1];
    h->in_none = e[count - 1];
    h->open = buffer(t, 1);
    h->paged = buffer(t, 1);
    h->iova = gpa_of(h->open.data);
    h->paging = domain_mapping(t, h->iova, &h->paged);
    h->blocked = domain_blocked(t);
    attach(t, h->paging, h->in_paging);
    attach(t, h->blocked, h->in_blocked);
    attach(t, h->paging, h->in_none);
    CHECK_SUCCESS(pviommu_detach(h->in_none->device_id), "DETACH of an attached device");
    warm(t, h->in_paging, h->iova, &h->paged, "before the first kernel goes");
}

static void expect_closed(struct test_run *t, struct heirs *h, const char *when)
{
    struct dma_engine *closed[] = {h->in_blocked, h->in_none};

    for (unsigned i = 0; i < 2; i++) {
        fill_by_device(t, closed[i], h->iova, 16, when);
        drain_faults(t, closed[i]);
        expect_untouched(t, &h->open,
                         i == 0 ? "GPA of memory, by a device in a blocking domain"
                                : "GPA of memory, by a detached device");
        expect_untouched(t, &h->paged, "a page of a domain in which the device is not");
    }
    fill_by_device(t, h->in_paging, h->iova, 16, when);
    drain_faults(t, h->in_paging);
    expect_untouched(t, &h->open, "GPA of memory, by a device in a paging domain");
    buffer_refresh(&h->paged); /* the old tables may be in force */
}

#define FAREWELL_ROWS(ROW, test)                                                                   \
    ROW(test, identity, FAREWELL_IDENTITY, WORD(how, "GUEST_OS_ID is cleared"))                    \
    ROW(test, page, FAREWELL_PAGE, WORD(how, "the hypercall page is disabled"))                    \
    ROW(test, page_and_identity, FAREWELL_BOTH,                                                    \
        WORD(how, "the hypercall page is disabled and GUEST_OS_ID is cleared"))

VARIANTS(const enum farewell, farewells, FAREWELL_ROWS);

TEST_EACH(nothing_opens, FAREWELL_ROWS,
          PROMISE("When {how}, no device that was blocked, detached or translated reaches memory "
                  "by its GPA, then or later")
          COVERS("CON-4 ATT-7 DET-1") ABI() DEVICES(NONE) KINDS("dma fault device")
          STEPS("Three devices are in a paging domain, in a blocking one and in none. Then {how}, "
                "and the interface is set up again. All write. The old domain's id is created "
                "again; where that succeeds, the device in it writes. The old domain is flushed "
                "after an unmap where it is still there. A new domain is made, and each device is "
                "attached to it.")
          EXPECTS("No write reaches memory at its GPA. After a CREATE of the old id that succeeds "
                  "its old tables are not used any more; after a flush that succeeds the unmapped "
                  "page is not reached. The new domain has all three devices.")
          IF_IT_FAILS("The host opens up or forgets devices when the guest's identity goes: the "
                      "memory of the next kernel is within reach of devices that no driver has "
                      "stopped."))
{
    struct heirs h;
    struct buffer b = buffer(t, 1);
    struct domain *mine;
    enum hv_status status;
    uint64_t *leaf, mapped;

    heirs_open(t, &h);
    go(t, VARIANT(farewells));
    expect_closed(t, &h, "after the first kernel has gone");
    /* The first call of the second kernel for the old domain is a flush. */
    leaf = leaf_entry(t, h.paging, h.iova);
    mapped = *leaf;
    *leaf = 0;
    status = pviommu_flush(h.paging->id);
    STEP("FLUSH_DEVICE_DOMAIN domain 0x%llx, the old one, after an unmap: %s", h.paging->id,
         hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        expect_write_fault(t, h.in_paging, h.iova, 16, &h.paged, FAULT_ANY,
                           "unmapped, and the old domain flushed");
    }
    *leaf = mapped;
    status = pviommu_create(h.paging->id);
    STEP("create the old domain id 0x%llx: %s", h.paging->id, hv_status_name(status));
    if (status == HV_STATUS_SUCCESS) {
        fill_by_device(t, h.in_paging, h.iova, 16, "after CREATE of the old id");
        drain_faults(t, h.in_paging);
        expect_untouched(t, &h.paged,
                         "the page of the old tables, after CREATE of the old id has succeeded");
    }
    expect_closed(t, &h, "after CREATE of the old id");
    mine = domain_paging(t);
    map(t, mine, h.iova, &b, RW);
    attach(t, mine, h.in_none);
    attach(t, mine, h.in_blocked);
    attach(t, mine, h.in_paging);
    expect_write(t, h.in_none, h.iova, &b, 0, 16,
                 "the second kernel's page, by the device that was detached");
    expect_write(t, h.in_blocked, h.iova, &b, 0, 16,
                 "the second kernel's page, by the device that was blocked");
    expect_write(t, h.in_paging, h.iova, &b, 0, 16,
                 "the second kernel's page, by the device that was in use");
}
