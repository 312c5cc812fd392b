/* SPDX-License-Identifier: MIT */
/* Fault reports on the event queue. */
#include "tests/virtio_iommu/requests.h"

#include "drivers/dma_engine.h"
#include "drivers/units/virtio_transport.h"

/* A DMA that must fail; its report stays in the queue. */
static void fail_once(struct test_run *t, struct dma_engine *e, uint64_t iova)
{
    fill_by_device(t, e, iova, 4, "a DMA that is refused");
}

/* The one report of such a DMA, if the unit has made any. */
static void expect_event(struct test_run *t, const struct dma_engine *e, uint64_t iova,
                         uint8_t reason, const char *what)
{
    const uint32_t known =
        VIRTIO_IOMMU_EVENT_READ | VIRTIO_IOMMU_EVENT_WRITE | VIRTIO_IOMMU_EVENT_ADDRESS;
    struct virtio_iommu_event event;

    CHECK(virtio_iommu_next_event(&event), "%s: no event", what);
    STEP("event: reason %llu, flags 0x%llx, endpoint 0x%llx, address 0x%llx", event.reason,
         event.flags, event.endpoint, event.address);
    CHECK(event.reason == reason || event.reason == VIRTIO_IOMMU_REASON_UNKNOWN,
          "%s: reason %u instead of %u or unknown", what, event.reason, reason);
    CHECK_EQ(event.endpoint, e->function.bdf, "endpoint of an event");
    CHECK_EQ(event.flags & ~known, 0, "undefined flags of an event");
    CHECK((event.reserved[0] | event.reserved[1] | event.reserved[2] | event.reserved2) == 0,
          "reserved bytes of an event are not 0");
    CHECK(!(event.flags & VIRTIO_IOMMU_EVENT_READ), "%s: a write is told as a read", what);
    if (event.flags & VIRTIO_IOMMU_EVENT_ADDRESS)
        CHECK(event.address == iova, "%s: address 0x%llx instead of 0x%llx", what,
              (unsigned long long)event.address, (unsigned long long)iova);
    CHECK(!virtio_iommu_next_event(&event), "%s: more than one event", what);
}

TEST(event_fields,
     PROMISE("The event of a refused access names its reason, endpoint and address, and has no "
             "other bits")
     COVERS("VIO-52") UNIT(virtio_iommu) DEVICES(rocker) KINDS("fault")
     STEPS("Two devices write: in no domain, to an IOVA that is not mapped, and to one that is "
           "mapped for reads.")
     EXPECTS("One event for each write: reason DOMAIN, then MAPPING twice, or UNKNOWN; the address "
             "is that of the access, where the event has one; reserved bits are 0.")
     IF_IT_FAILS("A driver blames another device, or cannot tell a device without a domain from a "
                 "missing mapping."))
{
    struct buffer b = buffer(t, 1);

    for (unsigned i = 0; i < 2; i++) {
        struct dma_engine *e = device_n(t, i);
        const union virtio_iommu_request r = map_request(DOMAIN_A + i, IOVA, IOVA + (PAGE_SIZE - 1),
                                                         gpa_of(b.data), VIRTIO_IOMMU_READ);

        fail_once(t, e, IOVA + 0x124);
        expect_event(t, e, IOVA + 0x124, VIRTIO_IOMMU_REASON_DOMAIN, "in no domain");
        enter(t, DOMAIN_A + i, e);
        fail_once(t, e, IOVA + 0x348);
        expect_event(t, e, IOVA + 0x348, VIRTIO_IOMMU_REASON_MAPPING, "not mapped");
        expect_status(t, &r, VIRTIO_IOMMU_OK, "MAP for reads");
        fail_once(t, e, IOVA + 0x56C);
        expect_event(t, e, IOVA + 0x56C, VIRTIO_IOMMU_REASON_MAPPING, "mapped for reads");
    }
    expect_untouched(t, &b, "a page that is mapped for reads");
}

TEST(events_of_a_full_queue,
     PROMISE("When no buffer is left for events, translation goes on, and later events come once "
             "there are buffers")
     COVERS("VIO-53") UNIT(virtio_iommu) DEVICES(rocker) KINDS("dma fault")
     STEPS("The device causes twice as many faults as the event queue has buffers, and no event is "
           "taken; it uses a mapping; a MAP and an UNMAP are sent. Then all events are taken, and "
           "there is one more fault.")
     EXPECTS("DMA by the mapping lands, the requests are answered, as many events as buffers come "
             "at least, and the last fault has its event.")
     IF_IT_FAILS("A device that causes faults stops the event queue, the requests, or all "
                 "translation: one guest program takes the unit from all others."))
{
    struct dma_engine *e = device(t);
    struct buffer b = in_domain_a(t, e, 1);
    const union virtio_iommu_request drop = unmap_request(DOMAIN_A, IOVA, IOVA + (PAGE_SIZE - 1));
    struct virtio_iommu_event event;
    const uint64_t hole = IOVA + SIZE_2M;
    unsigned count = 0;

    for (unsigned i = 0; i < 2 * VIRTQ_SIZE; i++)
        fail_once(t, e, hole);
    fill_by_device(t, e, IOVA, 4, "a mapping, while the event queue is full");
    CHECK(b.data[0] == e->ops->fill_value && b.data[3] == e->ops->fill_value,
          "DMA by a mapping is lost while the event queue is full");
    buffer_refresh(&b);
    expect_status(t, &drop, VIRTIO_IOMMU_OK, "UNMAP while the event queue is full");
    map_bytes(t, DOMAIN_A, IOVA, &b);
    while (virtio_iommu_next_event(&event))
        count++;
    CHECK(count >= VIRTQ_SIZE && count <= 2 * VIRTQ_SIZE, "%u events for %u faults, of %u buffers",
          count, 2 * VIRTQ_SIZE, VIRTQ_SIZE);
    fail_once(t, e, hole);
    expect_event(t, e, hole, VIRTIO_IOMMU_REASON_MAPPING, "after the queue was full");
    expect_mapped(t, e, IOVA, &b, "after the queue was full");
}
