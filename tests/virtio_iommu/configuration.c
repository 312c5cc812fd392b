/* SPDX-License-Identifier: MIT */
/* The values that a virtio-iommu reports, its bypass field, and the state after a reset. */
#include "tests/virtio_iommu/requests.h"

static void need_bypass(struct test_run *t)
{
    struct virtio_iommu_facts facts;

    virtio_iommu_facts(&facts);
    if (!(facts.features & VIRTIO_IOMMU_F_BYPASS_CONFIG))
        SKIP("the unit does not offer BYPASS_CONFIG");
}

static uint8_t bypass_field(void)
{
    struct virtio_iommu_facts facts;

    virtio_iommu_facts(&facts);
    return facts.bypass;
}

TEST(reported_values,
     PROMISE("Features and configuration are those that the specification allows")
     COVERS("VIO-1 VIO-2 VIO-3") UNIT(virtio_iommu) DEVICES(NONE) KINDS("none")
     STEPS("Reads the feature bits and the configuration.")
     EXPECTS("MAP_UNMAP is offered, BYPASS and BYPASS_CONFIG are not offered together, the mask "
             "of page sizes is not empty, and the ranges do not end before they begin.")
     IF_IT_FAILS("The unit is set up with values that no driver can work with."))
{
    struct virtio_iommu_facts facts;
    const uint64_t both = VIRTIO_IOMMU_F_BYPASS | VIRTIO_IOMMU_F_BYPASS_CONFIG;

    virtio_iommu_facts(&facts);
    CHECK(facts.features & VIRTIO_IOMMU_F_MAP_UNMAP, "MAP_UNMAP is not offered");
    CHECK((facts.features & both) != both, "BYPASS and BYPASS_CONFIG are both offered");
    CHECK(facts.page_sizes != 0, "page_size_mask is 0");
    CHECK(!(facts.features & VIRTIO_IOMMU_F_INPUT_RANGE) || facts.first_iova < facts.last_iova,
          "input_range is empty");
    CHECK(!(facts.features & VIRTIO_IOMMU_F_DOMAIN_RANGE) ||
              facts.first_domain <= facts.last_domain,
          "domain_range is empty");
}

TEST(bypass_field_after_reset,
     PROMISE("The bypass field holds what was written, and keeps it through a device reset")
     COVERS("VIO-4 VIO-5") UNIT(virtio_iommu) DEVICES(NONE) KINDS("none")
     STEPS("Writes 1, resets and initializes the unit, reads; then the same with 0.")
     EXPECTS("1 and 0, before and after the reset.")
     IF_IT_FAILS("The reset of the device puts the field back to its value at power-on: with 1 "
                 "every device reaches all memory until the driver notices."))
{
    need_bypass(t);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t wanted = (uint8_t)(1 - i);
        const char *problem;

        virtio_iommu_set_bypass(wanted);
        CHECK_EQ(bypass_field(), wanted, "bypass after it was written");
        problem = virtio_iommu_restart();
        CHECK(!problem, "after a device reset: %s", problem);
        CHECK_EQ(bypass_field(), wanted, "bypass after a device reset");
    }
}

TEST(bypass_field_decides,
     PROMISE("A device in no domain is blocked while bypass is 0, and reaches memory at its own "
             "addresses while it is 1")
     COVERS("VIO-11 VIO-12") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device is in no domain. It writes to a buffer at its GPA with bypass 0, 1, and 0 "
           "again.")
     EXPECTS("The write lands with 1, and changes nothing with 0.")
     IF_IT_FAILS("The field is not looked at when a device is in no domain, or only once."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);

    need_bypass(t);
    expect_unmapped(t, e, gpa_of(b.data), &b, "bypass is 0");
    virtio_iommu_set_bypass(1);
    expect_mapped(t, e, gpa_of(b.data), &b, "bypass is 1");
    virtio_iommu_set_bypass(0);
    expect_unmapped(t, e, gpa_of(b.data), &b, "bypass is 0 again");
}

