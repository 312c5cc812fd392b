/* SPDX-License-Identifier: MIT */
/* Well-formed calls with values that are refused: the calls have no effect. */
#define TEST_GROUP "hypercall"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define NO_DOMAIN      UINT32_C(0x6ABCDEF0)
#define UNKNOWN_DEVICE UINT64_C(0x00000000FFFFFFF7)

TEST(failed_attach,
     PROMISE("An ATTACH that fails for an unknown domain leaves the device with its translation, "
             "and makes no domain")
     COVERS("GEN-10 ATT-8") ABI() DEVICES(ALL) KINDS("dma bad-input")
     STEPS("The device uses a page of its domain. An ATTACH to an id that does not exist follows, "
           "then DMA again; at last the id is created and deleted.")
     EXPECTS("The ATTACH is refused, DMA lands as before, and the id is still free.")
     IF_IT_FAILS("The host takes the device out of its domain before it looks the new one up, or "
                 "makes a domain on the way."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    uint64_t iova = 0x5000000;
    struct domain *d = domain_mapping(t, iova, &b);
    enum hv_status status;

    track_domain_id(t, NO_DOMAIN);
    attach(t, d, e);
    warm(t, e, iova, &b, "DMA before the failing ATTACH");
    status = pviommu_attach(NO_DOMAIN, e->device_id);
    STEP("attach device 0x%llx to unknown domain 0x%llx: %s", e->device_id, NO_DOMAIN,
         hv_status_name(status));
    CHECK_REFUSED(status, "ATTACH to a domain that does not exist");
    expect_write(t, e, iova + 100, &b, 100, 64, "DMA after an ATTACH to an unknown domain failed");
    CHECK_SUCCESS(pviommu_create(NO_DOMAIN), "CREATE of the id that the failed ATTACH named");
    CHECK_SUCCESS(pviommu_delete(NO_DOMAIN), "DELETE of a domain just created");
}

TEST(failed_attach_of_stranger,
     PROMISE("An ATTACH that fails for an unknown device adds nothing to the domain, which can be "
             "deleted")
     COVERS("GEN-10 ATT-8") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("ATTACH of a device id that no device has, to a blocking domain without devices and to "
           "one in use; then the first domain is deleted.")
     EXPECTS("Both are refused, the domain in use still translates, and the empty one can be "
             "deleted.")
     IF_IT_FAILS("The host counts a device before it has checked that the device exists: the "
                 "domain can never be deleted."))
{
    struct canary by = canary(t);
    struct domain *d = domain_blocked(t);
    uint64_t stranger = unknown_device_id(t, UNKNOWN_DEVICE);
    enum hv_status status = pviommu_attach(d->id, stranger);

    STEP("attach unknown device 0x%llx to domain 0x%llx: %s", stranger, d->id,
         hv_status_name(status));
    CHECK_REFUSED(status, "ATTACH of a device that does not exist");
    CHECK_REFUSED(pviommu_attach(by.domain->id, stranger),
                  "ATTACH of a device that does not exist");
    expect_undisturbed(t, &by, "a failed ATTACH of an unknown device");
    delete_domain(t, d);
}

TEST(failed_list_element,
     PROMISE("A list flush of an unknown domain completes no element and disturbs no other domain")
     COVERS("GEN-10 ISO-2") ABI() DEVICES(NONE) KINDS("dma bad-input")
     STEPS("A list flush with two elements names a domain that does not exist; a canary is checked "
           "before and after.")
     EXPECTS("No element is reported as done unless the call succeeds, and the canary's "
             "translation and property are as before.")
     IF_IT_FAILS("The host carries out elements before it has found the domain, or reports work "
                 "that it did not do."))
{
    struct canary by = canary(t);
    const uint64_t elements[] = {hv_iommu_range(by.iova >> HV_PAGE_SHIFT, 0), hv_iommu_range(0, 0)};
    unsigned done = 0;
    enum hv_status status = pviommu_flush_list(NO_DOMAIN, elements, 2, &done);

    STEP("list flush of unknown domain: %s, %llu elements done", hv_status_name(status), done);
    CHECK(status == HV_STATUS_SUCCESS || done == 0,
          "a refused list flush reports %u elements as done", done);
    expect_undisturbed(t, &by, "a list flush of an unknown domain");
}
