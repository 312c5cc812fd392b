/* SPDX-License-Identifier: MIT */
/* Refused calls and a device that is in no domain because it was detached. One that was never
 * attached: at_start.c. */
#include "tests/attach/no_domain.h"

#define TEST_GROUP "attach"

#define CALLS(ROW, test)                                                                           \
    ROW(test, detach, NO_DOMAIN_DETACH, COVERS("DET-2") WORD(calls, "DETACH"))                     \
    ROW(test, attach, NO_DOMAIN_ATTACH, COVERS("ATT-8 CFG-8 ISO-3") WORD(calls, "ATTACH"))         \
    ROW(test, flush, NO_DOMAIN_FLUSH, COVERS("FL-8 DOM-9") WORD(calls, "FLUSH"))                   \
    ROW(test, create_and_delete, NO_DOMAIN_OTHERS,                                                 \
        COVERS("DOM-3 DOM-8 DOM-9") WORD(calls, "CREATE, CONFIGURE or DELETE"))

VARIANTS(const enum no_domain_calls, calls, CALLS);

TEST_EACH(detached_after_refused, CALLS,
          PROMISE("A detached device stays as it is when {calls} is refused: its DMA, its "
                  "property, and the domain that it left")
          COVERS("GEN-10") DEVICES(ALL) ABI() KINDS("dma fault bad-input")
          STEPS("A device writes in a paging domain and is detached. It writes again, and its "
                "property is asked for. Then {calls} that cannot succeed: for an unknown domain, "
                "one that exists, one without settings or with five levels, another partition, or "
                "this device in no domain. After each it writes by the same IOVA, a GPA that "
                "another domain maps, and is asked about. Its old domain is deleted, and it is "
                "attached to the other one.")
          EXPECTS("Each write lands where the first after DETACH did, or nowhere as that. The "
                  "property is the same. DELETE succeeds, and in the other domain the device "
                  "works.")
          IF_IT_FAILS("The host looks for the members of a domain that it has not found, and "
                      "takes all devices in no domain for these; or it switches the device "
                      "before it checks the call. A device whose driver is gone reaches memory "
                      "again."))
{
    struct no_domain s = no_domain_begin(t, device(t));
    struct buffer b = buffer(t, 1);
    struct domain *left = domain_mapping(t, s.iova, &b);

    attach(t, left, s.e);
    warm(t, s.e, s.iova, &b, "before DETACH");
    CHECK_SUCCESS(iommu_detach(s.e->device_id), "DETACH");
    no_domain_look(t, &s);
    no_domain_try(t, &s, VARIANT(calls));
    expect_untouched(t, &b, "the page of the domain that the device left");
    delete_domain(t, left);
    attach(t, s.domain, s.e);
    expect_write(t, s.e, s.iova, &s.paged, 0, 32, "attached to the other domain");
}