TEST(bypass_domain,
     PROMISE("A domain made with the flag BYPASS is identity whatever the bypass field says, and "
             "takes no MAP and no UNMAP")
     COVERS("VIO-13 VIO-35 VIO-40") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("Attaches the device with the flag BYPASS while the bypass field is 0, lets it write "
           "to a buffer at its GPA, sends MAP and UNMAP to that domain, and detaches the device.")
     EXPECTS("The write lands; MAP and UNMAP have status INVAL; after DETACH the write is lost.")
     IF_IT_FAILS("The kind of a domain is not kept, or the bypass field wins over it."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    const uint64_t gpa = gpa_of(b.data);
    const union virtio_iommu_request in = attach_request(DOMAIN_A, e, VIRTIO_IOMMU_BYPASSES),
                                     out = detach_request(DOMAIN_A, e),
                                     add = map_request(DOMAIN_A, IOVA, IOVA + (PAGE_SIZE - 1), gpa,
                                                       VIRTIO_IOMMU_WRITE),
                                     drop = unmap_request(DOMAIN_A, IOVA, IOVA + (PAGE_SIZE - 1));

    need_bypass(t);
    expect_status(t, &in, VIRTIO_IOMMU_OK, "ATTACH with the flag BYPASS");
    expect_mapped(t, e, gpa, &b, "in a bypass domain");
    expect_status(t, &add, VIRTIO_IOMMU_INVALID, "MAP in a bypass domain");
    expect_status(t, &drop, VIRTIO_IOMMU_INVALID, "UNMAP in a bypass domain");
    expect_mapped(t, e, gpa, &b, "in a bypass domain, after both were refused");
    expect_status(t, &out, VIRTIO_IOMMU_OK, "DETACH from a bypass domain");
    expect_unmapped(t, e, gpa, &b, "after DETACH from a bypass domain");
}

TEST(reset_empties_domains,
     PROMISE("After a device reset no endpoint is in a domain, and no domain has mappings")
     COVERS("VIO-6") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device uses a mapping. The unit is reset and initialized, and the device writes "
           "again; then it is attached to a domain of the same id, and writes once more.")
     EXPECTS("Both writes are lost.")
     IF_IT_FAILS("The reset forgets the queues and keeps the domains: the next driver's devices "
                 "reach memory of the previous one."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    const char *problem = virtio_iommu_restart();

    CHECK(!problem, "after a device reset: %s", problem);
    expect_unmapped(t, e, IOVA, &b, "after a device reset");
    enter(t, DOMAIN_A, e);
    expect_unmapped(t, e, IOVA, &b, "in a new domain with the id of the old one");
}

TEST(domain_range_ends,
     PROMISE("The ids at both ends of domain_range name domains, different ones; no id outside of "
             "it does")
     COVERS("VIO-16") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("Maps a page in the domain of the lowest id, where another device is as well, moves the "
           "device to that of the highest, and attaches it to the ids right outside of the range, "
           "if there are any.")
     EXPECTS("DMA lands in the lowest domain alone; attaching to an id outside fails.")
     IF_IT_FAILS("Ids are cut to fewer bits than the range has, or not compared with it."))
{
    struct dma_engine *e = device(t), *other = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct virtio_iommu_facts facts;

    virtio_iommu_facts(&facts);
    if (!(facts.features & VIRTIO_IOMMU_F_DOMAIN_RANGE))
        SKIP("the unit does not offer DOMAIN_RANGE");
    enter(t, facts.first_domain, other);
    enter(t, facts.first_domain, e);
    map_bytes(t, facts.first_domain, IOVA, &b);
    expect_mapped(t, e, IOVA, &b, "in the domain of the lowest id");
    enter(t, facts.last_domain, e);
    expect_unmapped(t, e, IOVA, &b, "in the domain of the highest id");
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t id = i ? facts.last_domain + 1 : facts.first_domain - 1;
        const union virtio_iommu_request r = attach_request(id, e, 0);

        if (id >= facts.first_domain && id <= facts.last_domain)
            continue;
        CHECK(send_bytes(t, &r, request_size(&r)).status != VIRTIO_IOMMU_OK,
              "ATTACH to domain 0x%x, outside of domain_range, succeeds", id);
    }
}
