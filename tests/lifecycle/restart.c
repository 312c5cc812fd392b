/* SPDX-License-Identifier: MIT */
/* A second kernel without a reset in between: it sets the hypercall page up again and finds what the first one left
 * (CON-4). */
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
            PROMISE("After a hand-over the old domain is still there or gone; a device in it uses the old tables or is "
                    "blocked, and never passes through")
            COVERS("CON-4") ABI() DEVICES(ALL) KINDS("dma fault")
            STEPS("The device uses a domain; then GUEST_OS_ID is cleared and set up again, as a second kernel does. "
                  "The device writes to the old mapping and to a page that was never mapped, and the old id is "
                  "created.")
            EXPECTS("The old mapping works or does not, and CREATE has any status, which is recorded; the other page "
                    "is never reached.")
            IF_IT_FAILS("The hand-over lets the device pass through: a second kernel starts with memory that a device "
                        "can write."))
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
     PROMISE("The second kernel blocks the device, whatever the first one did with it, and then uses it in a domain of "
             "its own")
     COVERS("CON-4 ATT-2 ATT-4 ATT-7") ABI() DEVICES(ALL) KINDS("dma fault")
     STEPS("After the same hand-over the second kernel moves the device to a blocking domain, then to a paging domain "
           "of its own.")
     EXPECTS("Blocked, the device faults; in the new domain it reaches the new page; the first kernel's page stays "
             "unchanged.")
     IF_IT_FAILS("The state that the first kernel left cannot be taken over, or its translations remain."))
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
