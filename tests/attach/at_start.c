/* SPDX-License-Identifier: MIT */
/*
 * The state at power-on, and the first ATTACH that a device ever sees, after it has done DMA
 * without one. The harness leaves devices alone until the first test of another group, so these
 * tests come first in the catalogue: each takes one device of each class that nothing has touched
 * yet.
 */
#define TEST_GROUP "at-start"
#include "tests/attach/no_domain.h"

#include "lib/bits.h"

#define LENGTH 32u

TEST(refused_calls_change_nothing,
     PROMISE("A device that was never attached since power-on stays as it is, open or blocked, "
             "when calls are refused")
     COVERS("GEN-10 DET-2 ATT-8 CFG-8 ISO-3 FL-8 DOM-3 DOM-8 DOM-9") ABI() DEVICES(NONE)
     KINDS("dma fault bad-input device")
     STEPS("A device of each class that is not slow, and that nothing has used since the start "
           "of the machine, writes by GPA, and is asked for its property. Then calls that cannot "
           "succeed: FLUSH, CREATE, CONFIGURE and DELETE for an unknown domain or one that "
           "exists; ATTACH of the device to an unknown domain, for another partition, or to a "
           "domain without settings or with five levels; its DETACH. After each it writes again, "
           "and is asked again.")
     EXPECTS("Each write lands as the first did, or is blocked as the first was. The property is "
             "the same. A DETACH that succeeds may block the device.")
     IF_IT_FAILS("The host switches the device before it looks whether it is in a domain, or "
                 "takes devices in no domain for the members of a domain that it has not found. "
                 "A device that firmware still uses stands still, or one that was blocked is "
                 "open."))
{
    static const enum no_domain_calls order[] = {NO_DOMAIN_FLUSH, NO_DOMAIN_OTHERS,
                                                 NO_DOMAIN_DETACH, NO_DOMAIN_ATTACH};
    struct dma_engine *e;
    unsigned taken = 0;

    capabilities(t);
    for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++) {
        struct no_domain s;

        if (dma_class_is_slow((enum dma_class) class) ||
            !(e = untouched_device((enum dma_class) class)))
            continue;
        taken++;
        s = no_domain_begin(t, e);
        no_domain_look(t, &s);
        for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
            no_domain_try(t, &s, order[i]);
        if (!s.moved)
            leave_untouched(e);
    }
    if (taken == 0)
        SKIP("needs a device that no test has used since the start of the machine");
}

static void first_attach(struct test_run *t, enum domain_kind kind)
{
    struct buffer open = buffer(t, 1), paged = buffer(t, 1);
    uint64_t gpa = gpa_of(open.data);
    unsigned taken = 0;
    struct domain *d;
    struct dma_engine *e;

    capabilities(t);
    d = kind == DOMAIN_PAGING     ? domain_mapping(t, gpa, &paged)
        : kind == DOMAIN_IDENTITY ? domain_identity(t)
                                  : domain_blocked(t);
    for (unsigned class = 0; class < DMA_CLASS_COUNT; class ++) {
        bool before, detached;
        enum hv_status status;

        if (dma_class_is_slow((enum dma_class) class) ||
            !(e = untouched_device((enum dma_class) class)))
            continue;
        taken++;
        before = may_write(t, e, gpa, &open, 0, LENGTH, "DMA of a device that was never attached");
        status = iommu_detach(e->device_id);
        STEP("detach device 0x%llx, which was never attached: %s", e->device_id,
             hv_status_name(status));
        detached = may_write(t, e, gpa, &open, 0, LENGTH,
                             "DMA after DETACH of a device that was never attached");
        CHECK(before || !detached, "DETACH of a device that was never attached opens it");
        (void)may_write(t, e, gpa, &open, 0, LENGTH, "DMA before the first ATTACH");
        attach(t, d, e);
        if (kind == DOMAIN_PAGING) {
            expect_write(t, e, gpa, &paged, 0, LENGTH,
                         "DMA after the first ATTACH, to a paging domain");
            expect_untouched(t, &open,
                             "memory at the GPA that is the IOVA, after the first ATTACH");
        } else if (kind == DOMAIN_IDENTITY) {
            expect_write(t, e, gpa, &open, 0, LENGTH,
                         "DMA after the first ATTACH, to an identity domain");
        } else {
            expect_write_fault(t, e, gpa, LENGTH, &open, ORACLE_FAULT_CLASS_BLOCKED,
                               "DMA after the first ATTACH, to a blocking domain");
        }
        OBSERVE("before its first ATTACH a device %s", before ? "passes through" : "is blocked");
    }
    if (taken == 0)
        SKIP("needs a device that no test has used since the start of the machine");
}

#define FIRST_DOMAINS(ROW, test)                                                                   \
    ROW(test, paging, DOMAIN_PAGING, WORD(kind, "a paging"))                                       \
    ROW(test, blocking, DOMAIN_BLOCKED, WORD(kind, "a blocking") COVERS("ATT-7"))                  \
    ROW(test, identity, DOMAIN_IDENTITY, WORD(kind, "an identity") COVERS("ID-1"))

VARIANTS(const enum domain_kind, first_domains, FIRST_DOMAINS);

TEST_EACH(first_attach_to, FIRST_DOMAINS,
          PROMISE("The first ATTACH of a device since power-on puts it into {kind} domain, "
                  "whatever it did before")
          COVERS("ATT-1 DET-2") DEVICES(NONE) KINDS("dma fault device")
          STEPS("A device of each class that is not slow, and that nothing has used since the "
                "start of the machine, writes by GPA. It is detached, which any status may "
                "answer, writes again, and is attached to {kind} domain.")
          EXPECTS("DETACH does not open the device. After ATTACH its DMA is that of the domain "
                  "and no other.")
          IF_IT_FAILS("The host treats its own first state as a domain: translations that were "
                      "cached under it survive, or the first switch is lost."))
{
    first_attach(t, VARIANT(first_domains));
}
