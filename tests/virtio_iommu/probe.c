/* SPDX-License-Identifier: MIT */
/* PROBE, and the reserved memory that it tells of. */
#include "tests/virtio_iommu/requests.h"

#include "lib/string.h"

#define REGIONS_MAX 16u

static void need_probe(struct test_run *t)
{
    struct virtio_iommu_facts facts;

    virtio_iommu_facts(&facts);
    if (!(facts.features & VIRTIO_IOMMU_F_PROBE))
        SKIP("the unit does not offer PROBE");
}

/* Checks the list of properties; the regions of RESV_MEM go to the array. */
static unsigned regions_of(struct test_run *t, const struct dma_engine *e,
                           struct virtio_iommu_resv_mem regions[REGIONS_MAX])
{
    const union virtio_iommu_request r = probe_request(e->function.bdf);
    const struct reply reply = send_bytes(t, &r, request_size(&r));
    const uint32_t end = reply.room - sizeof(struct virtio_iommu_tail);
    unsigned count = 0;
    uint32_t at = 0;

    CHECK_EQ(reply.status, VIRTIO_IOMMU_OK, "PROBE of a device");
    while (at + sizeof(struct virtio_iommu_property) <= end) {
        struct virtio_iommu_property p;

        memcpy(&p, reply.answer + at, sizeof(p));
        if ((p.type & VIRTIO_IOMMU_PROPERTY_TYPE) == 0)
            break;
        CHECK((p.type & ~VIRTIO_IOMMU_PROPERTY_TYPE) == 0, "reserved bits of a property: 0x%x",
              p.type);
        at += sizeof(p);
        CHECK(p.length <= end - at, "a property of %u bytes does not fit into probe_size",
              p.length);
        if (p.type == VIRTIO_IOMMU_PROPERTY_RESV_MEM) {
            CHECK(p.length >= sizeof(regions[0]), "RESV_MEM has a value of %u bytes", p.length);
            if (count < REGIONS_MAX)
                memcpy(&regions[count++], reply.answer + at, sizeof(regions[0]));
        }
        at += p.length;
    }
    CHECK(!memory_find_other(reply.answer + at, end - at, 0),
          "a byte after the last property is not 0");
    return count;
}

TEST(probe_properties,
     PROMISE("PROBE lists properties one after the other, zeroes the rest, and tells of reserved "
             "memory without contradictions")
     COVERS("VIO-47 VIO-49") UNIT(virtio_iommu) DEVICES(rocker) KINDS("none")
     STEPS("Sends a PROBE for the device and goes through the list.")
     EXPECTS("Reserved bits are 0, lengths lead from one property to the next and stay in "
             "probe_size, zeroes follow; regions do not overlap, and one at most is for MSIs.")
     IF_IT_FAILS("Bytes of the host's memory leak into the list, or a driver reserves wrong "
                 "addresses."))
{
    struct dma_engine *e = device(t);
    struct virtio_iommu_resv_mem regions[REGIONS_MAX];
    unsigned count, doorbells = 0;

    need_probe(t);
    count = regions_of(t, e, regions);
    for (unsigned i = 0; i < count; i++) {
        const struct virtio_iommu_resv_mem *one = &regions[i];

        CHECK((one->reserved[0] | one->reserved[1] | one->reserved[2]) == 0,
              "reserved bytes of RESV_MEM are not 0");
        CHECK(one->start <= one->end, "RESV_MEM ends before it begins");
        doorbells += one->subtype == VIRTIO_IOMMU_RESV_MEM_MSI;
        for (unsigned j = 0; j < i; j++)
            CHECK(one->start > regions[j].end || one->end < regions[j].start,
                  "two regions of RESV_MEM overlap");
    }
    CHECK(doorbells <= 1, "%u regions for MSIs", doorbells);
}

