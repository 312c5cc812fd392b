/* SPDX-License-Identifier: MIT */
/* How requests are answered: status, tail, used length, and requests that are none. */
#include "tests/virtio_iommu/requests.h"

#include "lib/string.h"

#define PAGE_LAST (IOVA + (PAGE_SIZE - 1))

/* A right request of each type, in an order in which all succeed. */
static union virtio_iommu_request right(unsigned i, const struct dma_engine *e,
                                        const struct buffer *b)
{
    switch (i) {
    case 0:
        return probe_request(e->function.bdf);
    case 1:
        return attach_request(DOMAIN_A, e, 0);
    case 2:
        return map_request(DOMAIN_A, IOVA, PAGE_LAST, gpa_of(b->data),
                           VIRTIO_IOMMU_READ | VIRTIO_IOMMU_WRITE);
    case 3:
        return unmap_request(DOMAIN_A, IOVA, PAGE_LAST);
    default:
        return detach_request(DOMAIN_A, e);
    }
}
#define RIGHT_ONES 5u

TEST(tail_of_answers,
     PROMISE("A request that succeeds has status OK, a tail without other bits, and its length in "
             "the used ring")
     COVERS("VIO-7 VIO-10") UNIT(virtio_iommu) DEVICES(rocker) KINDS("none")
     STEPS("A right PROBE, ATTACH, MAP, UNMAP and DETACH, and an ATTACH of no endpoint.")
     EXPECTS("Status OK, for the last one an error; the reserved bytes are 0; the used length "
             "covers the answer up to the tail.")
     IF_IT_FAILS("The unit leaks bytes of its memory into the tail, or a driver takes the answer "
                 "for a failure, because its used length is 0."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);

    for (unsigned i = 0; i <= RIGHT_ONES; i++) {
        union virtio_iommu_request r = right(i < RIGHT_ONES ? i : 1, e, &b);
        struct virtio_iommu_tail tail;
        struct reply reply;

        if (i == RIGHT_ONES)
            r.attach.endpoint = NO_ENDPOINT;
        reply = send_bytes(t, &r, request_size(&r));
        memcpy(&tail, reply.answer + reply.room - sizeof(tail), sizeof(tail));
        CHECK((tail.status == VIRTIO_IOMMU_OK) == (i < RIGHT_ONES),
              "status %u of request %u of type %u", tail.status, i, r.type);
        CHECK((tail.reserved[0] | tail.reserved[1] | tail.reserved[2]) == 0,
              "reserved bytes of the tail: %02x %02x %02x", tail.reserved[0], tail.reserved[1],
              tail.reserved[2]);
        CHECK_EQ(reply.used, reply.room, "length in the used ring");
    }
}

TEST(reserved_of_head,
     PROMISE("The reserved bytes of a request's head are ignored")
     COVERS("VIO-9") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma")
     STEPS("A right PROBE, ATTACH, MAP, UNMAP and DETACH, each with all reserved bits of the head "
           "set; the device writes while the page is mapped.")
     EXPECTS("Status OK each time, and the write lands.")
     IF_IT_FAILS("The unit rejects what the specification tells it to ignore, or takes these bytes "
                 "for a part of the type."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);

    for (unsigned i = 0; i < RIGHT_ONES; i++) {
        union virtio_iommu_request r = right(i, e, &b);

        memset(r.attach.head_reserved, 0xFF, sizeof(r.attach.head_reserved));
        expect_status(t, &r, VIRTIO_IOMMU_OK, "a right request with reserved bits in its head");
        if (r.type == VIRTIO_IOMMU_MAP)
            expect_mapped(t, e, IOVA, &b, "mapped by a request with reserved bits");
    }
}

TEST(unknown_types,
     PROMISE("A request of an unknown type is given back unwritten, with used length 0")
     COVERS("VIO-8") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("The device uses a mapping. Requests of types 0, 6, 127, 254 and 255 follow, then DMA.")
     EXPECTS("No byte of the answer is written, the used length is 0, and DMA lands as before.")
     IF_IT_FAILS("A driver that tries a newer request takes what it finds in the buffer for an "
                 "answer."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    static const uint8_t types[] = {0, 6, 127, 254, 255};

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        union virtio_iommu_request r = detach_request(DOMAIN_A, e);
        struct reply reply;

        r.type = types[i];
        reply = send_bytes(t, &r, request_size(&r));
        CHECK(!memory_find_other(reply.answer, reply.room, VIRTIO_IOMMU_UNWRITTEN),
              "the answer to a request of type %u is written: status %u", r.type, reply.status);
        CHECK_EQ(reply.used, 0, "used length of a request of unknown type");
    }
    expect_mapped(t, e, IOVA, &b, "after requests of unknown types");
}

TEST(short_requests,
     PROMISE("A request that is too short for its type is not carried out, and the unit goes on")
     COVERS("VIO-14") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("The device uses a mapping. DETACH, UNMAP and ATTACH follow, each cut to every length "
           "from its head on in steps of 4 bytes, then DMA and the whole requests.")
     EXPECTS("No cut request has status OK or an effect, and the whole ones work.")
     IF_IT_FAILS("Missing fields are read from memory after the request, or the unit is stuck."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    const union virtio_iommu_request requests[] = {detach_request(DOMAIN_A, e),
                                                   unmap_request(DOMAIN_A, IOVA, PAGE_LAST),
                                                   attach_request(DOMAIN_B, e, 0)};

    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        for (uint32_t size = 4; size < request_size(&requests[i]); size += 4) {
            CHECK(send_bytes(t, &requests[i], size).status != VIRTIO_IOMMU_OK,
                  "a request of type %u with %u bytes succeeds", requests[i].type, size);
        }
        expect_mapped(t, e, IOVA, &b, "after requests that were too short");
    }
    expect_status(t, &requests[1], VIRTIO_IOMMU_OK, "the whole UNMAP");
    expect_unmapped(t, e, IOVA, &b, "after the whole UNMAP");
}

TEST(no_room_for_status,
     PROMISE("A request without room for the tail is given back, and the unit goes on")
     COVERS("VIO-14") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma bad-input")
     STEPS("The device uses a mapping. An UNMAP with no device-writable byte follows, then DMA "
           "and a right UNMAP.")
     EXPECTS("The request comes back; after the right UNMAP the device's write is lost.")
     IF_IT_FAILS("One malformed request stops the unit for all devices until it is reset."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    const union virtio_iommu_request r = unmap_request(DOMAIN_A, IOVA, PAGE_LAST);
    uint32_t used = 0;

    CHECK(virtio_iommu_exchange(&r, sizeof(r.unmap), 0, &used),
          "a request without room for its tail does not come back");
    CHECK_EQ(used, 0, "used length of a request without room for an answer");
    (void)may_write(t, e, IOVA, &b, 0, 4, "after an UNMAP without room for its tail");
    expect_status(t, &r, VIRTIO_IOMMU_OK, "the same UNMAP with room for its tail");
    expect_unmapped(t, e, IOVA, &b, "after the right UNMAP");
}
