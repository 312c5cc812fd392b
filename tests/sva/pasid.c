/* SPDX-License-Identifier: MIT */
/* PASID and page requests may be reported, but no public call uses them: ordinary DMA must not
 * change (PAS-1, PRI-1).
 */
#include "tests/harness/fixture.h"

#define TEST_GROUP     "pasid"
#define CANONICAL_BITS 47u

TEST(plain_dma_is_unaffected,
     PROMISE("Whatever PASID and PRI capabilities are reported, DMA without a PASID is translated, "
             "and refused, as ever")
     COVERS("PAS-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes a page, reads and writes back a piece of it, tries a page without a "
           "leaf, uses the first page again, and writes to the highest page that the IOVA width "
           "allows, whatever PASID and PRI capabilities are reported.")
     EXPECTS("The access without a leaf faults, all others land. The capabilities are recorded.")
     IF_IT_FAILS("Support for PASIDs changes the way of ordinary requests: it takes bits of their "
                 "addresses, or a request that faulted waits for an answer to a page request and "
                 "holds up those after it."))
{
    struct dma_engine *e = device(t);
    uint64_t caps = capabilities(t)->iommu_cap;
    unsigned width = capabilities(t)->max_iova_width;
    uint64_t highest = (1ull << (width < CANONICAL_BITS ? width : CANONICAL_BITS)) - PAGE_SIZE;
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    map(t, d, highest, &b, RW);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, PAGE_SIZE, "mapped page");
    expect_invert(t, e, IOVA + 7, &b, 7, 100, "read and write back");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 16, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "page without a leaf");
    expect_write(t, e, IOVA, &b, 0, 16, "mapped page, after the fault");
    expect_write(t, e, highest, &b, 0, 16, "highest page");
    OBSERVE("PASID %s, PRI %s", caps & HV_IOMMU_CAP_PASID ? "reported" : "not reported",
            caps & HV_IOMMU_CAP_PRI ? "reported" : "not reported");
}

TEST(blocking_raises_no_fault,
     PROMISE("Attaching a device to a blocking domain records no fault of its own, only a later "
             "DMA does")
     COVERS("PRI-1 ATT-6") DEVICES(ALL) KINDS("dma fault")
     STEPS("A warm device is moved to a blocking domain, and the fault record is read before and "
           "after its next DMA.")
     EXPECTS("There is no record of the move, only of the DMA.")
     IF_IT_FAILS("The move itself faults: the host takes the entry away while something still uses "
                 "it."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);
    struct oracle_fault fault;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    attach(t, blocked, e);
    if (oracle_take_fault(e->device_id, &fault)) {
        CHECK(!(fault.valid & ORACLE_FAULT_VALID),
              "the attach alone recorded a fault, raw reason 0x%x", fault.raw_reason);
    }
    expect_write_fault(t, e, IOVA, 16, &b, ORACLE_FAULT_CLASS_BLOCKED, "DMA of the blocked device");
}