TEST(probe_endpoints,
     PROMISE("PROBE ignores its reserved field, and is rejected with NOENT for an endpoint that "
             "does not exist")
     COVERS("VIO-44 VIO-45") UNIT(virtio_iommu) DEVICES(rocker) KINDS("bad-input")
     STEPS("A PROBE of the device with all reserved bits set, and a right one of no endpoint.")
     EXPECTS("Status OK and status NOENT.")
     IF_IT_FAILS("A later driver, which uses those bytes, finds no device; or a driver finds "
                 "devices that there are not."))
{
    struct dma_engine *e = device(t);
    union virtio_iommu_request r = probe_request(e->function.bdf);

    need_probe(t);
    memset(r.probe.reserved, 0xFF, sizeof(r.probe.reserved));
    expect_status(t, &r, VIRTIO_IOMMU_OK, "PROBE with reserved bits");
    r = probe_request(NO_ENDPOINT);
    expect_status(t, &r, VIRTIO_IOMMU_NO_ENTRY, "PROBE of an unknown endpoint");
}

TEST(map_over_reserved_memory,
     PROMISE("MAP that overlaps reserved memory of a device of the domain is rejected")
     COVERS("VIO-50") UNIT(virtio_iommu) DEVICES(rocker) KINDS("bad-input")
     STEPS("Reads the regions by PROBE, attaches the device, and sends a MAP of the first page of "
           "each region, and of that page with the one before it.")
     EXPECTS("No MAP has status OK.")
     IF_IT_FAILS("DMA to these addresses goes to another place than the driver has mapped: to an "
                 "interrupt controller, as an MSI."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct virtio_iommu_resv_mem regions[REGIONS_MAX];
    unsigned count;

    need_probe(t);
    count = regions_of(t, e, regions);
    if (count == 0)
        SKIP("the device has no reserved memory");
    enter(t, DOMAIN_A, e);
    for (unsigned i = 0; i < 2 * count; i++) {
        const uint64_t page = regions[i / 2].start & ~(PAGE_SIZE - 1),
                       first = page - (i % 2) * PAGE_SIZE;
        const union virtio_iommu_request r =
            map_request(DOMAIN_A, first, page + (PAGE_SIZE - 1), gpa_of(b.data),
                        VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE);

        CHECK(send_bytes(t, &r, request_size(&r)).status != VIRTIO_IOMMU_OK,
              "MAP 0x%llx to 0x%llx succeeds, and RESV_MEM begins at 0x%llx",
              (unsigned long long)r.map.start, (unsigned long long)r.map.end,
              (unsigned long long)regions[i / 2].start);
    }
}

TEST(probe_without_room,
     PROMISE("PROBE with less room than probe_size is rejected, and no property is written")
     COVERS("VIO-48") UNIT(virtio_iommu) DEVICES(rocker) KINDS("bad-input")
     STEPS("The device uses a mapping. A PROBE has room for half of probe_size and the tail; then "
           "DMA, and a right PROBE.")
     EXPECTS("Status INVAL in the last four bytes, or no byte written; all others are unwritten; "
             "DMA lands, and the right PROBE succeeds.")
     IF_IT_FAILS("The unit writes past the end of the buffer, or a guest can stop the whole host "
                 "by one request."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    struct virtio_iommu_facts facts;
    const union virtio_iommu_request r = probe_request(e->function.bdf);
    const uint8_t *answer;
    uint32_t used, room;

    need_probe(t);
    virtio_iommu_facts(&facts);
    room = facts.probe_size / 2 + sizeof(struct virtio_iommu_tail);
    answer = virtio_iommu_exchange(&r, sizeof(r.probe), room, &used);
    CHECK(answer, "a PROBE without room does not come back");
    CHECK(answer[room - 4] == VIRTIO_IOMMU_INVALID || answer[room - 4] == VIRTIO_IOMMU_UNWRITTEN,
          "a PROBE without room has status %u", answer[room - 4]);
    CHECK(!memory_find_other(answer, room - 4, VIRTIO_IOMMU_UNWRITTEN),
          "a PROBE without room has properties");
    expect_mapped(t, e, IOVA, &b, "after a PROBE without room");
    expect_status(t, &r, VIRTIO_IOMMU_OK, "the same PROBE with room");
}
